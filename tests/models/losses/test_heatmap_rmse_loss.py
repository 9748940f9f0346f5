import numpy as np
import pytest
import torch

from handkd.models import HeatmapRMSELoss, heatmap_rmse

RNG = np.random.default_rng(0)


def test_it_is_the_rmse_of_each_map_averaged_over_the_visible_joints_of_the_batch():
    pred, target = RNG.normal(size=(2, 3, 21, 6, 5))
    weight = (RNG.random((3, 21)) < 0.6).astype(float)
    total = 0.0
    for sample in range(3):
        for joint in range(21):
            mean = np.mean(
                [(pred[sample, joint, y, x] - target[sample, joint, y, x]) ** 2 for y in range(6) for x in range(5)]
            )
            total += weight[sample, joint] * np.sqrt(mean)
    expected = total / weight.sum()
    tensors = [torch.from_numpy(array) for array in (pred, target, weight)]
    assert heatmap_rmse(*tensors).item() == pytest.approx(expected, rel=1e-6)
    assert HeatmapRMSELoss(100.0)(*tensors).item() == pytest.approx(100 * expected, rel=1e-6)


def test_a_perfect_prediction_and_a_batch_without_visible_joints_have_finite_gradients():
    for weight in (1.0, 0.0):
        pred = torch.zeros(2, 21, 4, 4, requires_grad=True)
        loss = heatmap_rmse(pred, torch.zeros(2, 21, 4, 4), torch.full((2, 21), weight))
        loss.backward()
        assert loss.item() == pytest.approx(0, abs=1e-5) and torch.isfinite(pred.grad).all()
