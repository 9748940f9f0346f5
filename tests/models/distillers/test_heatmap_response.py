import numpy as np
import pytest
import torch
from mmpose.models.losses import KeypointMSELoss

from handkd.models.distillers import DistillContext, HeatmapResponse, heatmap_divergence, heatmap_mse


@pytest.fixture
def maps():
    return torch.randn(2, 3, 4, 5, 6, generator=torch.Generator().manual_seed(0))


def context(student, teacher):
    return DistillContext({'head': student}, {'big': {'head': teacher}}, {}, [])


def test_the_squared_distance_is_that_of_mmposes_loss(maps):
    student = maps[0].requires_grad_()
    ours = HeatmapResponse('big', weight=0.5)(context(student, maps[1]))['heatmap']
    theirs = 0.5 * KeypointMSELoss()(student, maps[1])
    torch.testing.assert_close(ours, theirs)
    for own, other in zip(torch.autograd.grad(ours, student), torch.autograd.grad(theirs, student)):
        torch.testing.assert_close(own, other)


def test_the_divergence_is_a_loop_over_pixels(maps):
    expected = np.zeros((3, 4))
    for b, k in np.ndindex(3, 4):
        q, p = (np.exp(2 * m[b, k].double().numpy()) for m in maps)
        p, q = p / p.sum(), q / q.sum()
        expected[b, k] = sum(p[i] * np.log(p[i] / q[i]) for i in np.ndindex(5, 6))
    np.testing.assert_allclose(heatmap_divergence(*maps, beta=2.0).numpy(), expected, rtol=1e-4)
    got = HeatmapResponse('big', distance='kl', beta=2.0)(context(*maps))['heatmap']
    assert got.item() == pytest.approx(expected.mean(), rel=1e-4)


def gaussian(centre, size, width):
    y, x = np.mgrid[: size[0], : size[1]] + 0.5
    return torch.tensor(-((x / size[1] - centre[0]) ** 2 + (y / size[0] - centre[1]) ** 2) / (2 * width**2)).float()


def test_maps_of_another_size_cover_the_same_crop():
    teacher = gaussian((0.4, 0.7), (32, 24), 0.1)[None, None]
    centres = [(0.4, 0.7), (0.45, 0.7), (0.4, 0.65), (0.35, 0.7)]
    student = torch.stack([gaussian(centre, (16, 12), 0.1) for centre in centres])[:, None]
    teacher = teacher.expand(4, 1, 32, 24)
    for values in (heatmap_divergence(student, teacher)[:, 0], heatmap_mse(student.exp(), teacher.exp())[:, 0]):
        assert values.argmin() == 0 and values[0] < 0.1 * values[1:].min()
        torch.testing.assert_close(values[1], values[3], rtol=0.05, atol=0)  # equal on both sides


def test_the_last_stage_and_volumes_are_read(maps):
    one = HeatmapResponse('big')(context([maps[1], maps[0]], maps[1]))['heatmap']
    assert one == HeatmapResponse('big')(context(maps[0][:, :, None], maps[1][:, :, None]))['heatmap'] > 0


@pytest.mark.parametrize('shape', [(3, 5, 5, 6), (3, 4, 5), (3, 4, 1, 5, 6)])
def test_other_outputs_are_named(maps, shape):
    with pytest.raises(ValueError, match=r"gives \(3, 4, 5, 6\), and 'head' of 'big' \(3, .*SimCCResponse"):
        HeatmapResponse('big')(context(maps[0], torch.zeros(shape)))


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (dict(distance='mes'), "HeatmapResponse.distance=....: there is no 'mes'; did you mean 'mse'"),
        (dict(beta=2.0), "beta=2.0 has no effect on distance='mse'"),
        (dict(distance='kl', beta=-1.0), 'beta must be positive, found -1.0'),
    ],
)
def test_wrong_options_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        HeatmapResponse('big', **options)
