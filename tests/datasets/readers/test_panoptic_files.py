"""Panoptic's files: what is no release, or damaged, or hostile, is refused by its name."""

import pickle
import shutil
from pathlib import Path

import pytest

from handkd.datasets import PanopticHandDataset

LABELS = 'pose0/hdHand3d/handRecon3D_hd00000009.json'


def test_wrong_folders_are_told(panoptic, tmp_path_factory):
    empty = tmp_path_factory.mktemp('empty')
    with pytest.raises(
        FileNotFoundError, match="expects 'SEQUENCE/calibration_SEQUENCE.json' there; the folder is empty"
    ):
        PanopticHandDataset(empty, 'all')
    with pytest.raises(FileNotFoundError, match="expects 'annotation/annotation.pkl' there; the folder is empty"):
        PanopticHandDataset(empty, 'all', release='mtc')
    (empty / 'labels').mkdir()
    (empty / 'labels/B1Counting_SK.mat').touch()
    with pytest.raises(FileNotFoundError, match='the folder looks like the root of STBDataset'):
        PanopticHandDataset(empty, 'all')
    with pytest.raises(FileNotFoundError, match=f"'{panoptic}' looks like the root of PanopticHandDataset"):
        PanopticHandDataset(panoptic / 'pose0', 'all')


def test_videos_must_be_extracted(panoptic):
    shutil.rmtree(panoptic / 'pose0/hdImgs')
    with pytest.raises(FileNotFoundError, match='pose0.* has no images .*download the HD videos'):
        PanopticHandDataset(panoptic, 'all')
    (panoptic / 'pose0/hdVideos').mkdir()
    with pytest.raises(FileNotFoundError, match='pose0.* has no images .*there are videos: extract their frames'):
        PanopticHandDataset(panoptic, 'all')


def test_no_images_at_all(panoptic):
    for path in (panoptic / 'pose0/hdImgs').glob('*/*.jpg'):
        path.unlink()
    with pytest.raises(
        ValueError, match='no image shows one of the 3 labelled hands.*6 are missing.*00_00_00000000.jpg'
    ):
        PanopticHandDataset(panoptic, 'all')


class Hostile:
    def __reduce__(self):
        return Path.touch, (Path('ran'),)


def test_hostile_pickles_are_refused(panoptic_mtc, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ('camera_data.pkl', 'annotation.pkl'):
        (panoptic_mtc / 'annotation' / name).write_bytes(pickle.dumps(Hostile()))
        with pytest.raises(ValueError, match=rf"{name}' was not read: it requests pathlib\."):
            PanopticHandDataset(panoptic_mtc, 'all', release='mtc', cameras=(0, 1))
    assert not (tmp_path / 'ran').exists()


def test_wrong_mtc_files_are_named(panoptic_mtc):
    (panoptic_mtc / 'annotation/camera_data.pkl').write_bytes(pickle.dumps({'pose1': {}}))
    with pytest.raises(ValueError, match="camera_data.pkl' has no cameras of the sequence 'pose0'"):
        PanopticHandDataset(panoptic_mtc, 'all', release='mtc')
    (panoptic_mtc / 'annotation/annotation.pkl').write_bytes(
        pickle.dumps({'training_data': [{'id': 1, 'frame_str': '7', 'seqName': '../pose1'}]})
    )
    with pytest.raises(ValueError, match="'seqName' must be a plain name, without folders, found '../pose1'"):
        PanopticHandDataset(panoptic_mtc, 'train', release='mtc')
    (panoptic_mtc / 'annotation/annotation.pkl').write_bytes(pickle.dumps({'training_data': [{'id': 1}]}))
    with pytest.raises(ValueError, match="annotation.pkl': an entry of 'training_data' has no 'seqName'"):
        PanopticHandDataset(panoptic_mtc, 'train', release='mtc')
    with pytest.raises(ValueError, match="annotation.pkl' has no list 'testing_data'"):
        PanopticHandDataset(panoptic_mtc, 'test', release='mtc')


@pytest.mark.parametrize(
    ('edit', 'message'),
    [
        (
            lambda c: c['people'][1]['left_hand']['landmarks'].__setitem__(24, float('nan')),
            "frame 9, joint 'index_tip'",
        ),
        (
            lambda c: c['people'][1]['left_hand']['landmarks'].pop(),
            "frame 9, person 3, left hand: 'landmarks' must be 63",
        ),
        (
            lambda c: c['people'][1]['left_hand']['landmarks'].__setitem__(24, 1e39),
            "frame 9, joint 'index_tip' is .*no finite number up to 1e.06",
        ),
        (lambda c: c['people'][1].update(id=10**10), "whole number 'id' up to 999999999"),
        (
            lambda c: c['people'][1]['left_hand'].update(landmarks=[10**400] * 63),
            "'landmarks' must be 63 numbers, found 0",
        ),
        (lambda c: c.pop('people'), "has no list 'people'"),
    ],
)
def test_wrong_labels_are_named(panoptic, change_json, edit, message):
    change_json(panoptic / LABELS, edit)
    with pytest.raises(ValueError, match=f"handRecon3D_hd00000009.json'.*{message}"):
        PanopticHandDataset(panoptic, 'all')


def test_damaged_json_is_named(panoptic):
    (panoptic / LABELS).write_text('{"people": [')
    with pytest.raises(ValueError, match='handRecon3D_hd00000009.json: not valid JSON'):
        PanopticHandDataset(panoptic, 'all')


@pytest.mark.parametrize(
    ('edit', 'message'),
    [
        (lambda c: c['cameras'][1].update(K=[1, 2]), r"camera '00_01': 'K' must be \(3, 3\) finite numbers"),
        (lambda c: c['cameras'][1].update(resolution=[640, 480]), r"'resolution' \[1920, 1080\], found \[640, 480\]"),
        (lambda c: c['cameras'][1]['K'][0].__setitem__(0, 0), "camera '00_01': focal lengths in 'K' must be above 0"),
        (lambda c: c['cameras'][1]['R'][0].__setitem__(0, 7), "camera '00_01': 'R' must be a rotation"),
        (
            lambda c: c['cameras'][1]['t'][0].__setitem__(0, 1e39),
            "camera '00_01': 't' must be finite numbers up to 1e.06",
        ),
        (
            lambda c: c['cameras'][1].pop('node'),
            "camera '00_01': 'node' of a camera must be a whole number, found None",
        ),
        (lambda c: c['cameras'][1].update(node=[1]), r"'node' of a camera must be a whole number, found \[1\]"),
        (lambda c: c['cameras'].pop(1), 'no HD camera 1'),
        (lambda c: c.pop('cameras'), "no list 'cameras'"),
    ],
)
def test_wrong_calibrations_are_named(panoptic, change_json, edit, message):
    change_json(panoptic / 'pose0/calibration_pose0.json', edit)
    with pytest.raises(ValueError, match=message):
        PanopticHandDataset(panoptic, 'all')
