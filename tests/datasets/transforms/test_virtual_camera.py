"""The turned camera: rotations to 1e-9 against rotations written out here, pixels against joints and OpenCV."""

import copy

import cv2
import numpy as np
import pytest

from handkd.datasets.transforms import (
    HandCrop,
    RandomCropNoise,
    RandomHandFlip,
    VirtualCamera,
    WarpCrop,
    run_batch,
)
from handkd.geometry import axis_angle_to_matrix, project, unproject
from handkd.geometry.virtual_camera import look_up, turn_onto


def precise(make_sample, seed, **changes):
    """A sample without depth, its labels in double precision, joints exactly where the camera projects them."""
    sample = make_sample(seed, (97, 81))
    del sample['depth']
    sample['keypoints_cam'] = sample['keypoints_cam'].astype(np.float64)
    sample['keypoints'] = project(sample['keypoints_cam'], sample['camera'])
    return sample | changes


def cut(sample, rotation=0.0, size=64, factor=1.25):
    sample = HandCrop('square', factor)(copy.deepcopy(sample))
    sample['crop']['rotation'] = np.float64(rotation)
    center = np.array(sample['crop']['center'])
    return VirtualCamera(size)(sample), center


@pytest.mark.parametrize('seed', range(12))
@pytest.mark.parametrize('rotation', [0.0, 25.0, -140.0])
def test_joints_and_camera_turn_together(make_sample, seed, rotation):
    before = precise(make_sample, seed)
    after, center = cut(before, rotation)
    old, new = before['camera'], after['camera']
    move = new['R'] @ old['R'].T
    np.testing.assert_allclose(move @ move.T, np.eye(3), atol=1e-12)
    assert np.linalg.det(move) == pytest.approx(1)
    np.testing.assert_allclose(after['keypoints_cam'], before['keypoints_cam'] @ move.T, atol=1e-9)
    world = (before['keypoints_cam'][0] - old['T']) @ old['R']
    np.testing.assert_allclose(world @ new['R'].T + new['T'], after['keypoints_cam'][0], atol=1e-9)
    np.testing.assert_allclose(project(after['keypoints_cam'], new), after['keypoints'], atol=1e-6)
    middle = move @ unproject(center, np.float64(1), old)
    np.testing.assert_allclose(middle[:2] / middle[2], 0, atol=1e-9)
    np.testing.assert_allclose(new['K'][:2, 2], 31.5)
    assert new['K'][0, 0] == new['K'][1, 1] and new['K'][0, 1] == 0 and 'dist' not in new and 'warp_matrix' not in after


def test_the_rotation_is_the_smallest_and_then_about_the_axis():
    camera = dict(K=np.array([[500.0, 0, 100], [0, 500, 80], [0, 0, 1]]))
    pixel = np.array([350.0, -40.0])
    ray = np.array([0.5, -0.24, 1.0])
    angle = np.arccos(1 / np.linalg.norm(ray))
    axis = np.cross(ray, [0, 0, 1]) / np.linalg.norm(np.cross(ray, [0, 0, 1]))
    expected = axis_angle_to_matrix(axis * angle)
    np.testing.assert_allclose(turn_onto(pixel, 0.0, camera), expected, atol=1e-12)
    turned = axis_angle_to_matrix(np.array([0, 0, np.radians(30)])) @ expected
    np.testing.assert_allclose(turn_onto(pixel, 30.0, camera), turned, atol=1e-12)
    np.testing.assert_allclose(turn_onto(np.array([100.0, 80.0]), 0.0, camera), np.eye(3), atol=1e-15)


@pytest.mark.parametrize('seed', range(8))
def test_relative_rotation_takes_one_views_pose_to_the_others(make_sample, seed):
    """R_j' R_i'^T P_i = P_j for root-relative poses: two cameras, two crops, two in-plane angles."""
    rng = np.random.default_rng(seed)
    first = precise(make_sample, seed)
    world = (first['keypoints_cam'][0] - first['camera']['T']) @ first['camera']['R']
    nudge = axis_angle_to_matrix(rng.normal(0, 0.15, 3)) @ first['camera']['R']
    centre = world.mean(0)
    camera = dict(first['camera'], R=nudge, T=[0, 0, 600] - nudge @ centre)
    joints = (world @ nudge.T + camera['T'])[None]
    second = precise(make_sample, seed) | dict(camera=camera, keypoints_cam=joints, keypoints=project(joints, camera))
    (one, _), (two, _) = cut(first, 20.0), cut(second, -35.0, 48, 1.6)
    poses = [s['keypoints_cam'][0] - s['keypoints_cam'][0, 0] for s in (one, two)]
    relative = two['camera']['R'] @ one['camera']['R'].T
    np.testing.assert_allclose(poses[0] @ relative.T, poses[1], atol=1e-6)
    untold = second['camera']['R'] @ first['camera']['R'].T
    assert np.abs(poses[0] @ untold.T - poses[1]).max() > 5, 'which the old rotations would not'


@pytest.mark.parametrize('seed', range(8))
def test_pixels_go_where_joints_go(make_sample, seed):
    """A spot at a joint, in image, background, mask and parts, is found at the joint's new place."""
    before = precise(make_sample, seed)
    before['background'] = before['img'][..., ::-1] // 2
    blob = 9
    after, _ = cut(before, 40.0, 96, 1.1)
    y, x = np.indices((96, 96))
    for key, tolerance in (('img', 0.35), ('background', 0.4), ('hand_mask', 0.8), ('part_seg', 0.8)):
        weights = np.asarray(after[key], float)
        weights = weights.sum(-1) if weights.ndim == 3 else weights
        found = np.array([(x * weights).sum(), (y * weights).sum()]) / weights.sum()
        place = after['keypoints'][0, blob]
        if ((place > 15) & (place < 80)).all():
            assert np.abs(found - place).max() < tolerance, key
        assert after[key].dtype == before[key].dtype and after[key].shape[:2] == (96, 96)
    assert set(np.unique(after['part_seg'])) <= {0, blob}


def test_a_long_lens_on_the_axis_is_warp_crop():
    """Far from any perspective the two agree, also where the image shrinks; and OpenCV's homography elsewhere."""
    rng = np.random.default_rng(0)
    image = cv2.GaussianBlur(rng.integers(0, 256, (200, 240, 3), np.uint8), (0, 0), 4)
    image = cv2.normalize(image, None, 0, 255, cv2.NORM_MINMAX)
    for side, size in ((90.0, 64), (190.0, 40)):
        camera = dict(K=np.array([[1e6, 0, 119.5], [0, 1e6, 99.5], [0, 0, 1]]))
        crop = dict(center=np.array([119.5, 99.5]), side=side, rotation=15.0, flip=np.array([False, False]))
        warped = WarpCrop(size)(dict(img=image, camera=camera, crop=dict(crop)))
        turned = VirtualCamera(size)(dict(img=image, camera=camera, crop=dict(crop)))
        inner = slice(6, -6)
        assert np.abs(warped['img'][inner, inner].astype(int) - turned['img'][inner, inner]).max() <= 4
        np.testing.assert_allclose(warped['camera']['K'], turned['camera']['K'], rtol=1e-6, atol=1e-6)
    camera = dict(K=np.array([[300.0, 0, 110], [0, 330, 90], [0, 0, 1]]), R=np.eye(3), T=np.zeros(3))
    crop = dict(center=np.array([170.0, 60.0]), side=70.0, rotation=-20.0, flip=np.array([False, False]))
    turned = VirtualCamera(80)(dict(img=image, camera=camera, crop=crop))
    homography = turned['camera']['K'] @ turned['camera']['R'] @ np.linalg.inv(camera['K'])
    expected = cv2.warpPerspective(image, homography, (80, 80), flags=cv2.INTER_LINEAR)
    assert np.abs(turned['img'].astype(int) - expected).max() <= 3


@pytest.mark.parametrize('lens', [np.zeros(5), np.array([-0.1, 0.02, 1e-3, -1e-3, 0.0])])
@pytest.mark.parametrize('angles', [(0.0, 0.0), (25.0, -10.0), (-30.0, 25.0)])
def test_a_cube_fills_the_result_wherever_it_stands(angles, lens):
    """At the distance D from the camera, the size of the result shows the cube's edge: f = size D / edge."""
    camera = dict(K=np.array([[900.0, 0, 640], [0, 900, 360], [0, 0, 1]]), dist=lens)
    place = 1400.0 * np.array([*np.tan(np.radians(angles)), 1.0])
    joints = np.tile(place, (21, 1))
    sample = dict(img=np.zeros((720, 1280, 3), np.uint8), camera=camera, keypoints_valid=np.ones((1, 21), np.float32))
    sample |= dict(keypoints_cam=joints[None], keypoints=project(joints[None], camera))
    turned = VirtualCamera(128)(HandCrop('cube', cube=240.0)(sample))
    distance = np.linalg.norm(place)
    assert turned['camera']['K'][0, 0] == pytest.approx(128 * distance / 240.0, rel=1e-6)
    np.testing.assert_allclose(turned['keypoints_cam'][0, 0], [0, 0, distance], atol=1e-6)


@pytest.mark.parametrize('seed', range(6))
@pytest.mark.parametrize('fine', [1, 3])
def test_the_compiled_map_is_the_cameras(seed, fine):
    """With and without a lens it is what projecting each pixel's ray gives; without one, the homography."""
    rng = np.random.default_rng(seed)
    intrinsics = np.array([[510.0, 2.0, 320], [0, 480, 230], [0, 0, 1]])
    camera = dict(K=intrinsics, dist=rng.normal(0, [0.1, 0.05, 0.01, 0.01, 0.01]))
    new = dict(K=np.array([[150.0, 0, 19.5], [0, 150, 19.5], [0, 0, 1]]))
    move = turn_onto(rng.uniform(0, 400, 2), 40.0, camera)
    at = (np.arange(40 * fine) + 0.5) / fine - 0.5
    pixels = np.stack(np.meshgrid(at, at), -1)
    rays = unproject(pixels, np.ones(pixels.shape[:2]), new) @ move
    args = 40, fine, move.T @ np.linalg.inv(new['K']), intrinsics
    found = np.stack(look_up(*args, camera['dist']), -1)
    np.testing.assert_allclose(found, project(rays, camera), rtol=1e-6, atol=1e-4)
    straight = np.stack(look_up(*args, np.zeros(5)), -1)
    homography = intrinsics @ move.T @ np.linalg.inv(new['K'])
    points = np.concatenate([pixels, np.ones((*pixels.shape[:2], 1))], -1) @ homography.T
    np.testing.assert_allclose(straight, points[..., :2] / points[..., 2:], rtol=1e-6, atol=1e-4)
    assert np.abs(found - straight).max() > 0.5, 'the lens counts'


def test_samples_together_are_samples_one_by_one(make_sample):
    samples = [HandCrop(factor=1.0 + i)(precise(make_sample, i)) for i in range(4)]
    for sample in samples:
        sample['camera'].setdefault('dist', np.zeros(5))
        sample['background'] = sample['img'][::-1].copy()
    singles = [VirtualCamera(24)(copy.deepcopy(sample)) for sample in samples]
    for single, joined in zip(singles, run_batch([VirtualCamera(24)], samples, np.empty((4, 0)))):
        assert single.keys() == joined.keys()
        for key in ('img', 'background', 'part_seg', 'hand_mask'):
            np.testing.assert_array_equal(single[key], joined[key])
            assert single[key].dtype == joined[key].dtype
        for key in ('keypoints', 'keypoints_cam', 'bbox'):
            np.testing.assert_allclose(single[key], joined[key], rtol=1e-12, atol=1e-9)
        for key in ('K', 'R', 'T'):
            np.testing.assert_allclose(single['camera'][key], joined['camera'][key], rtol=1e-12, atol=1e-12)


def test_each_view_draws_its_own_rotation(make_sample):
    noise, angles = RandomCropNoise(rotation=20.0), []
    np.random.seed(3)
    for _ in range(30):
        sample = noise(HandCrop()(precise(make_sample, 1)))
        plain = turn_onto(sample['crop']['center'], 0.0, sample['camera'])
        old = sample['camera']['R']
        about = VirtualCamera(32)(sample)['camera']['R'] @ old.T @ plain.T
        np.testing.assert_allclose(about[2], [0, 0, 1], atol=1e-9)
        angles.append(np.degrees(np.arctan2(about[1, 0], about[0, 0])))
    assert max(angles) > 12 and min(angles) < -12 and max(map(abs, angles)) <= 20


def test_what_it_refuses(make_sample):
    with pytest.raises(ValueError, match='needs .crop.*put HandCrop before'):
        VirtualCamera(32)(precise(make_sample, 0))
    with pytest.raises(ValueError, match='cannot mirror'):
        VirtualCamera(32)(RandomHandFlip(1.0)(HandCrop()(precise(make_sample, 0))))
    with pytest.raises(ValueError, match='does not support depth'):
        VirtualCamera(32)(HandCrop()(make_sample(0)))
    bare = HandCrop()(precise(make_sample, 0))
    del bare['camera']
    with pytest.raises(ValueError, match="needs 'camera'"):
        VirtualCamera(32)(bare)
    with pytest.raises(ValueError, match='positive whole px, found 0'):
        VirtualCamera(0)
