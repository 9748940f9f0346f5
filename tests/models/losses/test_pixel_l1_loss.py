import numpy as np
import pytest
import torch

from handkd.models import PixelL1Loss


def test_it_is_the_mean_absolute_difference():
    pred, target = np.random.default_rng(0).normal(size=(2, 3, 3, 8, 8))
    total = sum(abs(a - b) for a, b in zip(pred.ravel(), target.ravel()))
    loss = PixelL1Loss(loss_weight=0.5)(torch.from_numpy(pred), torch.from_numpy(target))
    assert loss.item() == pytest.approx(0.5 * total / pred.size, rel=1e-6)


def test_half_precision_is_summed_in_full():
    pred = torch.full((1, 3, 128, 128), 3.0, dtype=torch.bfloat16)
    loss = PixelL1Loss()(pred, torch.zeros(1, 3, 128, 128))
    assert loss.dtype == torch.float32 and loss.item() == 3
