"""The 2.5D pose against the pinhole camera and Iqbal et al.'s equations, in float64."""

import numpy as np
import pytest
import torch

from handkd.codecs import CropCameras, Latent25D
from handkd.codecs.latent_25d import DEPTH_RANGE
from handkd.geometry import project
from handkd.studio import StudioDataset

LENS = np.array([0.092701, -0.175877, -0.0035687, -0.00302299, 0.0])
"""That of LM's cameras."""
CODEC = Latent25D()
INDEX_MCP = 5


def random_hands(count: int, lens: bool) -> tuple[np.ndarray, list[dict]]:
    """Joints anywhere about a wrist 250 to 900 mm away, and crops' cameras: off centre, with skew, in px of 128."""
    rng = np.random.default_rng(0)
    depth = rng.uniform(250, 900, count)
    wrists = np.stack([*(rng.normal(size=(2, count)) * 0.07 * depth), depth], -1)
    joints = wrists[:, None] + rng.normal(size=(count, 21, 3)) * 35
    joints[:, 0] = wrists
    bones = rng.normal(size=(count, 3))
    bones *= rng.uniform(70, 105, (count, 1)) / np.linalg.norm(bones, axis=-1, keepdims=True)
    joints[:, INDEX_MCP] = wrists + bones
    cameras = []
    for _ in range(count):
        intrinsics = np.diag([*rng.uniform(200, 400, 2), 1.0])
        intrinsics[0, 1], intrinsics[:2, 2] = rng.normal() * 5, rng.uniform(-40, 170, 2)
        cameras.append(dict(K=intrinsics, dist=LENS) if lens else dict(K=intrinsics))
    return joints, cameras


def studio_hands(count: int) -> tuple[np.ndarray, list[dict]]:
    dataset = StudioDataset('test', count)
    labels = [dataset.get_labels(i) for i in range(count)]
    return np.stack([one['keypoints_cam'][0] for one in labels]).astype(float), [one['camera'] for one in labels]


def encode(joints: np.ndarray, cameras: list[dict]) -> tuple[torch.Tensor, CropCameras, torch.Tensor, torch.Tensor]:
    """The pose in float64, its cameras, and the true depth and scale."""
    pixels = np.stack([project(hand, camera) for hand, camera in zip(joints, cameras)])
    intrinsics = torch.tensor(np.stack([camera['K'] for camera in cameras]))
    dist = torch.tensor(np.stack([camera['dist'] for camera in cameras])) if 'dist' in cameras[0] else None
    pose, depth, scale = CODEC.encode(torch.tensor(pixels), torch.tensor(joints))
    return pose, CropCameras(intrinsics, dist), depth, scale


def quadratic(pose: np.ndarray, intrinsics: np.ndarray, factor: float = 2.0, sign: float = 1.0) -> float:
    """Z_root of Iqbal et al. 2018 for one pose, term by term; in print the factor is missing, and so is K^-1."""
    u, v = ((pose[:, axis] + 1) / 2 * 128 - 0.5 for axis in (0, 1))
    x, y, _ = np.linalg.inv(intrinsics) @ np.stack([u, v, np.ones(21)])
    z = pose[:, 2]
    n, m = 0, INDEX_MCP
    a = (x[n] - x[m]) ** 2 + (y[n] - y[m]) ** 2
    b = factor * (
        z[n] * (x[n] ** 2 + y[n] ** 2 - x[n] * x[m] - y[n] * y[m])
        + z[m] * (x[m] ** 2 + y[m] ** 2 - x[n] * x[m] - y[n] * y[m])
    )
    c = (x[n] * z[n] - x[m] * z[m]) ** 2 + (y[n] * z[n] - y[m] * z[m]) ** 2 + (z[n] - z[m]) ** 2 - 1
    return (-b + sign * max(b**2 - 4 * a * c, 0) ** 0.5) / (2 * a)


def test_the_frame_is_that_of_the_image_from_edge_to_edge():
    corners = torch.tensor([[-0.5, -0.5], [127.5, 127.5], [0.0, 127.0], [63.5, 63.5]], dtype=torch.float64)
    keypoints = torch.zeros(1, 21, 2, dtype=torch.float64)
    keypoints[0, :4] = corners
    joints = torch.tensor(random_hands(1, False)[0])
    pose, depth, scale = CODEC.encode(keypoints, joints)
    expected = torch.tensor([[-1, -1], [1, 1], [1 / 128 - 1, 1 - 1 / 128], [0, 0]], dtype=torch.float64)
    torch.testing.assert_close(pose[0, :4, :2], expected, atol=1e-15, rtol=0)
    torch.testing.assert_close(CODEC.pixels(pose), keypoints)
    true_scale = np.linalg.norm(joints[0, INDEX_MCP] - joints[0, 0])
    assert depth.tolist() == [joints[0, 0, 2]] and scale.item() == pytest.approx(true_scale)
    np.testing.assert_allclose(pose[0, :, 2], (joints[0, :, 2] - joints[0, 0, 2]) / true_scale)


@pytest.mark.parametrize('lens', [False, True])
def test_known_depth_and_scale_give_the_joints_back(lens):
    joints, cameras = random_hands(200, lens)
    pose, camera, depth, scale = encode(joints, cameras)
    np.testing.assert_allclose(CODEC.decode(pose, camera, depth, scale), joints, rtol=0, atol=1e-10)
    in_bones = CODEC.decode(pose, camera, depth / scale, torch.ones(200))
    np.testing.assert_allclose(in_bones * scale[:, None, None], joints, rtol=0, atol=1e-10)


@pytest.mark.parametrize('lens', [False, True])
def test_relative_joints_are_the_decoded_ones_less_their_root(lens):
    pose, cameras, depth, scale = encode(*random_hands(20, lens))
    units = depth / scale
    relative = CODEC.decode_relative(pose, cameras, units)
    joints = CODEC.decode(pose, cameras, units, torch.ones_like(units))
    torch.testing.assert_close(relative, joints - joints[:, :1], rtol=0, atol=1e-10)
    far = CODEC.decode_relative(
        pose.float(), CropCameras(*(part if part is None else part.float() for part in cameras)), units.float() * 100
    )
    torch.testing.assert_close(
        far[..., 2], (pose[..., 2] - pose[:, :1, 2]).float(), rtol=0, atol=1e-6
    )  # no digits lost


def test_root_and_bone_are_free():
    joints, cameras = random_hands(3, False)
    pixels = torch.tensor(np.stack([project(hand, camera) for hand, camera in zip(joints, cameras)]))
    codec = Latent25D(64, 'middle_mcp', (9, 'middle_pip'))
    pose, depth, scale = codec.encode(pixels, torch.tensor(joints))
    np.testing.assert_allclose(depth, joints[:, 9, 2])
    np.testing.assert_allclose(scale, np.linalg.norm(joints[:, 10] - joints[:, 9], axis=-1))
    camera = CropCameras(torch.tensor(np.stack([camera['K'] for camera in cameras])))
    np.testing.assert_allclose(codec.decode(pose, camera, depth, scale), joints, atol=1e-10)


@pytest.mark.parametrize('hands', ['random', 'lens', 'studio'])
def test_the_roots_depth_follows_from_the_pose(hands):
    """Exactly, but where the bone points along the ray, so that the other root is meant: less than 1 % of hands."""
    joints, cameras = studio_hands(300) if hands == 'studio' else random_hands(2000, hands == 'lens')
    pose, camera, depth, scale = encode(joints, cameras)
    truth, found = (depth / scale).numpy(), CODEC.root_depth(pose, camera).numpy()
    error = abs(found / truth - 1)
    wrong = error > 1e-10
    assert wrong.mean() < 0.01
    if hands != 'lens':
        other = [quadratic(pose[i].numpy(), cameras[i]['K'], sign=-1) for i in np.flatnonzero(wrong)]
        np.testing.assert_allclose(other, truth[wrong], rtol=1e-6)
    if hands == 'random':
        assert wrong.any()


@pytest.mark.parametrize('noise', [0.0, 0.05])
def test_the_depth_is_iqbals_equation_with_rays_and_the_missing_factor(noise):
    joints, cameras = random_hands(200, False)
    pose, camera, depth, scale = encode(joints, cameras)
    pose += noise * torch.randn(pose.shape, generator=torch.Generator().manual_seed(0))
    expected, printed = (
        np.array([quadratic(one.numpy(), cam['K'], factor) for one, cam in zip(pose, cameras)]) for factor in (2, 1)
    )
    found = CODEC.root_depth(pose, camera).numpy()
    np.testing.assert_allclose(found, expected.clip(*DEPTH_RANGE), rtol=1e-9)
    if not noise:
        assert np.median(abs(printed / (depth / scale).numpy() - 1)) > 0.01, 'without the 2 it is wrong'


def test_the_depth_has_no_gradient_and_is_solved_in_double_precision():
    joints, cameras = random_hands(200, True)
    pose, camera, depth, scale = encode(joints, cameras)
    single = CODEC.root_depth(pose.float().requires_grad_(), CropCameras(*(part.float() for part in camera)))
    assert not single.requires_grad and single.dtype == torch.float64
    error = (single / (depth / scale) - 1).abs()
    assert error.median() < 1e-5


@pytest.mark.parametrize('lens', [None, LENS])
def test_a_bone_without_length_in_the_image_has_a_finite_depth(lens):
    camera = CropCameras(torch.tensor([[[300.0, 0, 60], [0, 300, 70], [0, 0, 1]]]), None)
    if lens is not None:
        camera = camera._replace(dist=torch.tensor(lens[None], dtype=torch.float32))
    poses = torch.zeros(6, 21, 3)
    poses[1, INDEX_MCP, 2] = 1  # along the ray, as long as the bone
    poses[2, INDEX_MCP, 2] = -0.5
    poses[3, INDEX_MCP] = torch.tensor([1e-7, 0, 3])
    poses[4, INDEX_MCP] = torch.tensor([0.9, -0.9, 5])  # too long at any depth
    poses[5] = 1e3  # what no lens gives
    for pose in poses:
        depth = CODEC.root_depth(pose[None], camera)
        assert DEPTH_RANGE[0] <= depth.item() <= DEPTH_RANGE[1]
        assert CODEC.decode(pose[None], camera, depth.float(), torch.ones(1)).isfinite().all()


@pytest.mark.parametrize('joint', [0, INDEX_MCP])
def test_a_hand_without_root_or_scale_is_refused(joint):
    valid = torch.ones(2, 21)
    valid[1, joint] = 0
    with pytest.raises(ValueError, match=r'1 of 2 samples of the batch: 1'):
        CODEC.encode(torch.zeros(2, 21, 2), torch.tensor(random_hands(2, False)[0]), valid)


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (dict(input_size=0), 'input_size must be positive, found 0'),
        (dict(root='wirst'), "no joint named 'wirst'"),
        (dict(scale_bone=('wrist', 0)), 'two different joints'),
    ],
)
def test_wrong_options_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        Latent25D(**options)
