"""The metric cube by its formula, and the hand mask on a drawn scene."""

import cv2
import numpy as np
import pytest

from handkd.datasets.transforms import DepthToCube, HandCrop, HandMaskFromDepth, WarpCrop, run_batch, take_batches
from handkd.geometry import project, rotation_2d
from handkd.hand import BONES
from handkd.studio import StudioDataset


def with_depth(values, z=500.0):
    joints = np.zeros((1, 21, 3), np.float32)
    joints[..., 2], joints[0, 0, 2] = z, z + 40
    return dict(depth=np.array(values, np.float32), keypoints_cam=joints, img_id=12)


def test_cube_by_its_formula():
    sample = with_depth([[500, 350, 650, 575], [100, 2000, 0, np.nan]])
    before = sample['depth'].copy()
    cubed = DepthToCube(300, 'root')(dict(sample))
    np.testing.assert_allclose(cubed['depth'], [[0, -1, 1, 0.5], [-1, 1, 1, 1]], atol=1e-6)
    assert cubed['depth'].dtype == np.float32 and cubed['depth_cube'] == (500, 300)
    np.testing.assert_array_equal(sample['depth'], before)


def test_cube_around_another_root_and_of_another_size():
    cubed = DepthToCube(400, root='wrist')(with_depth([[540, 440]]))
    np.testing.assert_allclose(cubed['depth'], [[0, -0.5]])


def test_cube_around_the_median_reading():
    depth = np.full((8, 8), 900.0)
    depth[2:6, 2:6] = 600
    depth[3, 3] = depth[4, 4] = 0
    assert DepthToCube(center='depth')(with_depth(depth))['depth_cube'][0] == 600
    mask = np.zeros((8, 8), bool)
    mask[0] = True
    assert DepthToCube(center='depth')(dict(with_depth(depth), hand_mask=mask))['depth_cube'][0] == 900
    mask[0], mask[3, 3] = False, True
    with pytest.raises(ValueError, match=r'sample \(img_id 12\) has no depth on the hand mask'):
        DepthToCube(center='depth')(dict(with_depth(depth), hand_mask=mask))
    with pytest.raises(ValueError, match='no depth in the central half'):
        DepthToCube(center='depth')(with_depth(np.zeros((8, 8))))


def test_hand_only_sends_what_is_off_the_mask_to_the_back():
    sample = with_depth([[500, 350, 400, 575], [100, 2000, 0, np.nan]])
    sample['hand_mask'] = np.array([[True, True, False, True], [False, True, True, True]])
    before = sample['depth'].copy()
    cubed = DepthToCube(300, hand_only=True)(dict(sample))
    np.testing.assert_allclose(cubed['depth'], [[0, -1, 1, 0.5], [1, 1, 1, 1]], atol=1e-6)
    np.testing.assert_array_equal(sample['depth'], before)
    sample['part_seg'] = np.array([[3, 4, 5, 6], [7, 8, 9, 10]], np.uint8)
    parts = DepthToCube(300, hand_only=True)(dict(sample))['part_seg']
    np.testing.assert_array_equal(parts, [[3, 4, 0, 6], [0, 8, 0, 0]])
    assert parts.dtype == np.uint8 and sample['part_seg'].all()
    # A mask that is there does not change anything by itself.
    np.testing.assert_allclose(DepthToCube(300)(sample)['depth'][:, 0], [0, -1], atol=1e-6)
    with pytest.raises(
        ValueError, match=r"needs 'hand_mask', but sample \(img_id 12\) has none: put HandMaskFromDepth"
    ):
        DepthToCube(hand_only=True)(with_depth([[1]]))


def test_missing_depth_says_what_to_do():
    with pytest.raises(ValueError, match=r"DepthToCube needs 'depth', but sample \(img_id 12\) has none: .*modalities"):
        DepthToCube()(dict(img_id=12))
    with pytest.raises(ValueError, match="needs 'keypoints_cam'"):
        DepthToCube()(dict(depth=np.ones((2, 2), np.float32)))


def test_a_root_without_a_label_is_an_error():
    valid = np.ones((1, 21), np.float32)
    valid[0, 9] = 0
    with pytest.raises(ValueError, match=r'sample \(img_id 12\) has no label for its root middle_mcp'):
        DepthToCube()(dict(with_depth([[1]]), keypoints_valid=valid))


def test_the_cube_comes_once():
    with pytest.raises(ValueError, match='in a cube already'):
        DepthToCube()(DepthToCube()(with_depth([[1]])))
    crop = dict(center=np.zeros(2), side=1.0)
    with pytest.raises(ValueError, match='DepthToCube after all'):
        WarpCrop()(dict(DepthToCube()(with_depth([[1]])), crop=crop))


@pytest.fixture(params=[0, 40, -130])
def scene(request):
    """A flat hand, turned in the plane, with forearm, wall, and a body in its box that does not touch it."""
    joints = np.zeros((21, 2))
    for finger, x in enumerate((-60, -28, 0, 24, 48)):
        for joint in range(4):
            joints[1 + 4 * finger + joint] = (x * (0.6 + 0.13 * joint), -45 - 33 * joint + 12 * abs(finger - 2))
    turn = rotation_2d(request.param)
    body, elbow = ((point + [0, 60]) @ turn.T for point in np.array([(-67.0, -27.0), (0.0, 300.0)]))
    joints = np.column_stack([(joints + [0, 60]) @ turn.T, np.full(21, 500.0)])
    camera = dict(K=np.array([[300.0, 0, 70], [0, 300, 70], [0, 0, 1]]))
    pixels = project(joints, camera)
    hand, arm, other = (np.zeros((141, 141), np.uint8) for _ in range(3))
    ends = np.rint(pixels).astype(int).tolist()
    for parent, child in BONES:
        cv2.line(hand, ends[parent], ends[child], 1, 9)
    cv2.line(arm, ends[0], np.rint(0.6 * elbow + 70).astype(int).tolist(), 1, 25)
    cv2.circle(other, np.rint(0.6 * body + 70).astype(int).tolist(), 4, 1, -1)
    assert not hand[other > 0].any()
    depth = np.full((141, 141), 900, np.float32)
    depth[arm > 0], depth[hand > 0], depth[other > 0] = 497, 492, 495
    sample = dict(depth=depth, camera=camera, keypoints=pixels[None], keypoints_cam=joints[None], img_id=5)
    return sample, hand > 0, other > 0


def test_hand_mask(scene):
    sample, hand, body = scene
    mask = HandMaskFromDepth(margin=20)(dict(sample))['hand_mask']
    assert mask.dtype == bool and mask.shape == hand.shape
    assert mask[hand].mean() > 0.99
    assert not mask[body].any()
    assert not mask[sample['depth'] == 900].any()
    # The forearm belongs to the wrist up to the margin, and not beyond.
    wrist, middle = sample['keypoints'][0, [0, 9]]
    rows, columns = np.nonzero(mask)
    past = (np.column_stack([columns, rows]) - wrist) @ (wrist - middle) / np.linalg.norm(wrist - middle)
    reach = 20 * 300 / 497
    assert reach - 2 < past.max() < reach + 0.5


@pytest.mark.parametrize('forearm', [0, 5])
def test_hand_mask_with_less_of_the_forearm(scene, forearm):
    sample, *_ = scene
    mask, whole = (HandMaskFromDepth(forearm=f)(dict(sample))['hand_mask'] for f in (forearm, None))
    wrist, middle = sample['keypoints_cam'][0, [0, 9], :2]
    rows, columns = np.indices(mask.shape)
    points = np.stack([columns - 70, rows - 70], -1) * sample['depth'][..., None] / 300
    past = (points - wrist) @ (wrist - middle) / np.linalg.norm(wrist - middle)
    np.testing.assert_array_equal(mask, whole & (past < forearm))
    assert forearm - 2 < past[mask].max() < forearm < 15 < past[whole].max()


def test_hand_mask_where_depth_shows_nothing(scene):
    sample, *_ = scene
    assert not HandMaskFromDepth()(dict(sample, depth=np.zeros((141, 141), np.float32)))['hand_mask'].any()
    far = np.full((141, 141), 2000, np.float32)
    assert not HandMaskFromDepth()(dict(sample, depth=far))['hand_mask'].any()


def test_hand_mask_with_joints_outside_of_the_image(scene):
    sample, hand, _ = scene
    cut = dict(sample, depth=sample['depth'][:, 60:], keypoints=sample['keypoints'] - [60, 0])
    cut['camera'] = dict(K=sample['camera']['K'] - [[0, 0, 60], [0, 0, 0], [0, 0, 0]])
    assert HandMaskFromDepth()(cut)['hand_mask'][hand[:, 60:]].mean() > 0.98


def test_hand_mask_needs_the_wrist(scene):
    sample, *_ = scene
    with pytest.raises(ValueError, match=r'sample \(img_id 5\) has no label for its wrist'):
        HandMaskFromDepth()(dict(sample, keypoints_valid=np.arange(21)[None]))
    with pytest.raises(ValueError, match="needs 'camera'"):
        HandMaskFromDepth()(dict(sample, camera=None))


SHOWN = 40


def render(**settings) -> list[dict]:
    """Rendered hands with forearm and clean depth, whose masks are exact."""
    data = StudioDataset('train', SHOWN, resolution=96, modalities=('depth',), **settings)
    return [data.get_data_info(i) for i in range(SHOWN)]


def with_palm(sample: dict) -> dict:
    """The same hand with the palm's centre as joint 0, half way from the wrist to the middle finger's base."""
    joints, pixels = sample['keypoints_cam'].copy(), sample['keypoints'].copy()
    joints[0, 0] = (joints[0, 0] + joints[0, 9]) / 2
    pixels[0, 0] = project(joints[0, :1], sample['camera'])[0]
    return dict(sample, keypoints_cam=joints, keypoints=pixels)


def found_share(samples: list[dict], **settings) -> np.ndarray:
    """Share of each sample's true hand pixels that the mask holds."""
    masks = [HandMaskFromDepth(**settings)(dict(sample))['hand_mask'] for sample in samples]
    return np.array([mask[sample['hand_mask']].mean() for mask, sample in zip(masks, samples)])


def test_a_palm_at_joint_0_loses_no_pixel_of_the_hand():
    samples = render()
    palms = [with_palm(sample) for sample in samples]
    for found in (found_share(samples), found_share(palms, joint0='palm')):
        assert found.mean() > 0.99 and found.min() > 0.93
    mistaken = found_share(palms)  # for a wrist: the lower palm is cut off
    assert mistaken.mean() < 0.9 and mistaken.min() < 0.7
    for sample, palm in zip(samples, palms):
        mask = HandMaskFromDepth(joint0='palm')(dict(palm))['hand_mask']
        assert (mask & sample['hand_mask']).sum() > 0.6 * (mask | sample['hand_mask']).sum()
        # Only the wrist's place decides: up to rounding it is the mask that the wrist itself gives.
        assert (mask != HandMaskFromDepth()(dict(sample))['hand_mask']).mean() < 0.001


def test_the_masks_of_small_metric_crops_are_the_hand():
    """Through a Kinect, at 48 px: what is found is hand, what is hand is found, and the rest goes to the back."""
    data = StudioDataset('train', SHOWN, modalities=('depth',), resolution=128, factor=1.8, depth_sensor='kinect')
    crop, find, cube = (HandCrop('cube'), WarpCrop(48)), HandMaskFromDepth(forearm=5.0), DepthToCube(hand_only=True)
    found, pure = [], []
    for i in range(SHOWN):
        sample = data.get_data_info(i)
        for step in (*crop, find):
            sample = step(sample)
        mask, hand = sample['hand_mask'], sample['part_seg'] > 0
        found.append((mask & hand).sum() / (hand & (sample['depth'] > 0)).sum())
        pure.append((mask & hand).sum() / mask.sum())
        depth = cube(dict(sample, depth=sample['depth'].copy()))['depth']
        assert (depth[~mask] == 1).all() and (depth[mask] < 1).mean() > 0.95
    assert np.mean(found) > 0.985 and np.mean(pure) > 0.96


@pytest.mark.parametrize('joint0', ['wrist', 'palm'])
def test_the_wall_behind_the_hand_is_not_in_the_mask(joint0):
    """A wall may stand 15 mm behind the farthest joint, which is nearer than the margin."""
    gaps = []
    for free, walled in zip(render(), render(background_depth=True)):
        wall = (free['depth'] == 0) & (walled['depth'] > 0)
        gaps.append(walled['depth'][wall].min() - walled['keypoints_cam'][0, :, 2].max())
        sample = with_palm(walled) if joint0 == 'palm' else dict(walled)
        assert not HandMaskFromDepth(joint0=joint0)(sample)['hand_mask'][wall].any()
    assert min(gaps) < 16


def test_masks_of_a_batch_are_those_of_single_samples():
    samples = render()
    samples[3]['keypoints_valid'] = (np.arange(21) != 4)[None].astype(np.float32)
    for sample in samples:
        sample.setdefault('keypoints_valid', np.ones((1, 21), np.float32))
    transform = HandMaskFromDepth()
    assert take_batches([transform])
    for sample, together in zip(samples, run_batch([transform], samples, np.zeros((SHOWN, 0))), strict=True):
        np.testing.assert_array_equal(together['hand_mask'], transform(dict(sample))['hand_mask'])
    samples[5]['keypoints_valid'] = (np.arange(21) != 9)[None].astype(np.float32)
    with pytest.raises(ValueError, match='img_id 5.* has no label for its palm or middle_mcp'):
        run_batch([HandMaskFromDepth(joint0='palm')], samples, np.zeros((SHOWN, 0)))


@pytest.mark.parametrize(
    ('build', 'message'),
    [
        (lambda: DepthToCube(center='rot'), "did you mean 'root'"),
        (lambda: DepthToCube(cube=0), 'positive length in mm'),
        (lambda: DepthToCube(root='midle_mcp'), "did you mean 'middle_mcp'"),
        (lambda: HandMaskFromDepth(margin=0), 'positive length in mm'),
        (lambda: HandMaskFromDepth(forearm=-1), 'forearm must be a length in mm, not negative; found -1'),
        (lambda: HandMaskFromDepth(joint0='plam'), "no 'plam'; did you mean 'palm'"),
    ],
)
def test_bad_settings(build, message):
    with pytest.raises(ValueError, match=message):
        build()
