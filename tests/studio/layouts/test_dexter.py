"""Dexter+Object's files, decoded by hand with the cameras of the specification."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from handkd.studio.layouts.dexter import write_dexter

K_COLOUR = np.array([[587.45209, 0, 325], [0, 600.67456, 249], [0, 0, 1]])
TO_COLOUR = np.array(
    [[0.9999, 0.0034, 0.0161, 19.0473], [-0.0033, 1, -0.0079, -1.8514], [-0.0162, 0.0079, 0.9998, -4.7501]]
)
K_DEPTH = np.array([[224.502, 0, 160], [0, 230.494, 120], [0, 0, 1]])
SEQUENCES = ('Grasp1', 'Grasp2', 'Occlusion', 'Rigid', 'Pinch', 'Rotate')
TIPS = [4, 8, 12, 16, 20]


@pytest.fixture(scope='module')
def written(tmp_path_factory):
    root = tmp_path_factory.mktemp('dexter')
    return root, list(write_dexter(root, 20, 3))


def read_tips(root, truth, kind):
    """Five tips of a truth's frame in '2D' or '3D', as they stand in the file."""
    _, sequence, _, image = truth['img_path'].split('/')
    line = (root / f'data/{sequence}/annotations/{sequence}{kind}.txt').read_text().splitlines()[int(image[6:10]) - 1]
    columns = line.split(';')
    assert len(columns) == 6 and columns[5].strip() == '', 'the last column is empty'
    return np.array([[float(number) for number in column.split(',')] for column in columns[:5]])


def project(points, matrix):
    pixels = points @ matrix.T
    return pixels[:, :2] / pixels[:, 2:]


def test_every_sequence_has_its_files_and_no_other(written, paths):
    root, truths = written
    expected = set()
    for sequence, count in zip(SEQUENCES, (4, 4, 3, 3, 3, 3)):
        expected |= {f'data/{sequence}/annotations/{sequence}{kind}.txt' for kind in ('2D', '3D')}
        expected |= {f'data/{sequence}/color/Color_{number:04d}.bmp' for number in range(1, count + 1)}
        expected |= {f'data/{sequence}/depth/Depth_{number:04d}.png' for number in range(1, count + 1)}
        assert len((root / f'data/{sequence}/annotations/{sequence}3D.txt').read_text().splitlines()) == count
    assert paths(root) == expected
    assert len(truths) == 20 and {truth['split'] for truth in truths} == {'test'}


def test_labels_are_the_fingertips_in_the_depth_camera(written):
    root, truths = written
    for truth in truths:
        wanted = truth['labelled'][TIPS]
        tips = read_tips(root, truth, '3D') * (-1, -1, 1)
        assert np.abs(tips - truth['keypoints_depth_cam'][TIPS])[wanted].max() < 0.001
        flat = read_tips(root, truth, '2D')
        assert np.abs(project(truth['keypoints_depth_cam'][TIPS], K_DEPTH) - flat).max() < 0.001
        assert np.abs(project(tips, K_DEPTH) - flat).max() < 0.005
        assert np.array_equal(truth['depth_camera']['K'], K_DEPTH)


def test_the_colour_camera_sees_the_joints_where_the_specification_says(written):
    root, truths = written
    for truth in truths:
        joints = np.column_stack([truth['keypoints_depth_cam'], np.ones(21)]) @ TO_COLOUR.T
        assert np.allclose(joints, truth['keypoints_cam'])
        assert np.allclose(project(joints, K_COLOUR), truth['keypoints'])
        assert np.array_equal(truth['camera']['K'], K_COLOUR)
        assert np.array_equal(np.column_stack([truth['camera']['R'], truth['camera']['T']]), TO_COLOUR)


def test_one_fingertip_has_no_depth(written):
    root, truths = written
    lost = [(t['img_path'], 4 * k + 4) for t in truths for k in range(5) if read_tips(root, t, '3D')[k, 2] == 32001]
    assert lost == [('data/Occlusion/color/Color_0001.bmp', 16)]
    for truth in truths:
        labelled = set(np.flatnonzero(truth['labelled']))
        assert labelled == set(TIPS) - ({16} if truth['img_path'] == lost[0][0] else set())


def test_images_are_the_truths(written, share_on_hand):
    root, truths = written
    for truth in truths:
        assert np.array_equal(cv2.imread(str(root / truth['img_path'])), truth['img'])
        assert truth['img'].shape == (480, 640, 3)
        depth = cv2.imread(str(root / truth['depth_path']), cv2.IMREAD_UNCHANGED)
        assert depth.dtype == np.uint16 and depth.shape == (240, 320)
        assert np.abs(depth - truth['depth']).max() <= 0.5
        assert truth['img_path'].replace('color/Color', 'depth/Depth')[:-4] == truth['depth_path'][:-4]
    assert share_on_hand(truths) > 0.8


def test_depth_seen_by_the_colour_camera_covers_the_hand_there(written):
    root, truths = written
    for truth in truths:
        depth = cv2.imread(str(root / truth['depth_path']), cv2.IMREAD_UNCHANGED).astype(float)
        v, u = np.nonzero(depth)
        points = (np.linalg.inv(K_DEPTH) @ (u, v, np.ones(len(u)))).T * depth[v, u][:, None]
        seen = np.round(project(np.column_stack([points, np.ones(len(u))]) @ TO_COLOUR.T, K_COLOUR)).astype(int)
        inside = ((seen >= 0) & (seen < (640, 480))).all(1)
        covered = np.zeros((480, 640), np.uint8)
        covered[seen[inside, 1], seen[inside, 0]] = 1
        covered = cv2.dilate(covered, np.ones((5, 5), np.uint8)) > 0
        assert covered[truth['hand_mask']].mean() > 0.95


def test_hands_are_left(written, side_by_flexion):
    truths = written[1]
    assert side_by_flexion([truth['keypoints_cam'] for truth in truths]) == 'left'
    assert {truth['hand_side'] for truth in truths} == {'left'}
