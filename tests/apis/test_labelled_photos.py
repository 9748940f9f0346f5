"""Lists of labelled photographs, and what is refused in them."""

import json

import cv2
import numpy as np
import pytest

from handkd.apis.labelled_photos import read_photos

POINTS = [[10.0 + i, 20.0 + 2 * i] for i in range(21)]


def write(folder, **changes):
    cv2.imwrite(str(folder / 'a.png'), np.zeros((80, 60, 3), np.uint8))
    entry = dict(file='a.png', keypoints=POINTS) | changes
    (folder / 'photos.json').write_text(json.dumps([{key: value for key, value in entry.items() if value != '-'}]))
    return folder / 'photos.json'


def test_a_photograph_with_missing_joints(tmp_path):
    (photo,) = read_photos(write(tmp_path, keypoints=[None, *POINTS[1:]], side='left', source='a camera'))
    assert np.isnan(photo.keypoints[0]).all() and photo.keypoints[20].tolist() == [30, 60]
    assert photo.box == (11, 22, 19, 38) and photo.side == 'left' and photo.keypoints_cam is None
    center, side = photo.square
    assert center.tolist() == [20.5, 41] and side == 38
    (photo,) = read_photos(write(tmp_path, box=[1, 2, 30, 20], keypoints_cam=[[0, 0, 500.0]] * 21))
    assert photo.square[1] == 30 and photo.keypoints_cam.shape == (21, 3) and not photo.guessed
    (photo,) = read_photos(write(tmp_path, keypoints='-', box=[1, 2, 30, 20]))
    assert np.isnan(photo.keypoints).all() and photo.keypoints.shape == (21, 2)
    (photo,) = read_photos(write(tmp_path, truth="none; another network's guess"))
    assert photo.guessed


@pytest.mark.parametrize(
    ('changes', 'error'),
    [
        (dict(file='-'), "entry 0: 'file' is missing"),
        (dict(file='../a.png'), 'entry 0: file must be a path within the folder'),
        (dict(file='b.png'), 'entry 0: no image at .*b.png'),
        (dict(keypoints=POINTS[:20]), 'entry 0: keypoints must be 21 points of 2 numbers'),
        (dict(keypoints=[None] * 20 + POINTS[:1]), 'entry 0: 1 joints have no box'),
        (dict(keypoints='-'), "entry 0: 'keypoints' are missing; without them give 'box'"),
        (dict(keypoints=[[5.0, 2.0 * i] for i in range(21)]), 'entry 0: 21 joints have no box'),
        (dict(keypoints_cam=[None] + [[0, 0, 500.0]] * 20), 'keypoints_cam must have all joints, found none at 0'),
        (dict(keypoints_cam=POINTS), 'entry 0: keypoints_cam must be 21 points of 3 numbers'),
        (dict(box=[0, 0, 5, 0]), r'entry 0: box must be \[x, y, width, height\]'),
        (dict(side='lefft'), "entry 0: side.*'left'"),
        (dict(sides='left'), "entry 0.*sides.*did you mean 'side'"),
    ],
)
def test_what_is_wrong_is_named(changes, error, tmp_path):
    with pytest.raises((ValueError, FileNotFoundError), match=error):
        read_photos(write(tmp_path, **changes))
    (tmp_path / 'photos.json').write_text('{}')
    with pytest.raises(ValueError, match='photos.json: expected a list of photographs'):
        read_photos(tmp_path / 'photos.json')
