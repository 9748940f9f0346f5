"""BigHand2.2M's and HANDS17's files, decoded by hand from the words of the README."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from handkd.studio.layouts.bighand import write_bighand

FX, FY, CX, CY = 475.065948, 475.065857, 315.944855, 245.287079
VIEWS = ('1 75', '76 150', '151 225', '226 300', '301 375', '376 450', '451 496')
COLUMNS = (
    """Wrist TMCP IMCP MMCP RMCP PMCP TPIP TDIP TTIP IPIP IDIP ITIP MPIP MDIP MTIP RPIP RDIP RTIP PPIP PDIP PTIP"""
)
IN_HAND = (
    """Wrist TMCP TPIP TDIP TTIP IMCP IPIP IDIP ITIP MMCP MPIP MDIP MTIP RMCP RPIP RDIP RTIP PMCP PPIP PDIP PTIP"""
)
"""The README's names in the order of 21 joints, each finger from palm to tip."""


@pytest.fixture(scope='module')
def written(tmp_path_factory):
    root = tmp_path_factory.mktemp('bighand')
    return root, list(write_bighand(root, 80, 3))


def read_lines(path):
    """First token -> joints (21, 3) in mm, in the order of handkd."""
    labels = {}
    for line in path.read_text().splitlines():
        token, *numbers = line.split()
        assert line.split('\t')[:-1] == [token, *numbers] and len(numbers) == 63
        by_name = dict(zip(COLUMNS.split(), np.array(numbers, float).reshape(21, 3)))
        labels[token] = np.array([by_name[name] for name in IN_HAND.split()])
    return labels


def read_all(root):
    """Path of each labelled image -> its joints."""
    labels = {}
    for file in root.glob('full_annotation/Subject_*/*.txt'):
        view = file.name.removesuffix('_loc_shift_made_by_qi_20180112_v2.txt')
        folder = f'{file.parent.name}/{view}'
        labels |= {f'{folder}/image_D{token}.png': joints for token, joints in read_lines(file).items()}
    hands17 = read_lines(root / 'training/Training_Annotation.txt')
    return labels | {f'training/images/{token}': joints for token, joints in hands17.items()}


def test_every_view_has_its_files_and_no_other(written, paths):
    root, truths = written
    folders = [(f'Subject_{n}', view) for n in range(1, 12) for view in VIEWS] + [('Subject_12', VIEWS[0])]
    expected = {'full_annotation/README.txt', 'training/Training_Annotation.txt'}
    for k, (subject, view) in enumerate(folders):
        expected |= {f'full_annotation/{subject}/{view}_loc_shift_made_by_qi_20180112_v2.txt'}
        expected |= {f'{subject}/{view}/image_D{n:08d}.png' for n in ((0, 2) if k < 2 else (0,))}
    expected |= {f'training/images/image_D{n:08d}.png' for n in range(1, 81)}
    assert paths(root) == expected
    images = {path for path in expected if path.endswith('.png')}
    assert {truth['depth_path'] for truth in truths} == images and len(truths) == len(images)
    for truth in truths:
        assert truth['split'] == ('hands17' if truth['depth_path'].startswith('training') else 'full')
        assert 'img_path' not in truth and 'img' not in truth


def test_labels_are_the_joints_and_some_have_no_image(written):
    root, truths = written
    labels = read_all(root)
    for truth in truths:
        assert np.abs(labels.pop(truth['depth_path']) - truth['keypoints_cam']).max() < 1e-4
    assert len(labels) == 78 and all(path.endswith('image_D00000001.png') for path in labels)
    assert not any((root / path).exists() for path in labels)


def test_depth_is_millimetres_and_the_joints_lie_in_it(written):
    root, truths = written
    behind = []
    for truth in truths:
        depth = cv2.imread(str(root / truth['depth_path']), cv2.IMREAD_UNCHANGED)
        assert depth.dtype == np.uint16 and depth.shape == (480, 640)
        assert np.abs(depth - truth['depth']).max() <= 0.5
        x, y, z = truth['keypoints_cam'].T
        u, v = FX * x / z + CX, FY * y / z + CY
        assert np.allclose(np.stack([u, v], 1), truth['keypoints'])
        inside = (u > 0) & (u < 639) & (v > 0) & (v < 479)
        assert inside.all()
        surface = depth[np.round(v).astype(int), np.round(u).astype(int)].astype(float)
        behind.append((z - surface)[surface > 0])
    behind = np.concatenate(behind)
    assert len(behind) > 0.8 * 21 * len(truths)
    assert np.mean(behind > 0) > 0.99, 'joints are inside the hand'
    assert 4 < np.median(behind) < 20, 'mm: about half as deep as a finger or a palm is thick'


def test_hands_are_right(written, side_by_flexion):
    truths = written[1]
    assert side_by_flexion([truth['keypoints_cam'] for truth in truths]) == 'right'
    assert {truth['hand_side'] for truth in truths} == {'right'}
