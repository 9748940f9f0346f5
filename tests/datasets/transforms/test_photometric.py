"""Colour changes against a step-by-step transcription; block replacement against the paper's."""

import numpy as np
import pytest

from handkd.datasets.transforms import PhotometricJitter, RandomBlockReplacement
from handkd.geometry import axis_angle_to_matrix

LUMA = np.array([0.114, 0.587, 0.299])


def picture(height=40, width=64):
    return np.random.default_rng(0).integers(60, 160, (height, width, 3), dtype=np.uint8)


@pytest.mark.parametrize('seed', range(3))
@pytest.mark.parametrize(
    'strengths', [(0.2, 0, 0, 0), (0, 0.3, 0, 0), (0, 0, 0.5, 0), (0, 0, 0, 25), (0.9, 0.9, 0.9, 180)]
)
def test_colour_changes(seed, strengths):
    image = picture()
    np.random.seed(seed)
    found = PhotometricJitter(*strengths)(dict(img=image))['img']
    np.random.seed(seed)
    brightness, contrast, saturation, hue = (np.random.uniform(-1, 1, 6)[:4] * strengths) + [1, 1, 1, 0]

    pixels = image.astype(float)
    mean = (pixels @ LUMA).mean()
    pixels = pixels @ axis_angle_to_matrix(np.deg2rad(hue) / np.sqrt(3) * np.ones(3)).T
    grey = (pixels @ LUMA)[..., None]
    pixels = grey + saturation * (pixels - grey)
    pixels = (mean + contrast * (pixels - mean)) * brightness
    # OpenCV computes in fixed point: up to 0.65 instead of the rounding's 0.5.
    np.testing.assert_allclose(found, np.clip(pixels, 0, 255), atol=0.75)


def test_no_strength_changes_nothing():
    image = picture()
    np.testing.assert_array_equal(PhotometricJitter(0, 0, 0, 0)(dict(img=image))['img'], image)


def test_grey_stays_grey_and_bright_saturates():
    np.random.seed(0)
    grey = np.repeat(picture()[..., :1], 3, -1)
    changed = PhotometricJitter(hue=90, saturation=1)(dict(img=grey))['img']
    assert np.ptp(changed.astype(int), axis=-1).max() <= 1
    white = np.full((4, 4, 3), 255, np.uint8)
    outs = [PhotometricJitter(1, 0, 0, 0)(dict(img=white))['img'].max() for _ in range(20)]
    assert max(outs) == 255  # and not wrapped around


def test_noise():
    image = np.full((100, 100, 3), 128, np.uint8)
    jitter = PhotometricJitter(0, 0, 0, 0, noise=12)
    np.random.seed(5)
    first = jitter(dict(img=image))['img']
    np.random.seed(5)
    np.testing.assert_array_equal(jitter(dict(img=image))['img'], first)
    assert (jitter(dict(img=image))['img'] != first).mean() > 0.5
    np.random.seed(5)
    wanted = abs(np.random.uniform(-1, 1, 6)[5]) * 12
    difference = first.astype(float) - image
    assert difference.std() == pytest.approx(wanted, rel=0.03)
    assert abs(difference.mean()) < 0.3
    assert abs(np.corrcoef(difference[..., 0].ravel(), difference[..., 1].ravel())[0, 1]) < 0.05


def test_blur_keeps_the_mean_and_lowers_the_contrast():
    np.random.seed(1)
    image = picture()
    blurred = PhotometricJitter(0, 0, 0, 0, blur=3)(dict(img=image))['img']
    assert blurred.mean() == pytest.approx(image.mean(), abs=1)
    assert blurred.std() < 0.6 * image.std()


def test_only_the_image_changes():
    image = picture()
    image.flags.writeable = False
    sample = dict(img=image, depth=np.ones((40, 64), np.float32), keypoints=np.ones((1, 21, 2)))
    after = PhotometricJitter(blur=2, noise=5)(dict(sample))
    assert after['depth'] is sample['depth'] and after['keypoints'] is sample['keypoints']
    assert after['img'].dtype == np.uint8 and after['img'].shape == image.shape


@pytest.mark.parametrize(('height', 'width', 'block'), [(64, 64, 14), (64, 64, 5), (5, 10, 5), (33, 47, 1)])
def test_a_block_becomes_its_right_neighbour(height, width, block):
    # Neighbouring pixels differ, so that the changed region can be read off.
    image = np.random.default_rng(0).permutation(height * width * 3).reshape(height, width, 3).astype(np.int64)
    replace = RandomBlockReplacement(block, prob=1.0)
    corners = set()
    for seed in range(150):
        np.random.seed(seed)
        found = replace(dict(img=image))['img']
        rows, columns = np.nonzero((found != image).any(-1))
        y, x = rows.min(), columns.min()
        corners.add((x, y))
        expected = image.copy()
        expected[y : y + block, x : x + block] = image[y : y + block, x + block : x + 2 * block]
        np.testing.assert_array_equal(found, expected)
    x, y = np.array(sorted(corners)).T
    room = width - 2 * block
    assert x.min() <= 0.05 * room and x.max() >= 0.95 * room  # the whole range is in use


def test_block_replacement_leaves_the_original():
    image = picture()
    copy = image.copy()
    sample = dict(img=image, depth=np.ones((40, 64), np.float32))
    after = RandomBlockReplacement(5, prob=1.0)(dict(sample))
    np.testing.assert_array_equal(image, copy)
    assert after['img'] is not image and after['depth'] is sample['depth']
    assert RandomBlockReplacement(5, prob=0.0)(dict(sample))['img'] is image


@pytest.mark.parametrize('prob', [0.5, 0.2])
def test_block_replacement_probability(prob):
    np.random.seed(0)
    image, replace = picture(), RandomBlockReplacement(5, prob)
    rate = np.mean([replace(dict(img=image))['img'] is not image for _ in range(2000)])
    assert rate == pytest.approx(prob, abs=4 * np.sqrt(prob * (1 - prob) / 2000))


@pytest.mark.parametrize(('height', 'width'), [(64, 27), (13, 64)])
def test_a_block_that_does_not_fit(height, width):
    with pytest.raises(ValueError, match=rf'block=14 .* 28 x 14 px, found {width} x {height}'):
        RandomBlockReplacement(14)(dict(img=np.zeros((height, width, 3), np.uint8)))


@pytest.mark.parametrize(
    ('build', 'message'),
    [
        (lambda: PhotometricJitter(brightness=1.5), r'brightness must lie in \[0, 1\]'),
        (lambda: PhotometricJitter(noise=-1), r'noise must lie in \[0, inf\)'),
        (lambda: RandomBlockReplacement(0), 'block >= 1'),
        (lambda: RandomBlockReplacement(5, prob=2), 'prob <= 1'),
    ],
)
def test_bad_settings(build, message):
    with pytest.raises(ValueError, match=message):
        build()


@pytest.mark.parametrize('transform', [PhotometricJitter(), RandomBlockReplacement(5)])
def test_missing_image(transform):
    with pytest.raises(ValueError, match=rf"{type(transform).__name__} needs 'img', but sample \(img_id 8\) has none"):
        transform(dict(img_id=8))
