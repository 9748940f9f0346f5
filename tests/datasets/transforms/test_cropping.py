"""Which square is chosen, and how noise varies it."""

import numpy as np
import pytest

from handkd.datasets.transforms import HandCrop, HandResize, RandomCropNoise, WarpCrop, run_batch
from handkd.geometry import project, zb_square


def test_square_rule(make_sample):
    sample = make_sample()
    keypoints = sample['keypoints'][0]
    crop = HandCrop(factor=1.5)(dict(sample))['crop']
    np.testing.assert_allclose(crop['center'], (keypoints.min(0) + keypoints.max(0)) / 2, rtol=1e-6)
    assert crop['side'] == pytest.approx(1.5 * np.ptp(keypoints, axis=0).max(), rel=1e-6)
    assert HandCrop()(dict(sample))['crop']['side'] == pytest.approx(crop['side'] * 1.25 / 1.5)


def test_square_rule_takes_hidden_but_labelled_joints(make_sample):
    sample = make_sample()
    hidden = dict(sample, keypoints_visible=np.zeros((1, 21), np.float32))
    assert HandCrop()(hidden)['crop']['side'] == HandCrop()(dict(sample))['crop']['side']


def test_box_rule(make_sample):
    crop = HandCrop('box', factor=2.0)(make_sample(size=(65, 49)))['crop']  # its box is (5, 6, 58, 41)
    np.testing.assert_allclose(crop['center'], [31.5, 23.5])
    assert crop['side'] == pytest.approx(106)


def test_zb_rule_takes_visible_joints_and_the_image_size(make_sample):
    sample = make_sample(size=(120, 90))
    sample['keypoints_visible'] = (np.abs(np.arange(21) - 9) < 2)[None].astype(np.float32)
    crop = HandCrop('zb')(dict(sample))['crop']
    center, side = zb_square(sample['keypoints'][0], np.abs(np.arange(21) - 9) < 2, (120, 90))
    np.testing.assert_array_equal(crop['center'], center)
    assert crop['side'] == side and 50 < side < 256
    sample['keypoints_visible'] = np.ones((1, 21), np.float32)
    assert HandCrop('zb')(sample)['crop']['side'] > side


def test_cube_rule_by_its_formula(make_sample):
    sample = make_sample()
    intrinsics, joints = sample['camera']['K'], sample['keypoints_cam'][0]
    for crop, cube, root in (
        (HandCrop('cube'), 300, 9),
        (HandCrop('cube', cube=250, root='wrist'), 250, 0),
        (HandCrop('cube', root=4), 300, 4),
    ):
        found = crop(dict(sample))['crop']
        np.testing.assert_array_equal(found['center'], sample['keypoints'][0, root])
        focal = (intrinsics[0, 0] * intrinsics[1, 1]) ** 0.5
        assert found['side'] == pytest.approx(cube * focal / joints[root, 2])


def test_a_cube_crop_shows_as_many_millimetres_of_every_hand(make_sample):
    """Near or far, through any lens, turned and mirrored or not: a pixel of the crop is cube / size mm at the root."""
    samples = [HandCrop('cube', cube=240)(make_sample(seed)) for seed in range(6)]
    for sample, turn in zip(samples, (0, 0, 30, 120, -60, 180)):
        sample['crop'] |= dict(rotation=np.float64(turn), flip=np.array([turn > 0, turn == 0]))
        sample = WarpCrop(48)(sample)
        np.testing.assert_allclose(sample['keypoints'][0, 9], [23.5, 23.5], atol=1e-4)
        np.testing.assert_allclose(project(sample['keypoints_cam'], sample['camera']), sample['keypoints'], atol=1e-3)
        pixels = np.linalg.det(sample['camera']['K'][:2, :2]) ** 0.5 / sample['keypoints_cam'][0, 9, 2]
        assert pixels == pytest.approx(48 / 240)
        # The crop of the crop is all of it.
        again = HandCrop('cube', cube=240)(sample)['crop']
        assert again['side'] == pytest.approx(48)
        np.testing.assert_allclose(again['center'], [23.5, 23.5], atol=1e-4)


def test_cube_crops_of_a_batch_are_those_of_single_samples(make_sample):
    samples = [make_sample(seed) for seed in range(5)]
    for sample in samples:  # a batch's cameras have the same keys
        sample['camera'].setdefault('dist', np.zeros(5))
    together = run_batch([HandCrop('cube')], samples, np.zeros((5, 0)))
    for sample, found in zip(samples, together, strict=True):
        crop = HandCrop('cube')(dict(sample))['crop']
        np.testing.assert_array_equal(found['crop']['center'], crop['center'])
        assert found['crop']['side'] == crop['side']
    assert len({float(found['crop']['side']) for found in together}) == 5
    samples[3]['keypoints_cam'] = -samples[3]['keypoints_cam']
    with pytest.raises(ValueError, match=r'HandCrop on sample \(img_id 3\): .* in front of the camera'):
        run_batch([HandCrop('cube')], samples, np.zeros((5, 0)))


@pytest.mark.parametrize('key', ['keypoints', 'keypoints_cam', 'camera'])
def test_cube_rule_needs_joints_and_camera(make_sample, key):
    with pytest.raises(ValueError, match=rf"HandCrop needs '{key}', but sample \(img_id 4\) has none"):
        HandCrop('cube')(dict(make_sample(4), **{key: None}))


def test_cube_rule_needs_a_label_of_its_root_alone(make_sample):
    sample = dict(make_sample(4), keypoints_valid=(np.arange(21) != 9)[None].astype(np.float32))
    with pytest.raises(ValueError, match=r'HandCrop on sample \(img_id 4\): the root middle_mcp has no label'):
        HandCrop('cube')(dict(sample))
    whole = HandCrop('cube', root='wrist')(make_sample(4))['crop']
    assert HandCrop('cube', root='wrist')(sample)['crop']['side'] == whole['side']


@pytest.mark.parametrize('zoom', [10, 0.3])
@pytest.mark.parametrize('rule', HandCrop.RULES)
def test_a_sample_that_was_moved_gets_the_same_square(make_sample, rule, zoom):
    """Zimmermann and Brox's limits, of 50 and 256 px and at the image's edges, are those of the original image."""
    expected = HandCrop(rule)(make_sample(size=(120, 90)))['crop']
    moved = HandResize((round(120 * zoom), round(90 * zoom)))(make_sample(size=(120, 90)))
    found = HandCrop(rule)(moved)['crop']
    assert found['side'] == pytest.approx(zoom * expected['side'], rel=1e-4)
    np.testing.assert_allclose(found['center'], zoom * (expected['center'] + 0.5) - 0.5, atol=1e-2)


def test_a_nan_joint_is_named_or_left_out(make_sample):
    sample = make_sample(7)
    clean = HandCrop()(make_sample(7))['crop']
    sample['keypoints'][0, 8] = np.nan
    with pytest.raises(ValueError, match=r"sample \(img_id 7\): 'keypoints' is not finite at index_tip"):
        HandCrop()(dict(sample))
    sample['keypoints_visible'][0, 8] = 0
    assert HandCrop()(dict(sample))['crop']['side'] <= clean['side']


def test_errors_name_the_sample(make_sample):
    with pytest.raises(ValueError, match=r"HandCrop needs 'keypoints', but sample \(img_id 4\) has none"):
        HandCrop()(dict(img_id=4))
    with pytest.raises(ValueError, match=r"needs 'bbox', .*choose another rule"):
        HandCrop('box')(dict(img_id=4))
    with pytest.raises(ValueError, match=r'HandCrop on sample \(img_id 4\): .* found 0'):
        HandCrop()(dict(make_sample(4), keypoints_valid=np.zeros((1, 21))))


def test_noise_stays_in_its_range_and_fills_it():
    np.random.seed(0)
    noise = RandomCropNoise((0.8, 1.5), 0.1, 30)
    start = dict(center=np.array([50.0, 60.0]), side=100.0, rotation=5.0, flip=(True, False))
    crops = [noise(dict(crop=start))['crop'] for _ in range(500)]
    sides = np.array([crop['side'] for crop in crops])
    shifts = np.array([(crop['center'] - start['center']) / crop['side'] for crop in crops])
    angles = np.array([crop['rotation'] for crop in crops])
    for values, low, high in ((sides, 80, 150), (shifts, -0.1, 0.1), (angles, -25, 35)):
        assert (values >= low).all() and (values <= high).all()
        span = high - low
        assert values.min() < low + 0.05 * span and values.max() > high - 0.05 * span
    assert all(crop['flip'].tolist() == [True, False] for crop in crops)
    np.testing.assert_array_equal(start['center'], [50, 60])


def test_no_noise_by_default():
    crop = dict(center=np.array([50.0, 60.0]), side=100.0, rotation=0.0, flip=(False, False))
    after = RandomCropNoise()(dict(crop=crop))['crop']
    np.testing.assert_array_equal(after['center'], crop['center'])
    assert (after['side'], after['rotation']) == (100, 0)


@pytest.mark.parametrize(
    ('build', 'message'),
    [
        (lambda: HandCrop('sqare'), "did you mean 'square'"),
        (lambda: HandCrop('zb', factor=1.25), "is for 'square' and 'box'"),
        (lambda: HandCrop(factor=0), 'must be positive'),
        (lambda: HandCrop('cube', factor=1.25), "is for 'square' and 'box'"),
        (lambda: HandCrop('cube', cube=0), 'cube must be a positive length in mm'),
        (lambda: HandCrop(cube=300.0), "is for 'cube'; found 300.0"),
        (lambda: HandCrop('zb', root='wrist'), "root is for 'cube'; found 'wrist' for 'zb'"),
        (lambda: HandCrop('cube', root='wirst'), "did you mean 'wrist'"),
        (lambda: RandomCropNoise((1.2, 1.0)), 'low <= high'),
        (lambda: RandomCropNoise(shift=-1), 'shift=-1'),
        (lambda: RandomCropNoise(rotation=-1), 'rotation=-1'),
    ],
)
def test_bad_settings(build, message):
    with pytest.raises(ValueError, match=message):
        build()
