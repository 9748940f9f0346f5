import numpy as np
import pytest
import torch

from handkd.models.losses import PoseNormLoss, pose_norm


def eq1(pred, target):
    """PMD-Net, Eq. 1, sample by sample: three squared norms, one for each axis, under one root."""
    losses = []
    for p, y in zip(pred, target):
        squares = [np.linalg.norm(p[:, axis] - y[:, axis]) ** 2 for axis in range(3)]
        losses.append(sum(squares) ** 0.5)
    return sum(losses) / len(losses)


def test_is_eq_1_averaged_over_the_batch():
    rng = np.random.default_rng(0)
    pred, target = rng.normal(size=(2, 8, 21, 3))
    loss = pose_norm(torch.tensor(pred), torch.tensor(target))
    assert loss.item() == pytest.approx(eq1(pred, target), rel=1e-6)


def test_neither_the_mean_over_joints_nor_the_norm_over_the_batch():
    pred = torch.zeros(2, 21, 3)
    pred[0, 0] = torch.tensor([3.0, 0.0, 4.0])
    pred[1, :, 1] = 1.0
    assert pose_norm(pred, torch.zeros_like(pred)).item() == pytest.approx((5 + 21**0.5) / 2)


def test_gradient_is_finite_at_the_target_and_of_unit_length_elsewhere():
    target = torch.zeros(1, 21, 3)
    for offset, length in ((0.0, 0.0), (0.3, 1.0)):
        pred = torch.full_like(target, offset).requires_grad_()
        pose_norm(pred, target).backward()
        assert pred.grad.norm().item() == pytest.approx(length, abs=1e-4)


def test_joints_without_a_label_do_not_count():
    pred = torch.zeros(1, 21, 3)
    pred[0, 3] = 100.0
    pred[0, 5, 0] = 2.0
    weight = torch.ones(1, 21)
    weight[0, 3] = 0
    assert PoseNormLoss(loss_weight=100.0)(pred, torch.zeros_like(pred), weight).item() == pytest.approx(200.0)
