"""The rig's plain form, decoded by hand, and the example written in it."""

import json
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import pytest

from handkd.studio.layouts.folder_rig import write_folder_rig
from handkd.studio.layouts.interhand import write_interhand

EXAMPLE = Path(__file__).parents[3] / 'examples' / 'rig'


@pytest.fixture(scope='module')
def written(tmp_path_factory):
    root = tmp_path_factory.mktemp('rig')
    return root, list(write_folder_rig(root, 3, 0))


def read(root, split):
    return [json.loads(line) for line in (root / f'{split}.jsonl').read_text().splitlines()]


def test_lines(written):
    root, truths = written
    names = json.loads((root / 'dataset.json').read_text())['joint_names']
    lines = read(root, 'train') + read(root, 'test')
    assert len(lines) == len(truths) == 18 and sum('joints_3d' not in line for line in lines) == 4
    for line, truth in zip(lines, truths):
        assert [line['camera'], line['sequence'], line['frame'], line['subject']] == [
            truth[key] for key in ('view', 'sequence', 'frame', 'subject')
        ]
        image = cv2.imread(str(root / line['image']))
        assert line['image'] == truth['img_path'] and image.shape == truth['img'].shape
        if 'joints_3d' in line:
            wrist = line['joints_3d'][names.index('wrist')]
            np.testing.assert_allclose(wrist, truth['keypoints_cam'][0], atol=1e-3)
        pixel = np.array(line['K']) @ np.divide(line['center'], line['center'][2])
        assert (pixel[:2] > 0).all() and (pixel[:2] < (128, 96)).all()


def test_both_cameras_see_the_same_hand(written):
    lines = read(written[0], 'test')
    for left, right in zip(lines[::2], lines[1::2]):
        worlds = [(np.array(line['joints_3d']) - line['T']) @ np.array(line['R']) for line in (left, right)]
        np.testing.assert_allclose(*worlds, atol=0.01)
        assert left['camera'] == 0 and right['camera'] == 1 and left['frame'] == right['frame']


def test_the_example_is_what_the_command_in_its_readme_writes(written):
    for name in ('dataset.json', 'train.jsonl', 'test.jsonl'):
        assert (EXAMPLE / name).read_text() == (written[0] / name).read_text()
    assert '--layout folder_rig' in (EXAMPLE / 'README.md').read_text()
    size = sum(path.stat().st_size for path in EXAMPLE.rglob('*.jpg'))
    assert size < 100_000


def bones_of(truth):
    joints = truth['keypoints_cam']
    return np.linalg.norm(joints[[9, 10, 18]] - joints[[0, 9, 17]], axis=1)


@pytest.mark.parametrize('writer', [write_folder_rig, partial(write_interhand, cameras=1)])
def test_a_person_has_one_hand_shape_in_all_frames_and_on_both_sides(tmp_path, writer):
    people = {}
    for truth in writer(tmp_path, 2, 0):
        people.setdefault(truth.get('subject', truth['split']), []).append(bones_of(truth))
    for found in people.values():
        assert len(found) > 1
        np.testing.assert_allclose(found, [found[0]] * len(found), rtol=1e-4)
    sizes = np.array([found[0] for found in people.values()])
    assert len(np.unique(sizes.round(1), axis=0)) == len(people), 'people differ'
