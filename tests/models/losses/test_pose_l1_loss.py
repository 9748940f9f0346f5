import numpy as np
import pytest
import torch

from handkd.models.losses import PoseL1Loss, pose_l1
from handkd.registry import MODELS


def test_sum_over_a_hand_and_mean_over_hands():
    rng = np.random.default_rng(0)
    pred, target = rng.normal(size=(2, 4, 21, 3))
    weight = (rng.random((4, 21)) > 0.3).astype(float)
    total = 0.0
    for hand in range(4):
        for joint in np.flatnonzero(weight[hand]):
            dx, dy, dz = abs(pred[hand, joint] - target[hand, joint])
            total += dx + dy + 0.3125 * dz
    got = pose_l1(torch.tensor(pred), torch.tensor(target), torch.tensor(weight), depth_weight=0.3125)
    assert got.item() == pytest.approx(total / 4, rel=1e-6)
    loss = MODELS.build(dict(type='PoseL1Loss', depth_weight=0.3125, loss_weight=3.0))
    assert loss(*map(torch.tensor, (pred, target, weight))).item() == pytest.approx(3 * total / 4, rel=1e-6)
    plain = PoseL1Loss()(torch.tensor(pred), torch.tensor(target)).item()
    assert plain == pytest.approx(abs(pred - target).sum() / 4, rel=1e-6)


def test_it_is_computed_in_float32_and_its_gradient_is_a_sign():
    pred = torch.randn(2, 21, 3, dtype=torch.bfloat16, requires_grad=True)
    loss = pose_l1(pred, torch.zeros(2, 21, 3), depth_weight=4.0)
    loss.backward()
    assert loss.dtype == torch.float32
    torch.testing.assert_close(pred.grad.float(), pred.detach().float().sign() / 2 * torch.tensor([1.0, 1.0, 4.0]))
