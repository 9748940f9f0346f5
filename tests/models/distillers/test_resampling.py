import numpy as np
import pytest
import torch

from handkd.models.distillers import resample_distribution


@pytest.mark.parametrize(('length', 'new'), [(12, 8), (8, 12), (16, 4), (4, 16), (7, 7)])
def test_mass_and_mean_position_are_kept(length, new):
    torch.manual_seed(0)
    probability = torch.rand(3, length, dtype=torch.float64)
    probability[:, : length // 4] = probability[:, -(length // 4) :] = 0  # nothing beyond the outermost centres
    probability /= probability.sum(-1, keepdim=True)
    moved = resample_distribution(probability, new)
    assert moved.min() >= 0
    torch.testing.assert_close(moved.sum(-1), torch.ones(3, dtype=torch.float64))
    before, after = ((torch.arange(n, dtype=torch.float64) + 0.5) / n for n in (length, new))
    torch.testing.assert_close((moved * after).sum(-1), (probability * before).sum(-1))


def test_a_bin_is_an_integral_over_its_range():
    """In numpy: the points of each bin, each divided between its two neighbours."""
    length, new, offset = 5, 7, 0.3
    expected = np.zeros((length, new))
    for i in range(length):
        centre = i * new / length + offset
        for point in centre + (np.arange(2000) + 0.5) / 2000 * new / length - new / length / 2:
            place = min(max(point, 0), new - 1)
            low = min(int(place), new - 2)
            expected[i, low] += (1 - (place - low)) / 2000
            expected[i, low + 1] += (place - low) / 2000
    np.testing.assert_allclose(resample_distribution(torch.eye(length), new, offset), expected, atol=1e-6)


def test_mass_outside_goes_to_the_outermost_bins():
    assert resample_distribution(torch.tensor([0.25, 0.75]), 2, offset=-5.0).tolist() == [1.0, 0.0]
