import numpy as np
import pytest
import torch

from handkd.codecs import CPMHeatmap


def closed_form(x, y, cx, cy, sigma=25.0):
    return np.exp(-((x - int(cx)) ** 2 + (y - int(cy)) ** 2) / sigma**2)


def test_targets_are_gaussians_without_the_half_around_whole_pixels():
    keypoints = torch.tensor([[[40.9, 200.2], [1.99, 1.0]]])
    maps = CPMHeatmap().encode(keypoints, torch.ones(1, 2)).numpy()
    assert maps.shape == (1, 2, 256, 256)
    y, x = np.mgrid[:256, :256]
    np.testing.assert_allclose(maps[0, 0], closed_form(x, y, 40.9, 200.2), rtol=1e-4, atol=1e-7)
    assert maps[0, 0, 200, 40] == 1  # not rounded up to 41
    assert maps[0, 0, 200, 65] == pytest.approx(np.exp(-1), rel=1e-5)  # sigma away, and not exp(-1/2)
    assert maps[0, 1, 1, 1] == 1


@pytest.mark.parametrize(
    ('point', 'visible', 'drawn'),
    [
        ((100.0, 100.0), 1, True),
        ((100.0, 100.0), 0, False),
        ((0.9, 100.0), 1, False),  # pixel 0 is the rim
        ((1.0, 100.0), 1, True),
        ((254.9, 100.0), 1, True),
        ((255.0, 100.0), 1, False),
        ((100.0, -3.0), 1, False),
        ((100.0, 400.0), 1, False),
    ],
)
def test_joints_that_are_hidden_or_at_the_rim_have_empty_maps(point, visible, drawn):
    maps = CPMHeatmap().encode(torch.tensor([[point]]), torch.tensor([[visible]]))
    assert bool(maps.any()) == drawn


def test_small_targets_are_the_large_ones_at_the_centres_of_the_cells():
    torch.manual_seed(0)
    keypoints = 1 + torch.rand(2, 21, 2) * 253  # a joint on the border of the input has no target
    small = CPMHeatmap(enlarge=False).encode(keypoints, torch.ones(2, 21)).numpy()
    centres = np.arange(32) * 8 + 3.5
    x, y = np.meshgrid(centres, centres)
    for sample, joint in ((0, 0), (1, 20)):
        expected = closed_form(x, y, *keypoints[sample, joint].tolist())
        np.testing.assert_allclose(small[sample, joint], expected, rtol=1e-4, atol=1e-7)


def test_predictions_are_enlarged_with_the_edges_of_both_maps_together():
    heatmaps = torch.zeros(1, 1, 32, 32)
    heatmaps[0, 0, :, 10:] = 1  # an edge between cells 9 and 10, at pixel 80
    large = CPMHeatmap().match(heatmaps)[0, 0, 128]
    assert large[79] + large[80] == pytest.approx(1) and large[79] < 0.5 < large[80]
    assert torch.equal(CPMHeatmap(enlarge=False).match(heatmaps), heatmaps)


@pytest.mark.parametrize(('decoder', 'mean'), [('argmax', 3.5), ('dark', 0.6)])
def test_joints_are_found_again_in_their_own_maps(decoder, mean):
    torch.manual_seed(0)
    keypoints = 30 + 196 * torch.rand(8, 21, 2)
    small = CPMHeatmap(enlarge=False, decoder=decoder)
    found, scores = small.decode(small.encode(keypoints, torch.ones(8, 21)))
    # What encode draws stands at whole pixels: the centre that can be found is cut down.
    errors = (found - keypoints.trunc()).norm(dim=-1)
    assert errors.mean() < mean and errors.max() < 4 * 2**0.5 + 0.01
    assert (scores > 0.9).all()


def test_dark_goes_no_farther_than_the_next_cell_where_maps_are_no_gaussians():
    torch.manual_seed(0)
    noise = torch.rand(16, 21, 32, 32, requires_grad=True) ** 4  # as outside of no_grad
    largest = noise.flatten(2).argmax(-1)
    centres = torch.stack([largest % 32, largest // 32], -1) * 8 + 3.5
    steps = (CPMHeatmap(decoder='dark').decode(noise)[0] - centres).abs()
    assert steps.max() == 8 and steps.median() < 8


def test_a_decoder_sees_no_joint_between_the_others_maps():
    heatmaps = torch.zeros(1, 2, 32, 32)
    heatmaps[0, 0, 5, 20], heatmaps[0, 1, 30, 2] = 0.7, 0.2
    found, scores = CPMHeatmap().decode(heatmaps)
    cells = (found + 0.5) / 8 - 0.5
    assert (cells - torch.tensor([[[20.0, 5.0], [2.0, 30.0]]])).abs().max() < 0.1
    torch.testing.assert_close(scores, torch.tensor([[0.7, 0.2]]), rtol=0.15, atol=0)


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (dict(decoder='drak'), "there is no 'drak'.*dark"),
        (dict(input_size=16), 'input_size must be at least heatmap_size'),
        (dict(sigma=0), 'positive'),
    ],
)
def test_wrong_options(options, message):
    with pytest.raises(ValueError, match=message):
        CPMHeatmap(**options)


def test_maps_of_another_size_are_refused():
    with pytest.raises(ValueError, match=r'heatmap_size is 32, but the maps are \(12, 12\)'):
        CPMHeatmap().decode(torch.zeros(1, 21, 12, 12))
