"""RHD's files, decoded by hand with the formulas of the data set's own viewer."""

from __future__ import annotations

import pickle
import pickletools

import cv2
import numpy as np
import pytest

from handkd.studio.layouts.rhd import write_rhd

TO_HAND = [0, 4, 3, 2, 1, 8, 7, 6, 5, 12, 11, 10, 9, 16, 15, 14, 13, 20, 19, 18, 17]
"""Row of one hand's 21 for each joint from palm to tip."""
PALM = (1, 5, 9, 13, 17)


@pytest.fixture(scope='module')
def written(tmp_path_factory):
    root = tmp_path_factory.mktemp('rhd')
    return root, list(write_rhd(root, 7, 3))


def read_annotation(root, split):
    return pickle.loads((root / split / f'anno_{split}.pickle').read_bytes())


def annotation_of(root, truth):
    split, _, name = truth['img_path'].split('/')
    return read_annotation(root, split)[int(name[:5])]


def read(root, truth, key):
    return cv2.imread(str(root / truth[key]), cv2.IMREAD_UNCHANGED)


def hand_rows(truth):
    return slice(0, 21) if truth['hand_side'] == 'left' else slice(21, 42)


def test_both_splits_have_their_files_and_no_other(written, paths):
    root, truths = written
    expected = {f'{split}/anno_{split}.pickle' for split in ('training', 'evaluation')}
    for split in ('training', 'evaluation'):
        expected |= {f'{split}/{kind}/{n:05d}.png' for kind in ('color', 'depth', 'mask') for n in range(7)}
        assert list(read_annotation(root, split)) == list(range(7))
    assert paths(root) == expected
    assert [t['img_path'] for t in truths] == [
        f'{split}/color/{n:05d}.png' for split in ('training', 'evaluation') for n in range(7)
    ]
    for truth in truths:
        assert truth['img_path'].startswith(truth['split'] + '/')
        assert truth['depth_path'] == truth['img_path'].replace('color', 'depth')
        assert truth['mask_path'] == truth['img_path'].replace('color', 'mask')


def test_the_annotation_is_what_numpy_1_pickled(written):
    data = (written[0] / 'training/anno_training.pickle').read_bytes()
    asked = {argument for code, argument, _ in pickletools.genops(data) if code.name == 'GLOBAL'}
    assert asked == {'numpy.core.multiarray _reconstruct', 'numpy ndarray', 'numpy dtype'}
    for labels in read_annotation(written[0], 'training').values():
        assert {k: (v.shape, v.dtype) for k, v in labels.items()} == {
            'xyz': ((42, 3), np.float32), 'uv_vis': ((42, 3), np.float32), 'K': ((3, 3), np.float32),
        }  # fmt: skip


def test_labels_are_metres_and_project_by_their_own_camera(written):
    root, truths = written
    focals = set()
    for truth in truths:
        labels = annotation_of(root, truth)
        xyz, uv, matrix = labels['xyz'].astype(float), labels['uv_vis'][:, :2], labels['K'].astype(float)
        inside = np.abs(uv - 160).max(1) < 160
        flat = xyz @ matrix.T
        assert inside.sum() >= 15 and np.abs(flat[:, :2] / flat[:, 2:] - uv)[inside].max() < 0.2
        rows = hand_rows(truth)
        assert np.abs(xyz[rows][TO_HAND] * 1000 - truth['keypoints_cam']).max() < 0.06
        assert np.abs(uv[rows][TO_HAND] - truth['keypoints']).max() < 0.06
        assert matrix[0, 0] == matrix[1, 1] and np.all(matrix[:2, 2] == 160) and 255 < matrix[0, 0] < 315
        np.testing.assert_allclose(matrix, truth['camera']['K'], rtol=1e-6)
        focals.add(matrix[0, 0])
    assert len(focals) > 8, 'each image has a camera of its own'


def test_images_are_what_the_truth_says(written):
    root, truths = written
    for truth in truths:
        image, depth, mask = (read(root, truth, key) for key in ('img_path', 'depth_path', 'mask_path'))
        assert image.dtype == depth.dtype == mask.dtype == np.uint8 and mask.shape == (320, 320)
        np.testing.assert_array_equal(image, truth['img'])
        metres = (depth[..., 2].astype(int) * 256 + depth[..., 1]) / 65535 * 5  # red is the high byte
        assert np.abs(metres * 1000 - truth['depth']).max() < 0.04 and not depth[..., 0].any()
        assert metres[metres > 0].min() * 1000 > 250 and metres.max() < 1.5
        np.testing.assert_array_equal(mask > 0, metres > 0)


def test_mask_classes_are_the_truths_parts(written):
    root, truths = written
    for truth in truths:
        mask = read(root, truth, 'mask_path')
        first = 2 if truth['hand_side'] == 'left' else 18
        np.testing.assert_array_equal((mask >= first) & (mask <= first + 15), truth['hand_mask'])
        np.testing.assert_array_equal(truth['hand_mask'], truth['part_seg'] > 0)
        np.testing.assert_array_equal(mask == first + 15, np.isin(truth['part_seg'], PALM))
        for finger in range(5):
            for segment in range(3):  # from the tip
                part = 4 * (finger + 1) - segment
                np.testing.assert_array_equal(mask == first + 3 * finger + segment, truth['part_seg'] == part)
        assert mask.max() <= 33 and (mask == 1).any()


def test_a_joint_lies_in_the_classes_of_its_hand_and_finger(written):
    """Read from the files alone: rows, classes and sides go together."""
    root, truths = written
    hits = []
    for truth in truths:
        labels, mask = annotation_of(root, truth), read(root, truth, 'mask_path')
        for row, (u, v, visible) in enumerate(labels['uv_vis']):
            if visible and row % 21 % 4 == 1:  # a fingertip
                first = (2 if row < 21 else 18) + (row % 21 // 4) * 3
                hits.append(mask[round(float(v)), round(float(u))] in (first, first + 1))
    assert len(hits) > 40 and np.mean(hits) > 0.8


def test_the_larger_hand_is_the_truths_and_some_images_show_both(written):
    root, truths = written
    shown = set()
    for truth in truths:
        mask = read(root, truth, 'mask_path')
        left, right = ((mask >= 2) & (mask <= 17)).sum(), (mask >= 18).sum()
        assert truth['hand_side'] == ('left' if left > right else 'right')
        shown.add((bool(left), bool(right)))
        labels = annotation_of(root, truth)
        outside = np.abs(labels['uv_vis'][:, :2] - 160).max(1) > 160
        for rows, count in ((slice(0, 21), left), (slice(21, 42), right)):
            assert count or outside[rows].all(), 'the other hand is far away'
    assert shown == {(True, True), (True, False), (False, True)}


def test_visible_joints_are_seen_and_hidden_ones_are_not(written):
    root, truths = written
    for truth in truths:
        labels, mask = annotation_of(root, truth), read(root, truth, 'mask_path')
        u, v, visible = labels['uv_vis'].T
        assert set(visible) <= {0, 1} and visible.sum() >= 8
        inside = (u > -0.6) & (u < 319.6) & (v > -0.6) & (v < 319.6)
        assert not visible[~inside].any()
        np.testing.assert_array_equal(visible[hand_rows(truth)][TO_HAND] > 0, truth['keypoints_visible'])
        for row in np.flatnonzero(inside):
            near = mask[max(int(v[row]) - 6, 0) : int(v[row]) + 8, max(int(u[row]) - 6, 0) : int(u[row]) + 8]
            own = (near >= 2) & (near <= 17) if row < 21 else near >= 18
            assert own.any() or not visible[row], 'nothing of the hand is near a joint that is called visible'
    hidden = [annotation_of(root, t)['uv_vis'][hand_rows(t)][:, 2] == 0 for t in truths]
    assert 0.03 < np.mean(hidden) < 0.6, 'fingers hide one another'


def test_sides(written, side_by_flexion):
    root, _ = written
    hands = [read_annotation(root, split)[n]['xyz'] * 1000 for split in ('training', 'evaluation') for n in range(7)]
    assert side_by_flexion([hand[:21][TO_HAND] for hand in hands]) == 'left'
    assert side_by_flexion([hand[21:][TO_HAND] for hand in hands]) == 'right'
