import numpy as np
import pytest
import torch

from handkd.models.backbones.local_contrast import local_contrast


def torch7(image, kernel=9, floor=1e-4):
    """SpatialSubtractiveNormalization, then SpatialDivisiveNormalization, of one plane, pixel by pixel."""

    def filtered(plane):
        padded = np.pad(plane, kernel // 2)
        out = np.zeros_like(plane)
        for row, column in np.ndindex(plane.shape):
            out[row, column] = padded[row : row + kernel, column : column + kernel].sum() / kernel**2
        return out

    coef = filtered(np.ones_like(image))
    subtracted = image - filtered(image) / coef
    deviation = np.sqrt(filtered(subtracted**2)) / coef
    return subtracted / np.where(deviation > floor, deviation, floor)


@pytest.mark.parametrize('kernel', [9, 5])
def test_it_is_torch7s_up_to_the_borders(kernel):
    images = np.random.default_rng(0).normal(size=(3, 2, 14, 17))
    images[1, 0, 3:] = 1  # a constant background and an edge
    images[2] *= 1e-5  # below the floor
    found = local_contrast(torch.from_numpy(images), kernel)
    expected = np.stack([[torch7(plane, kernel) for plane in image] for image in images])
    np.testing.assert_allclose(found, expected, rtol=1e-8, atol=1e-9)


def test_the_background_of_the_cube_becomes_exactly_zero():
    images = torch.ones(1, 1, 48, 48)
    assert not local_contrast(images).any()
    images[..., 20:28, 20:28] = torch.rand(8, 8) - 0.5
    out = local_contrast(images)
    far = torch.ones(48, 48, dtype=torch.bool)
    far[16:32, 16:32] = False
    assert not out[0, 0, far].any() and out[0, 0, 16:32, 16:32].all()


@pytest.mark.parametrize('kernel', [0, 8])
def test_a_box_without_a_middle(kernel):
    with pytest.raises(ValueError, match=f'must be odd, found {kernel}'):
        local_contrast(torch.zeros(1, 1, 9, 9), kernel)
