"""STB's files, decoded by hand with the cameras of the data set's README."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from scipy.io import loadmat

from handkd.studio.layouts.stb import write_stb

SEQUENCES = {f'B{n}{kind}': 'test' if n == 1 else 'train' for n in range(1, 7) for kind in ('Counting', 'Random')}
BB, SK_COLOR, SK_DEPTH = (
    np.array([[fx, 0, cx], [0, fy, cy], [0, 0, 1]])
    for fx, fy, cx, cy in (
        (822.79041, 822.79041, 318.47345, 250.31296),
        (607.92271, 607.88192, 314.78337, 236.42484),
        (475.62768, 474.77709, 336.41179, 238.77962),
    )
)
R = np.array([[0.999924, -0.003042, -0.011952], [0.002978, 0.999981, -0.005328], [0.011968, 0.005292, 0.999914]])
T = np.array([-24.0381, -0.4563, -1.2326])
TO_HAND = [0, 17, 18, 19, 20, 13, 14, 15, 16, 9, 10, 11, 12, 5, 6, 7, 8, 1, 2, 3, 4]


@pytest.fixture(scope='module')
def written(tmp_path_factory):
    root = tmp_path_factory.mktemp('stb')
    return root, list(write_stb(root, 3, 3))


def read_label(root, truth, device):
    """Joints (21, 3), mm, in the order of handkd, with the wrist that is made from the palm."""
    labels = loadmat(root / f'labels/{truth["sequence"]}_{device}.mat')['handPara']
    joints = labels.transpose(2, 1, 0)[truth['frame']][TO_HAND]
    palm = joints[0].copy()
    joints[0] = joints[13] + 2 * (palm - joints[13])
    return joints, palm


def project(points, matrix):
    pixels = points @ matrix.T
    return pixels[:, :2] / pixels[:, 2:]


def kind(truth):
    return truth['img_path'].split('/')[-1].rsplit('_', 1)[0]


def test_every_sequence_has_its_files_and_no_other(written, paths):
    root, truths = written
    expected = {f'labels/{name}_{device}.mat' for name in SEQUENCES for device in ('BB', 'SK')}
    counts = {name: 2 if name == 'B1Counting' else 1 for name in SEQUENCES}
    for name, count in counts.items():
        for image in ('BB_left', 'BB_right', 'SK_color', 'SK_depth'):
            expected |= {f'images/{name}/{image}_{n}.png' for n in range(count)}
        for device in ('BB', 'SK'):
            assert loadmat(root / f'labels/{name}_{device}.mat')['handPara'].shape == (3, 21, count)
    assert paths(root) == expected
    files = {t['img_path'] for t in truths} | {t['depth_path'] for t in truths if 'depth_path' in t}
    assert files == {path for path in expected if path.endswith('.png')} and len(truths) == 39
    for truth in truths:
        name = f'images/{truth["sequence"]}/{kind(truth)}_{truth["frame"]}.png'
        assert truth['img_path'] == name and truth['split'] == SEQUENCES[truth['sequence']]
        assert truth.get('depth_path') == (name.replace('SK_color', 'SK_depth') if kind(truth) == 'SK_color' else None)


def test_stereo_labels_are_in_the_left_camera(written):
    root, truths = written
    for truth in truths:
        if kind(truth) == 'SK_color':
            continue
        joints, palm = read_label(root, truth, 'BB')
        shift = np.array([120.054, 0, 0]) if kind(truth) == 'BB_right' else np.zeros(3)
        np.testing.assert_allclose(joints - shift, truth['keypoints_cam'], atol=1e-9)
        np.testing.assert_allclose(palm - shift, truth['palm'], atol=1e-9)
        np.testing.assert_allclose(project(joints - shift, BB), truth['keypoints'], atol=1e-6)
        camera = truth['camera']
        np.testing.assert_array_equal(camera['K'], BB)
        np.testing.assert_allclose(joints @ camera['R'].T + camera['T'], truth['keypoints_cam'], atol=1e-9)


def test_depth_camera_labels_go_over_to_colour(written):
    root, truths = written
    for truth in truths:
        if kind(truth) != 'SK_color':
            continue
        joints, palm = read_label(root, truth, 'SK')
        np.testing.assert_allclose(joints, truth['keypoints_depth_cam'], atol=1e-9)
        np.testing.assert_array_equal(truth['depth_camera']['K'], SK_DEPTH)
        colour = (joints - T) @ R
        np.testing.assert_allclose(colour, truth['keypoints_cam'], atol=2e-3)  # R is printed with six digits
        np.testing.assert_allclose((palm - T) @ R, truth['palm'], atol=2e-3)
        np.testing.assert_allclose(project(colour, SK_COLOR), truth['keypoints'], atol=5e-3)
        for camera, expected in ((truth['camera'], truth['keypoints_cam']), (truth['depth_camera'], joints)):
            np.testing.assert_allclose(joints @ camera['R'].T + camera['T'], expected, atol=1e-9)


def test_depth_is_low_byte_red_and_fits_the_labels(written):
    root, truths = written
    behind = []
    for truth in truths:
        if kind(truth) != 'SK_color':
            continue
        image = cv2.imread(str(root / truth['depth_path']), cv2.IMREAD_UNCHANGED)
        assert image.shape == (480, 640, 3) and image.dtype == np.uint8 and not image[..., 0].any()
        depth = image[..., 2].astype(int) + 256 * image[..., 1]
        assert np.abs(depth - truth['depth']).max() <= 0.5 and np.array_equal(depth == 0, truth['depth'] == 0)
        joints, _ = read_label(root, truth, 'SK')
        u, v = np.round(project(joints, SK_DEPTH)).astype(int).T
        behind += list((joints[:, 2] - depth[v, u])[depth[v, u] > 0])
    assert len(behind) > 250 and np.median(behind) < 25 and np.mean(np.array(behind) > -1) > 0.97


def test_colour_is_the_truths(written, share_on_hand):
    root, truths = written
    for truth in truths:
        image = cv2.imread(str(root / truth['img_path']), cv2.IMREAD_UNCHANGED)
        assert image.shape == (480, 640, 3)
        np.testing.assert_array_equal(image, truth['img'])
    assert share_on_hand(truths) > 0.85


def test_left_hands(written, side_by_flexion):
    root, truths = written
    hands = [read_label(root, truth, 'BB')[0] for truth in truths if kind(truth) == 'BB_left']
    assert side_by_flexion(hands) == 'left' and {truth['hand_side'] for truth in truths} == {'left'}
