import numpy as np
import pytest
import torch

from handkd.models import PoseSquaredLoss, pose_squared

RNG = np.random.default_rng(0)


def transcribed(pred, target, weight, reduction):
    """Loss_C of Yuan et al. 2018, joint by joint."""
    total = 0.0
    for sample in range(len(pred)):
        squares = [
            (pred[sample, joint, axis] - target[sample, joint, axis]) ** 2
            for joint in range(21)
            for axis in range(3)
            if weight[sample, joint]
        ]
        total += sum(squares) / (len(squares) if reduction == 'mean' else 1)
    return total / len(pred)


@pytest.mark.parametrize('reduction', ['sum', 'mean'])
def test_it_is_the_equation(reduction):
    pred, target = RNG.normal(size=(2, 5, 21, 3))
    weight = RNG.random((5, 21)) < 0.7
    got = pose_squared(*map(torch.from_numpy, (pred, target)), torch.from_numpy(weight).float(), reduction)
    assert got.item() == pytest.approx(transcribed(pred, target, weight, reduction), rel=1e-6)
    everything = np.ones((5, 21))
    got = PoseSquaredLoss(100.0, reduction)(*map(torch.from_numpy, (pred, target)))
    assert got.item() == pytest.approx(100 * transcribed(pred, target, everything, reduction), rel=1e-6)


def test_unknown_reduction():
    with pytest.raises(ValueError, match=r"there is no 'batch'; expected one of \['mean', 'sum'\]"):
        PoseSquaredLoss(reduction='batch')
