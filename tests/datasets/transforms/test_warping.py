"""The projection invariant over compositions of all transforms that move pixels, and results known exactly."""

import copy

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handkd.datasets.transforms import (
    DepthToCube,
    HandCrop,
    HandResize,
    RandomCropNoise,
    RandomHandFlip,
    WarpCrop,
    warp_sample,
)
from handkd.geometry import project, resize_matrix
from handkd.hand import chirality, other_side

PIXELS = ('img', 'depth', 'hand_mask', 'part_seg')
SPOT = 2.5  # its standard deviation in px

edges = st.integers(33, 97)
flips = st.builds(RandomHandFlip, st.sampled_from([0.0, 1.0]), st.sampled_from([0.0, 1.0]))
crops = st.builds(
    lambda rule, scale, shift, rotation, flip, size: [
        HandCrop(rule),
        RandomCropNoise((scale, 1.2 * scale), shift, rotation),
        flip,
        WarpCrop(size),
    ],
    st.sampled_from(HandCrop.RULES),
    st.floats(0.6, 1.2),
    st.floats(0, 0.2),
    st.floats(0, 180),
    flips,
    edges,
)
steps = st.one_of(crops, flips.map(lambda flip: [flip]), st.tuples(edges, edges).map(lambda size: [HandResize(size)]))


def centroid(weights):
    y, x = np.indices(weights.shape)
    return np.array([(x * weights).sum(), (y * weights).sum()]) / weights.sum()


def spot_is_inside(sample, blob):
    """Whether the whole spot is in the image, and not shrunk to a pixel; how large it is."""
    matrix = sample.get('warp_matrix', np.eye(3))[:2, :2]
    scales = np.linalg.svd(matrix, compute_uv=False)
    height, width = sample['img'].shape[:2]
    point, reach = sample['keypoints'][0, blob], 4 * SPOT * scales[0]
    return scales[1] > 0.35 and (point > reach).all() and (point < (width - reach, height - reach)).all()


@settings(max_examples=120, deadline=None)
@given(st.integers(0, 10**6), st.tuples(edges, edges), st.lists(steps, min_size=1, max_size=4))
def test_pixels_joints_and_camera_move_together(make_sample, seed, size, pipeline):
    blob = 9
    original = make_sample(seed, size, blob)
    sample = copy.deepcopy(original)
    np.random.seed(seed)
    whole = spot_is_inside(sample, blob)
    slack, before = 0.3, np.eye(3)  # how far the disc's centroid may be off in px, from rounding to whole pixels
    for stage in pipeline:
        for transform in stage:
            sample = transform(sample)
        whole = whole and spot_is_inside(sample, blob)
        after = sample.get('warp_matrix', np.eye(3))
        slack = 0.5 + slack * np.linalg.norm((after @ np.linalg.inv(before))[:2, :2], 2)
        before = after

    # The invariant: the camera that came along sees the joints where they are.
    seen = project(sample['keypoints_cam'], sample['camera'])
    np.testing.assert_allclose(seen, sample['keypoints'], rtol=0, atol=1e-3)
    matrix = sample.get('warp_matrix', np.eye(3))
    moved = original['keypoints'] @ matrix[:2, :2].T + matrix[:2, 2]
    np.testing.assert_allclose(sample['keypoints'], moved, rtol=0, atol=1e-3)
    np.testing.assert_array_equal(sample['keypoints_cam'][..., 2], original['keypoints_cam'][..., 2])

    # World-frame joints stay where they are, or are mirrored as the hand is; R stays a rotation.
    mirrored = np.linalg.det(matrix) < 0
    world = (original['keypoints_cam'][0] - original['camera']['T']) @ original['camera']['R']
    world = world * [-1, 1, 1] if mirrored else world
    camera = sample['camera']
    np.testing.assert_allclose(world @ camera['R'].T + camera['T'], sample['keypoints_cam'][0], rtol=0, atol=5e-3)
    np.testing.assert_allclose(camera['R'] @ camera['R'].T, np.eye(3), atol=1e-9)
    assert np.linalg.det(camera['R']) == pytest.approx(1)
    side = original['hand_side']
    assert sample['hand_side'] == (other_side(side) if mirrored else side)
    geometric = chirality(original['keypoints_cam'][0])[0]
    assert chirality(sample['keypoints_cam'][0])[0] == (other_side(geometric) if mirrored else geometric)

    # The pixels went the same way.
    shape = sample['img_shape']
    assert all(sample[key].shape[:2] == shape and sample[key].dtype == original[key].dtype for key in PIXELS)
    np.testing.assert_array_equal(sample['depth'] > 0, sample['hand_mask'])
    np.testing.assert_array_equal(sample['part_seg'], np.where(sample['hand_mask'], blob, 0))
    if whole:
        point = sample['keypoints'][0, blob]
        np.testing.assert_allclose(centroid(sample['img'][..., 1].astype(float)), point, rtol=0, atol=0.2)
        np.testing.assert_allclose(centroid(sample['hand_mask'].astype(float)), point, rtol=0, atol=slack)


@pytest.mark.parametrize('size', [(65, 49), (64, 48), (33, 64)])
@pytest.mark.parametrize(('horizontal', 'vertical'), [(1, 0), (0, 1), (1, 1)])
def test_flips_are_exact(make_sample, size, horizontal, vertical):
    sample = make_sample(1, size)
    sample['img'] = np.random.default_rng(0).integers(0, 256, sample['img'].shape, dtype=np.uint8)
    step = (slice(None, None, -1 if vertical else 1), slice(None, None, -1 if horizontal else 1))
    flipped = RandomHandFlip(horizontal, vertical)(dict(sample))
    for key in PIXELS:
        np.testing.assert_array_equal(flipped[key], sample[key][step])
    edge = np.array(size) - 1
    expected = np.where([horizontal, vertical], edge - sample['keypoints'], sample['keypoints'])
    np.testing.assert_allclose(flipped['keypoints'], expected, atol=1e-4)


@pytest.mark.parametrize(('horizontal', 'vertical'), [(1, 0), (0, 1), (1, 1)])
def test_without_a_camera_axes_change_sign(make_sample, horizontal, vertical):
    sample = make_sample()
    del sample['camera']
    flipped = RandomHandFlip(horizontal, vertical)(dict(sample))
    sign = np.array([1 - 2 * horizontal, 1 - 2 * vertical, 1])
    np.testing.assert_array_equal(flipped['keypoints_cam'], (sample['keypoints_cam'] * sign).astype(np.float32))


def test_a_flip_inside_the_crop_is_a_flip_of_the_crop(make_sample):
    inside, after = make_sample(), make_sample()
    for transform in (HandCrop(), RandomHandFlip(1, 1), WarpCrop(65)):
        inside = transform(inside)
    for transform in (HandCrop(), WarpCrop(65), RandomHandFlip(1, 1)):
        after = transform(after)
    np.testing.assert_allclose(inside['keypoints'], after['keypoints'], atol=1e-3)
    np.testing.assert_allclose(inside['camera']['K'], after['camera']['K'])
    assert np.abs(inside['img'].astype(int) - after['img']).max() <= 2


def test_flip_probabilities(make_sample):
    sample = make_sample()
    np.random.seed(0)
    flip, counts = RandomHandFlip(0.25, 0.6), np.zeros(2)
    for _ in range(2000):
        counts += flip(dict(sample, crop=dict(flip=(False, False))))['crop']['flip']
    np.testing.assert_allclose(counts / 2000, [0.25, 0.6], atol=0.04)  # four standard deviations


@pytest.mark.parametrize('new', [(130, 98), (97, 50), (65, 30)])
def test_resize_is_half_pixel_correct(make_sample, new):
    """OpenCV's own resize, which keeps the image's edges in place, is the reference."""
    rng = np.random.default_rng(0)
    image = cv2.GaussianBlur(rng.integers(0, 256, (49, 65, 3), dtype=np.uint8), (0, 0), 2)
    resized = HandResize(new)(dict(make_sample(), img=image))['img']
    expected = cv2.resize(image, new, interpolation=cv2.INTER_LINEAR)
    inner = (slice(2, -2), slice(2, -2))
    assert np.abs(resized.astype(int) - expected)[inner].max() <= 2


def test_halving_averages_four_pixels(make_sample):
    image = np.random.default_rng(0).integers(0, 256, (48, 64, 3), dtype=np.uint8)
    resized = HandResize((32, 24))(dict(make_sample(size=(64, 48)), img=image))['img']
    expected = image.reshape(24, 2, 32, 2, 3).mean((1, 3))
    assert np.abs(resized - expected).max() <= 0.5


def test_shrinking_does_not_alias(make_sample):
    board = np.indices((120, 120)).sum(0) % 2 * 255
    image = np.repeat(board[..., None], 3, -1).astype(np.uint8)
    resized = HandResize(24)(dict(make_sample(size=(120, 120)), img=image))['img']
    assert np.abs(resized[1:-1, 1:-1].astype(float) - 127.5).max() < 16


def test_outside_of_the_image(make_sample):
    sample = dict(make_sample(), bbox=np.array([[-40, -40, 100, 100]], np.float32))
    sample['depth'], sample['hand_mask'] = np.full((49, 65), 500, np.float32), np.ones((49, 65), bool)
    for transform in (HandCrop('box', factor=1.0), WarpCrop(32, border=128)):
        sample = transform(sample)
    assert (sample['img'][0] == 128).all() and (sample['depth'][0] == 0).all()
    assert not sample['hand_mask'][0].any() and (sample['part_seg'][0] == 0).all()


def test_arrays_are_never_written_to(make_sample):
    sample, reference = make_sample(), make_sample()
    for value in sample.values():
        if isinstance(value, np.ndarray):
            value.flags.writeable = False
    result = dict(sample)
    for transform in (
        HandResize(50),
        HandCrop(),
        RandomCropNoise((0.9, 1.1), 0.1, 30),
        RandomHandFlip(1, 1),
        WarpCrop(),
    ):
        result = transform(result)
    np.testing.assert_array_equal(sample['camera']['K'], reference['camera']['K'])
    np.testing.assert_array_equal(sample['camera']['R'], reference['camera']['R'])


def test_labels_may_be_missing(make_sample):
    sample = HandResize(32)(dict(img=make_sample()['img']))
    assert sample['img'].shape == (32, 32, 3)
    sample = RandomHandFlip(1)(dict(depth=make_sample()['depth']))
    np.testing.assert_array_equal(sample['depth'], make_sample()['depth'][:, ::-1])
    with pytest.raises(ValueError, match="HandResize needs 'img'"):
        HandResize(32)(dict(img_id=3))


def test_the_order_of_transforms_is_checked(make_sample):
    sample = make_sample(3)
    with pytest.raises(
        ValueError, match=r"WarpCrop needs 'crop', but sample \(img_id 3\) has none: put HandCrop before"
    ):
        WarpCrop()(dict(sample))
    with pytest.raises(ValueError, match='before HandCrop or after WarpCrop'):
        HandResize(32)(HandCrop()(dict(sample)))
    with pytest.raises(ValueError, match='DepthToCube after'):
        RandomHandFlip(1)(DepthToCube()(dict(sample)))
    with pytest.raises(ValueError, match='invertible'):
        warp_sample(dict(sample), np.zeros((3, 3)), (8, 8))


def test_two_resizes_are_one_in_the_labels(make_sample):
    twice, once = HandResize((90, 31))(HandResize((40, 77))(make_sample())), HandResize((90, 31))(make_sample())
    np.testing.assert_allclose(twice['camera']['K'], once['camera']['K'])
    np.testing.assert_allclose(twice['warp_matrix'], resize_matrix((65, 49), (90, 31)))
    np.testing.assert_allclose(twice['bbox'], once['bbox'], atol=1e-4)


@pytest.mark.parametrize(
    'build',
    [
        lambda: WarpCrop((64, 32)),
        lambda: WarpCrop(0),
        lambda: HandResize(6.5),
        lambda: HandResize((1, 2, 3)),
        lambda: RandomHandFlip(1.5),
        lambda: RandomHandFlip(vertical=-0.1),
    ],
)
def test_bad_settings(build):
    with pytest.raises(ValueError, match='found'):
        build()


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.lists(steps, min_size=1, max_size=3))
def test_a_data_sets_own_joints_move_with_the_21(make_sample, seed, pipeline):
    sample = make_sample(seed)
    # Points between joints, which must stay there.
    sample['keypoints_cam_native'] = (sample['keypoints_cam'][:, :-1] + sample['keypoints_cam'][:, 1:]) / 2
    sample['keypoints_native'] = project(sample['keypoints_cam_native'], sample['camera']).astype(np.float32)
    np.random.seed(seed)
    for stage in pipeline:
        for transform in stage:
            sample = transform(sample)
    joints = sample['keypoints_cam']
    np.testing.assert_allclose(sample['keypoints_cam_native'], (joints[:, :-1] + joints[:, 1:]) / 2, atol=1e-2)
    seen = project(sample['keypoints_cam_native'], sample['camera'])
    np.testing.assert_allclose(sample['keypoints_native'], seen, rtol=0, atol=1e-3)
    assert sample['keypoints_native'].dtype == sample['keypoints_cam_native'].dtype == np.float32
