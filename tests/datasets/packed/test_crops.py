"""The margin is as large as it must be."""

import numpy as np
import pytest

from handkd.datasets.packed import CropMaker, margin_for
from handkd.datasets.transforms import HandCrop, RandomCropNoise
from handkd.geometry import crop_matrix


@pytest.mark.parametrize(('scale', 'shift', 'rotation'), [(1.2, 0.1, 180.0), (1.2, 0.1, 0.0), (1.5, 0.0, 20.0)])
def test_no_noise_leaves_the_margin_and_the_worst_fills_it(scale, shift, rotation):
    np.random.seed(0)
    noise, reach = RandomCropNoise((0.8, scale), shift, rotation), 0.0
    corners = np.array([[-0.5, -0.5, 1], [-0.5, 99.5, 1], [99.5, -0.5, 1], [99.5, 99.5, 1]])
    for _ in range(6000):
        crop = dict(center=np.array([0.0, 0.0]), side=1.0, rotation=0.0, flip=(False, False))
        matrix = crop_matrix(size=100, **noise(dict(crop=crop))['crop'])
        reach = max(reach, np.abs(corners @ np.linalg.inv(matrix).T)[:, :2].max())
    margin = margin_for(scale, shift, rotation)
    assert 0.95 * margin < 2 * reach <= margin + 1e-9


def test_the_crop_is_the_square_times_the_margin(make_source):
    sample = make_source().get_data_info(0)
    square = HandCrop('square', 1.5)(dict(sample))['crop']
    crop = CropMaker('square', 1.5, 2.0, 50)(sample, ('rgb',))
    np.testing.assert_allclose(crop['warp_matrix'], crop_matrix(square['center'], 2 * square['side'], 50))
    assert crop['img'].shape == (50, 50, 3) and 'depth' not in crop and 'hand_mask' not in crop


def test_errors(make_source):
    with pytest.raises(ValueError, match='at least 1'):
        CropMaker('square', margin=0.9)
    sample = make_source().get_data_info(0)
    del sample['depth']
    with pytest.raises(ValueError, match=r"have \['rgb', 'mask', 'parts'\], but not \['depth'\]"):
        CropMaker('square')(sample, ('rgb', 'depth'))
