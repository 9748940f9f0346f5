"""HO-3D's files, decoded by hand as the specification describes them."""

from __future__ import annotations

import json
import pickle

import cv2
import numpy as np
import pytest

from handkd.studio.layouts.ho3d import write_ho3d

TO_HAND = [0, 13, 14, 15, 16, 1, 2, 3, 17, 4, 5, 6, 18, 10, 11, 12, 19, 7, 8, 9, 20]
SUFFIX = {'v2': 'png', 'v3': 'jpg'}


@pytest.fixture(scope='module', params=['v2', 'v3'])
def written(request, tmp_path_factory):
    root = tmp_path_factory.mktemp('ho3d')
    return root, list(write_ho3d(root, 2, 3, request.param)), request.param


def meta_of(root, truth):
    path = root / f'{truth["split"]}/{truth["sequence"]}/meta/{truth["frame"]:04d}.pkl'
    return pickle.loads(path.read_bytes(), encoding='latin1')


def test_the_lists_name_every_frame(written):
    root, truths, version = written
    for split in ('train', 'evaluation'):
        lines = (root / f'{split}.txt').read_text().split()
        found = {f'{t["sequence"]}/{t["frame"]:04d}' for t in truths if t['split'] == split}
        extra = set(lines) - found
        assert len(lines) == len(set(lines)) and len(extra) == (split == 'train')
        for line in lines:
            sequence, frame = line.split('/')
            for kind, suffix in (('rgb', SUFFIX[version]), ('depth', 'png'), ('meta', 'pkl')):
                assert (root / split / sequence / kind / f'{frame}.{suffix}').is_file()
        for line in extra:
            path = root / split / f'{line.replace("/", "/meta/")}.pkl'
            meta = pickle.loads(path.read_bytes(), encoding='latin1')
            assert meta['handJoints3D'] is None and meta['handPose'] is None


def test_labels_are_the_truth_in_the_published_form(written):
    root, truths, _ = written
    lines = (root / 'evaluation.txt').read_text().split()
    published = json.loads((root / 'evaluation_xyz.json').read_text())
    assert len(published) == len(lines)
    for truth in truths:
        meta = meta_of(root, truth)
        joints = np.asarray(meta['handJoints3D'])
        if truth['split'] == 'evaluation':
            assert joints.shape == (3,)
            np.testing.assert_allclose(meta['handBoundingBox'], truth['bbox'])
            entry = np.array(published[lines.index(f'{truth["sequence"]}/{truth["frame"]:04d}')])
            np.testing.assert_allclose(entry[0], joints, atol=1e-6)
            joints = entry
        np.testing.assert_allclose(joints[TO_HAND] * (1000, -1000, -1000), truth['keypoints_cam'], atol=1e-3)
        pixels = truth['keypoints_cam'] @ meta['camMat'].T
        np.testing.assert_allclose(pixels[:, :2] / pixels[:, 2:], truth['keypoints'], atol=1e-3)


def test_depth_is_decoded_by_the_owners_formula(written):
    root, truths, version = written
    for truth in truths:
        raster = cv2.imread(str(root / truth['depth_path'])).astype(int)
        metres = (raster[..., 2] + 256 * raster[..., 1]) * 0.00012498664727900177
        assert np.abs(metres * 1000 - truth['depth']).max() < 0.07 and not raster[..., 0].any()
        if version == 'v2':
            np.testing.assert_array_equal(cv2.imread(str(root / truth['img_path'])), truth['img'])


def test_calibrations_lead_from_each_camera_to_the_world(written):
    root, truths, _ = written
    worlds = {}
    for truth in truths:
        folder = root / f'calibration/{truth["sequence"][:-1]}/calibration'
        assert folder.is_dir() == truth['calibrated']
        if truth['calibrated']:
            order = np.loadtxt(folder / 'cam_orders.txt').astype('uint8').tolist()
            matrix = np.loadtxt(folder / f'trans_{order.index(int(truth["sequence"][-1]))}.txt')
            world = truth['keypoints_cam'] / 1000 @ matrix[:3, :3].T + matrix[:3, 3]
            worlds.setdefault((truth['sequence'][:-1], truth['frame']), []).append(world)
    assert sorted(map(len, worlds.values())) == [3, 5]
    for views in worlds.values():
        np.testing.assert_allclose(views, [views[0]] * len(views), atol=1e-5)


def test_hands_are_right_and_in_view(written, share_on_hand, side_by_flexion):
    _, truths, _ = written
    assert share_on_hand(truths) > 0.6 and side_by_flexion([truth['keypoints_cam'] for truth in truths]) == 'right'
