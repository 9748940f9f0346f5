"""LM's files, decoded by hand: constants and row numbers are those of the data set's own tools."""

from __future__ import annotations

import pickle
import pickletools

import cv2
import numpy as np
import pytest

from handkd.studio.layouts.lm import write_lm

K = np.array([[614.878, 0, 313.219], [0, 615.479, 231.288], [0, 0, 1]])
DIST = np.array([0.092701, -0.175877, -0.0035687, -0.00302299, 0])
NAMES = """F4_KNU1_A F4_KNU1_B F4_KNU2_A F4_KNU3_A F3_KNU1_A F3_KNU1_B F3_KNU2_A F3_KNU3_A F1_KNU1_A F1_KNU1_B F1_KNU2_A
F1_KNU3_A F2_KNU1_A F2_KNU1_B F2_KNU2_A F2_KNU3_A TH_KNU1_A TH_KNU1_B TH_KNU2_A TH_KNU3_A PALM_POSITION PALM_NORMAL"""
TO_HAND = [20, 17, 16, 18, 19, 1, 0, 2, 3, 5, 4, 6, 7, 13, 12, 14, 15, 9, 8, 10, 11]
"""Row of a label file for each of 21 joints; the palm stands where the wrist would."""


@pytest.fixture(scope='module')
def written(tmp_path_factory):
    root = tmp_path_factory.mktemp('lm')
    return root, list(write_lm(root, 6, 3))


def read_label(path):
    rows = [line.split(' ') for line in path.read_text().splitlines()]
    assert [row[0] for row in rows] == NAMES.split()
    return np.array([[float(number) for number in row[1:]] for row in rows])


def read_pose(root, truth):
    folder = root / f'calibrations/data_{truth["sequence"]}/webcam_{truth["view"]}'
    return [pickle.loads((folder / f'{name}.pkl').read_bytes(), encoding='latin1') for name in ('rvec', 'tvec')]


def test_every_sequence_has_its_files_and_no_other(written, paths):
    root, truths = written
    frames = {1: 1, 2: 1, **dict.fromkeys(range(3, 17), 1), 17: 2, **dict.fromkeys(range(18, 22), 1)}
    expected = set()
    for sequence, count in frames.items():
        for view in range(1, 5):
            expected |= {f'calibrations/data_{sequence}/webcam_{view}/{name}.pkl' for name in ('rvec', 'tvec')}
            for frame in range(count):
                expected |= {f'annotated_frames/data_{sequence}/{frame}_webcam_{view}.jpg'}
                expected |= {f'annotated_frames/data_{sequence}/{frame}_joints.txt'}
                if sequence in (1, 2, 17):
                    expected |= {f'augmented_samples/data_{sequence}/{frame}_webcam_{view}.jpg'}
    assert paths(root) == expected
    assert sorted(truth['img_path'] for truth in truths) == sorted(path for path in expected if path.endswith('.jpg'))
    for truth in truths:
        annotated = 'train' if truth['sequence'] < 17 else 'test'
        assert truth['split'] == (annotated if truth['img_path'].startswith('annotated') else 'augmented')


def test_the_labels_project_onto_the_truth_by_the_data_sets_own_formula(written):
    root, truths = written
    for truth in truths:
        rows = read_label(root / f'annotated_frames/data_{truth["sequence"]}/{truth["frame"]}_joints.txt')
        rvec, tvec = read_pose(root, truth)
        assert rvec.shape == tvec.shape == (3, 1)
        pixels = cv2.projectPoints(rows[TO_HAND], rvec, tvec, K, DIST)[0][:, 0]
        assert np.abs(pixels[1:] - truth['keypoints'][1:]).max() < 0.005
        in_camera = rows[TO_HAND] @ cv2.Rodrigues(rvec)[0].T + tvec.T
        assert np.abs(in_camera[1:] - truth['keypoints_cam'][1:]).max() < 0.002
        assert np.abs(in_camera[0] - truth['palm']).max() < 0.002
        assert np.allclose(truth['palm'], truth['keypoints_cam'][[0, 9]].mean(0))


def test_the_truths_camera_is_the_files(written):
    root, truths = written
    for truth in truths:
        rvec, tvec = read_pose(root, truth)
        camera = truth['camera']
        assert np.array_equal(camera['K'], K) and np.array_equal(camera['dist'], DIST)
        assert np.allclose(camera['R'], cv2.Rodrigues(rvec)[0]) and np.array_equal(camera['T'], tvec[:, 0])


def test_pickles_are_those_of_python_2(written):
    """Byte strings that only Python 2 writes, and no function that only Python 3 needs."""
    for path in written[0].glob('calibrations/*/*/*.pkl'):
        opcodes = list(pickletools.genops(path.read_bytes()))
        assert opcodes[0][0].name == 'PROTO' and opcodes[0][1] == 2
        asked = {argument for opcode, argument, _ in opcodes if opcode.name == 'GLOBAL'}
        assert asked == {'numpy.core.multiarray _reconstruct', 'numpy ndarray', 'numpy dtype'}
        assert not any('UNICODE' in opcode.name for opcode, _, _ in opcodes)
        assert max(len(a) for opcode, a, _ in opcodes if opcode.name in ('BINSTRING', 'SHORT_BINSTRING')) == 24


def test_hands_are_right_and_the_normal_leaves_the_palm(written, side_by_flexion):
    labels = [read_label(path) for path in written[0].glob('annotated_frames/*/*_joints.txt')]
    assert side_by_flexion([rows[TO_HAND] for rows in labels]) == 'right'
    assert {truth['hand_side'] for truth in written[1]} == {'right'}
    bends = []
    for rows in labels:
        normal, hand = rows[21], rows[TO_HAND]
        assert abs(np.linalg.norm(normal) - 1) < 1e-4
        assert abs(normal @ (hand[17] - hand[5])) < 0.01
        bends.append((hand[[8, 12, 16, 20]] - hand[[5, 9, 13, 17]]).mean(0) @ normal)
    assert np.mean(bends) > 5


def test_images_show_the_hand_at_the_joints(written, share_on_hand, is_jpeg_of):
    root, truths = written
    for truth in truths:
        assert truth['img'].shape == (480, 640, 3) and is_jpeg_of(root / truth['img_path'], truth['img'])
        assert ((truth['keypoints'] > 0) & (truth['keypoints'] < (640, 480))).all()
    assert share_on_hand(truths) > 0.8


def test_augmented_images_have_the_hand_but_another_background(written):
    truths = {truth['img_path']: truth for truth in written[1]}
    pairs = [(t, truths[p.replace('augmented_samples', 'annotated_frames')]) for p, t in truths.items() if 'aug' in p]
    assert len(pairs) == 16
    for augmented, original in pairs:
        assert np.array_equal(augmented['part_seg'], original['part_seg'])
        assert np.array_equal(augmented['keypoints_cam'], original['keypoints_cam'])
        assert np.abs(augmented['img'][:100, :100].astype(int) - original['img'][:100, :100]).mean() > 5
