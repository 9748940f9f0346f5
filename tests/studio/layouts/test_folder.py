"""The plain form, decoded by hand."""

from __future__ import annotations

import json

import cv2
import numpy as np
import pytest

from handkd.studio.layouts.folder import write_folder

NAMES = ['wrist', *(f'thumb_{joint}' for joint in ('cmc', 'mcp', 'ip', 'tip'))]
NAMES += [f'{f}_{joint}' for f in ('index', 'middle', 'ring', 'little') for joint in ('mcp', 'pip', 'dip', 'tip')]


@pytest.fixture(scope='module')
def written(tmp_path_factory):
    root = tmp_path_factory.mktemp('folder')
    truths = list(write_folder(root, 6, 3))
    lines = [
        (split, json.loads(line))
        for split in ('train', 'val', 'test')
        for line in (root / f'{split}.jsonl').read_text().splitlines()
    ]
    return root, truths, lines, json.loads((root / 'dataset.json').read_text())


def in_order(rows, about):
    """Rows of a line, in the order of NAMES; NaN where there is no label."""
    by_name = dict(zip(about['joint_names'], rows))
    return np.array([by_name[name] or [np.nan] * len(rows[0]) for name in NAMES], float)


def test_files(written, paths):
    root, truths, lines, about = written
    named = {line[key] for _, line in lines for key in ('image', 'depth', 'mask', 'parts')}
    assert paths(root) == named | {'dataset.json', 'train.jsonl', 'val.jsonl', 'test.jsonl'}
    assert len(named) == 4 * len(lines) == 72 and sorted(about['joint_names']) == sorted(NAMES) != NAMES
    assert [split for split, _ in lines] == [truth['split'] for truth in truths]
    known = {'image', 'depth', 'mask', 'parts', 'joints_3d', 'joints_2d', 'K', 'dist', 'R', 'T', 'side', 'id'}
    for (_, line), truth in zip(lines, truths):
        assert set(line) <= known
        assert [line['image'], line['depth'], line['mask']] == [truth[f'{k}_path'] for k in ('img', 'depth', 'mask')]
    assert len({line['id'] for _, line in lines}) == 18


def test_labels(written):
    _, truths, lines, about = written
    gaps = 0
    for (_, line), truth in zip(lines, truths):
        joints = in_order(line['joints_3d'], about)
        valid = ~np.isnan(joints[:, 0])
        np.testing.assert_array_equal(valid, truth['keypoints_valid'])
        np.testing.assert_allclose(joints[valid], truth['keypoints_cam'][valid], atol=6e-4)
        lens = np.array(line['K']), np.array(line['dist'])
        pixels = cv2.projectPoints(joints[valid], np.zeros(3), np.zeros(3), *lens)[0][:, 0]
        np.testing.assert_allclose(pixels, truth['keypoints'][valid], atol=5e-3)
        if 'joints_2d' in line:
            flat = in_order(line['joints_2d'], about)
            np.testing.assert_array_equal(np.isnan(flat[:, 0]), ~valid)
            np.testing.assert_allclose(flat[valid], truth['keypoints'][valid], atol=6e-4)
        for key in ('K', 'R', 'T', 'dist'):
            np.testing.assert_array_equal(line[key], truth['camera'][key])
        gaps += (~valid).sum()
    assert gaps == 3 and sum('joints_2d' in line for _, line in lines) == 3


def test_images(written, share_on_hand):
    root, truths, lines, about = written
    for (_, line), truth in zip(lines, truths):
        image, depth, mask, parts = (
            cv2.imread(str(root / line[key]), cv2.IMREAD_UNCHANGED) for key in ('image', 'depth', 'mask', 'parts')
        )
        np.testing.assert_array_equal(image, truth['img'])
        assert depth.dtype == np.uint16 and mask.dtype == parts.dtype == np.uint8 and parts.max() <= 20
        unit = about['depth_unit_mm']
        assert unit != 1 and np.abs(depth * unit - truth['depth']).max() <= unit / 2 + 1e-3
        np.testing.assert_array_equal(mask > 0, truth['hand_mask'])
        np.testing.assert_array_equal(parts, truth['part_seg'])
    assert share_on_hand(truths) > 0.85


def test_sides(written, side_by_flexion):
    _, truths, lines, _ = written
    for side in ('left', 'right'):
        hands = [truth['keypoints_cam'] for (_, line), truth in zip(lines, truths) if line['side'] == side]
        assert len(hands) == 9 and side_by_flexion(hands) == side
    assert [line['side'] for _, line in lines] == [truth['hand_side'] for truth in truths]
