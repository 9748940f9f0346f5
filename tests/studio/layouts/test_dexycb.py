"""DexYCB's files, decoded by hand as the specification describes them."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import yaml

from handkd.studio.layouts.dexycb import write_dexycb

SERIALS = [
    '836212060125', '839512060362', '840412060917', '841412060263', '932122060857', '932122060861', '932122061900',
    '932122062010',
]  # fmt: skip
SUBJECTS = [
    '20200709-subject-01', '20200813-subject-02', '20200820-subject-03', '20200903-subject-04', '20200908-subject-05',
    '20200918-subject-06', '20200928-subject-07', '20201002-subject-08', '20201015-subject-09', '20201022-subject-10',
]  # fmt: skip


@pytest.fixture(scope='module')
def written(tmp_path_factory):
    root = tmp_path_factory.mktemp('dexycb')
    return root, list(write_dexycb(root, 1, 3))


def labels_of(root, truth):
    return np.load(root / truth['mask_path'])


def test_the_tree_is_the_owners(written, paths):
    root, truths = written
    assert sorted(path.name for path in root.iterdir()) == sorted([*SUBJECTS, 'calibration'])
    recorded = {truth['sequence'] for truth in truths}
    assert len(recorded) == 6 and len(truths) == 48
    for subject in SUBJECTS:
        sequences = sorted(path.name for path in (root / subject).iterdir())
        assert len(sequences) == 100
        for truth in truths:
            if truth['sequence'].startswith(subject):
                assert sequences[truth['place']] == truth['sequence'].split('/')[1]
    for path in paths(root):
        if path.endswith('meta.yml'):
            meta = yaml.safe_load((root / path).read_text())
            folder = path.removesuffix('/meta.yml')
            images = len(list((root / folder).glob(f'{SERIALS[0]}/color_*.jpg')))
            assert meta['num_frames'] == images and (images > 0) == (folder in recorded)
            assert meta['serials'] == SERIALS and meta['mano_sides'] in (['left'], ['right'])
            assert (root / f'calibration/extrinsics_{meta["extrinsics"]}/extrinsics.yml').is_file()


def test_labels_are_the_truth_in_metres(written):
    root, truths = written
    for truth in truths:
        labels = labels_of(root, truth)
        assert {key: (value.shape, str(value.dtype)) for key, value in labels.items()} == {
            'seg': ((480, 640), 'uint8'),
            'pose_y': ((3, 3, 4), 'float32'),
            'pose_m': ((1, 51), 'float32'),
            'joint_3d': ((1, 21, 3), 'float32'),
            'joint_2d': ((1, 21, 2), 'float32'),
        }
        assert np.abs(labels['joint_3d'][0] * 1000 - truth['keypoints_cam']).max() < 1e-3
        serial = truth['img_path'].split('/')[2]
        color = yaml.safe_load((root / f'calibration/intrinsics/{serial}_640x480.yml').read_text())['color']
        u = color['fx'] * truth['keypoints_cam'][:, 0] / truth['keypoints_cam'][:, 2] + color['ppx']
        assert np.abs(labels['joint_2d'][0, :, 0] - u).max() < 1e-2 and color['coeffs'] == [0.0] * 5
        np.testing.assert_array_equal(labels['seg'] == 255, truth['hand_mask'])


def test_extrinsics_lead_from_each_camera_to_the_master(written):
    root, truths = written
    for truth in truths:
        meta = yaml.safe_load((root / truth['sequence'] / 'meta.yml').read_text())
        path = root / f'calibration/extrinsics_{meta["extrinsics"]}/extrinsics.yml'
        content = yaml.safe_load(path.read_text())
        serial, master = truth['img_path'].split('/')[2], content['master']
        pose = np.array(content['extrinsics'][serial]).reshape(3, 4)
        there = labels_of(root, {'mask_path': truth['mask_path'].replace(serial, master)})['joint_3d'][0]
        here = labels_of(root, truth)['joint_3d'][0]
        assert np.abs(here @ pose[:, :3].T + pose[:, 3] - there).max() < 1e-5


def test_images_and_depth_show_the_hand(written, share_on_hand, is_jpeg_of, side_by_flexion):
    root, truths = written
    for truth in truths:
        assert is_jpeg_of(root / truth['img_path'], truth['img'])
        depth = cv2.imread(str(root / truth['depth_path']), cv2.IMREAD_UNCHANGED)
        assert depth.dtype == np.uint16 and np.abs(depth - truth['depth']).max() <= 0.51
        assert ((truth['keypoints'] > 0) & (truth['keypoints'] < (640, 480))).all()
    assert share_on_hand(truths) > 0.7
    for side in ('left', 'right'):
        hands = [truth['keypoints_cam'] for truth in truths if truth['hand_side'] == side]
        assert side_by_flexion(hands) == side


def test_one_frame_has_no_hand(written):
    root, truths = written
    listed = {truth['mask_path'] for truth in truths}
    others = [path for path in root.glob('*/*/*/labels_*.npz') if path.relative_to(root).as_posix() not in listed]
    assert len(others) == 8
    for path in others:
        labels = np.load(path)
        assert (labels['joint_3d'] == -1).all() and (labels['joint_2d'] == -1).all() and not labels['seg'].any()
