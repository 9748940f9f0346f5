"""Loading backgrounds: the camera's own, moved and packed with the image."""

import numpy as np
import pytest

from handkd.datasets.backgrounds import background_path, open_background
from handkd.datasets.transforms import (
    HandCrop,
    LoadBackground,
    PackHandInputs,
    RandomCropNoise,
    RandomHandFlip,
    VirtualCamera,
    WarpCrop,
    run_batch,
)


@pytest.fixture
def folder(tmp_path):
    open_background.cache_clear()
    for sequence in ('a', 'b'):
        for view in (0, 7):
            path = background_path(tmp_path, sequence, view)
            path.parent.mkdir(exist_ok=True)
            np.save(path, np.random.default_rng(view + 100 * ord(sequence)).integers(0, 256, (49, 65, 3), np.uint8))
    return tmp_path


def views(make_sample, *places, **changes):
    samples = [make_sample(3) | dict(sequence=s, view=v) | changes for s, v in places]
    for sample in samples:
        del sample['depth']
    return samples


PLACES = (('a', 7), ('b', 0), ('a', 0))


def test_each_sample_gets_its_cameras(folder, make_sample):
    made = run_batch([LoadBackground(str(folder))], views(make_sample, *PLACES), np.empty((3, 0)))
    for sample, (sequence, view) in zip(made, PLACES):
        np.testing.assert_array_equal(sample['background'], np.load(folder / sequence / f'{view:02d}.npy'))


@pytest.mark.parametrize('cut', [WarpCrop(32), VirtualCamera(32)])
def test_it_moves_with_the_image(folder, make_sample, cut):
    """Where the image is its background, the crop of one is that of the other: pixel by pixel."""
    samples = views(make_sample, *PLACES)
    for sample, (sequence, view) in zip(samples, PLACES):
        sample['img'] = np.load(folder / sequence / f'{view:02d}.npy')
    steps = [LoadBackground(str(folder)), HandCrop(factor=0.8), cut, PackHandInputs(modalities=['rgb', 'background'])]
    if isinstance(cut, WarpCrop):
        steps.insert(2, RandomHandFlip(0.5))
    for item in run_batch(steps, samples, np.random.default_rng(0).random((3, 2))):
        rgb, background = item['inputs']['rgb'], item['inputs']['background']
        assert rgb.shape == background.shape == (3, 32, 32) and rgb.float().std() > 20
        assert (rgb == background).all()
        assert (item['data_samples'].sequence, item['data_samples'].view) in PLACES


@pytest.mark.parametrize('size', [16, 61])
def test_in_a_sample_that_was_moved_it_is_what_it_would_be(folder, make_sample, size):
    """Cropped with noise, flips and a border, shrunk or not, one by one and together: bit by bit."""
    move = [HandCrop(factor=1.3), RandomCropNoise((0.8, 1.2), 0.1, 60.0), RandomHandFlip(0.5, 0.5), WarpCrop(size, 77)]
    draws = np.random.default_rng(1).random((3, 6))
    load = LoadBackground(str(folder), border=77)
    before = run_batch([load, *move], views(make_sample, *PLACES), draws)
    after = run_batch([*move, load], views(make_sample, *PLACES), draws)
    for one, other in zip(before, after):
        assert one['background'].std() > 20
        np.testing.assert_array_equal(other['background'], one['background'])
    singles = [load(sample) for sample in run_batch(move, views(make_sample, *PLACES), draws)]
    np.testing.assert_array_equal(singles[2]['background'], before[2]['background'])


def test_packing_needs_it(make_sample):
    with pytest.raises(ValueError, match="needs 'background'.*put LoadBackground before"):
        PackHandInputs(modalities=['rgb', 'background'])(views(make_sample, ('a', 0))[0])


def test_what_it_refuses(folder, make_sample):
    load = LoadBackground(str(folder))
    (sample,) = views(make_sample, ('a', 0))
    sample['img'] = sample['img'][1:]
    with pytest.raises(ValueError, match=r'its image has shape \(48, 65\), the background in .* has \(49, 65\)'):
        load(sample)
    moved = WarpCrop(32)(HandCrop()(views(make_sample, ('a', 0), ori_shape=(48, 65))[0]))
    with pytest.raises(
        ValueError, match=r'its original image has shape \(48, 65\), the background in .* has \(49, 65\)'
    ):
        load(moved)
    with pytest.raises(ValueError, match=r'its image has shape \(32, 32\), the background in .* has \(49, 65\)'):
        load(VirtualCamera(32)(HandCrop()(views(make_sample, ('a', 0))[0])))
    with pytest.raises(ValueError, match="needs 'sequence', but .*: choose a data set with fixed cameras"):
        load(make_sample(3))
    with pytest.raises(FileNotFoundError, match='no background'):
        load(views(make_sample, ('c', 0))[0])
