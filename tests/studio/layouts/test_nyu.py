"""NYU's files, decoded by hand with the formulas of the data set's own scripts."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from scipy.io import loadmat

from handkd.studio.layouts.nyu import write_nyu

FX, FY = 588.036865, 587.075073
FINGER = ('KNU3_A', 'KNU3_B', 'KNU2_A', 'KNU2_B', 'KNU1_A', 'KNU1_B')
NAMES = [f'{f}_{point}' for f in ('F1', 'F2', 'F3', 'F4', 'TH') for point in FINGER] + [
    f'PALM_{n}' for n in range(1, 7)
]
EVALUATED = [0, 3, 6, 9, 12, 15, 18, 21, 24, 25, 27, 30, 31, 32]
TO_HAND = [32, 28, 27, 25, 24, 22, 21, 19, 18, 16, 15, 13, 12, 10, 9, 7, 6, 4, 3, 1, 0]


@pytest.fixture(scope='module')
def written(tmp_path_factory):
    root = tmp_path_factory.mktemp('nyu')
    return root, list(write_nyu(root, 4, 3))


def read_depth(path):
    image = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    assert image.shape == (480, 640, 3) and image.dtype == np.uint8 and not image[..., 2].any()
    return (image[..., 1].astype(int) << 8) | image[..., 0]


def labels_of(root, truth, key):
    return loadmat(root / truth['split'] / 'joint_data.mat')[key][truth['view'] - 1, truth['frame'] - 1]


def test_both_splits_have_their_files_and_no_other(written, paths):
    root, truths = written
    expected = {'train/joint_data.mat', 'test/joint_data.mat', 'test/test_predictions.mat'}
    for split in ('train', 'test'):
        for kind in ('rgb', 'depth', 'synthdepth'):
            expected |= {f'{split}/{kind}_{k}_{n:07d}.png' for k in (1, 2, 3) for n in range(1, 5)}
        data = loadmat(root / split / 'joint_data.mat')
        assert data['joint_names'].shape == (1, 36) and [str(name[0]) for name in data['joint_names'][0]] == NAMES
        assert data['joint_uvd'].shape == data['joint_xyz'].shape == (3, 4, 36, 3)
    assert paths(root) == expected and len(truths) == 24
    for truth in truths:
        assert truth['img_path'] == '{split}/rgb_{view}_{frame:07d}.png'.format(**truth)
        assert truth['depth_path'] == '{split}/depth_{view}_{frame:07d}.png'.format(**truth)


def test_parts_are_written_when_asked_for(tmp_path, written, paths):
    root, truths = written
    again = list(write_nyu(tmp_path, 1, 3, parts=True))
    new = {f'{split}/parts_{k}_0000001.png' for split in ('train', 'test') for k in (1, 2, 3)}
    assert paths(tmp_path) - paths(root) == new == {truth['parts_path'] for truth in again}
    by_path = {truth['img_path']: truth for truth in truths}
    for truth in again:
        assert truth['parts_path'] == '{split}/parts_{view}_{frame:07d}.png'.format(**truth)
        parts = cv2.imread(str(tmp_path / truth['parts_path']), cv2.IMREAD_UNCHANGED)
        assert parts.dtype == np.uint8 and parts.shape == (480, 640)
        assert len(np.unique(parts)) > 12 and parts.max() <= 20
        # They are the parts of the very hand that is written without them.
        other = by_path[truth['img_path']]
        assert 'parts_path' not in other
        np.testing.assert_array_equal(parts, other['part_seg'])
        assert (read_depth(tmp_path / truth['depth_path'])[parts > 0] < 2001).all()


def test_xyz_is_uvd_with_y_up(written):
    root, truths = written
    for truth in truths:
        u, v, d = labels_of(root, truth, 'joint_uvd').T
        xyz = np.stack([(u - 320) * d / FX, (240 - v) * d / FY, d], 1)
        np.testing.assert_allclose(labels_of(root, truth, 'joint_xyz'), xyz, atol=1e-6)
        np.testing.assert_allclose(truth['joints_36'], xyz * (1, -1, 1), atol=1e-6)


def test_the_21_joints_are_the_hands_own(written):
    root, truths = written
    for truth in truths:
        joints = labels_of(root, truth, 'joint_xyz')[TO_HAND] * (1, -1, 1)
        np.testing.assert_allclose(joints, truth['keypoints_cam'], atol=1e-9)
        np.testing.assert_allclose(labels_of(root, truth, 'joint_uvd')[TO_HAND, :2], truth['keypoints'], atol=1e-9)
        np.testing.assert_array_equal(truth['camera']['K'], [[FX, 0, 320], [0, FY, 240], [0, 0, 1]])


def test_the_other_points_lie_where_their_names_say(written):
    root, truths = written
    for truth in truths:
        at = dict(zip(NAMES, labels_of(root, truth, 'joint_xyz')))
        for f in ('F1', 'F2', 'F3', 'F4', 'TH'):
            chain = [at[f'{f}_{point}'] for point in FINGER] + [at['PALM_6']]
            bones = np.linalg.norm(np.diff(chain, axis=0), axis=1)
            np.testing.assert_allclose(bones[1], bones[2], err_msg='KNU2_A is halfway along its phalanx')
            np.testing.assert_allclose(bones[4] * 3, bones[5], err_msg='KNU1_B is on the way to the wrist')
        np.testing.assert_array_equal(at['PALM_3'], at['PALM_6'])
        ulnar, radial = at['PALM_1'] - at['PALM_6'], at['PALM_2'] - at['PALM_6']
        across = at['F1_KNU1_A'] - at['F4_KNU1_A']
        assert ulnar @ across > 0 > radial @ across and 10 < np.linalg.norm(ulnar - radial) < 45
        np.testing.assert_allclose(at['PALM_4'], (at['PALM_6'] + at['F1_KNU1_A']) / 2)
        np.testing.assert_allclose(at['PALM_5'], (at['PALM_6'] + at['F3_KNU1_A']) / 2)


def test_images_are_what_the_truth_says(written):
    root, truths = written
    for truth in truths:
        depth, synthetic = (read_depth(root / truth['depth_path'].replace('depth', k)) for k in ('depth', 'synthdepth'))
        nothing = truth['depth'] == 0
        assert (depth[nothing] == 2001).all() and depth[~nothing].max() < 2001
        assert np.abs(depth - truth['depth'])[~nothing].max() <= 0.5
        np.testing.assert_array_equal(synthetic == 2001, ~truth['hand_mask'])
        np.testing.assert_array_equal(synthetic[truth['hand_mask']], depth[truth['hand_mask']])
        colour = cv2.imread(str(root / truth['img_path']), cv2.IMREAD_UNCHANGED)
        np.testing.assert_array_equal(colour, truth['img'])
        assert not colour[nothing].any() and colour[~nothing].any(-1).mean() > 0.95


def test_points_lie_inside_the_hand(written):
    root, truths = written
    behind = []
    for truth in truths:
        uvd = labels_of(root, truth, 'joint_uvd')[EVALUATED]
        depth = read_depth(root / truth['depth_path'])
        u, v = np.round(uvd[:, :2]).astype(int).T
        assert (u >= 0).all() and (u < 640).all() and (v >= 0).all() and (v < 480).all()
        behind += list(uvd[:, 2] - depth[v, u])
    behind = np.array(behind)
    assert np.mean(behind > -2) > 0.9 and 3 < np.median(behind) < 30


def test_three_kinects_see_the_same_hand_from_elsewhere(written):
    data = loadmat(written[0] / 'train/joint_data.mat')['joint_xyz']
    distances = np.linalg.norm(data[:, :, :, None] - data[:, :, None], axis=-1)
    np.testing.assert_allclose(distances[0], distances[1], atol=1e-6)
    np.testing.assert_allclose(distances[0], distances[2], atol=1e-6)
    assert np.abs(data[0] - data[1]).max() > 30 < np.abs(data[0] - data[2]).max()


def test_predictions_are_the_evaluated_joints_in_the_first_kinect(written):
    data, truth = (loadmat(written[0] / f'test/{name}.mat') for name in ('test_predictions', 'joint_data'))
    predicted = data['pred_joint_uvconf']
    assert predicted.shape == (1, 4, 36, 3)
    assert [str(name[0]) for name in data['conv_joint_names'][0]] == [NAMES[j] for j in EVALUATED]
    others = [j for j in range(36) if j not in EVALUATED]
    assert not predicted[:, :, others].any()
    error = predicted[0, :, EVALUATED, :2] - truth['joint_uvd'][0][:, EVALUATED, :2].transpose(1, 0, 2)
    assert 1 < error.std() < 3 and np.abs(error.mean()) < 1
    assert (predicted[0, :, EVALUATED, 2] > 0).all() and predicted[..., 2].max() <= 1


def test_right_hands(written, side_by_flexion):
    root, truths = written
    hands = [labels_of(root, truth, 'joint_xyz')[TO_HAND] * (1, -1, 1) for truth in truths]
    assert side_by_flexion(hands) == 'right' and {truth['hand_side'] for truth in truths} == {'right'}
