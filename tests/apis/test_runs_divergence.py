"""A training whose loss or weights are no longer numbers ends at once, and its good checkpoints stay."""

import pytest
import torch

from handkd.apis.runs import train
from handkd.engine import DivergenceError
from handkd.models import PoseNormLoss
from handkd.registry import MODELS


class NaNBackward(torch.autograd.Function):
    @staticmethod
    def forward(ctx, loss):
        return loss.clone()

    @staticmethod
    def backward(ctx, gradient):
        return gradient * float('nan')


@MODELS.register_module()
class FailingLoss(PoseNormLoss):
    """A loss that is NaN from the sixth step on, or whose gradient alone is."""

    def __init__(self, gradient):
        super().__init__()
        self.gradient, self.calls = gradient, 0

    def forward(self, pred, target, weight=None):
        loss = super().forward(pred, target, weight)
        self.calls += 1
        if self.calls <= 10:  # two calls a step: with the refine module there are two losses
            return loss
        return NaNBackward.apply(loss) if self.gradient else loss * float('nan')


@pytest.mark.parametrize(
    ('gradient', 'said'),
    [
        (False, r'in step 6 loss is nan, loss_reg is nan, .* batch are \d+, \d+, '),
        (True, r'after step 6 .* is not finite, and nothing was saved'),
    ],
)
def test_it_ends_before_good_weights_are_lost(tiny_cfg, tmp_path, gradient, said):
    cfg = tiny_cfg(11)
    cfg.model.head.loss = dict(type='FailingLoss', gradient=gradient)
    with pytest.raises(DivergenceError, match=said):
        train(cfg)
    saved = sorted(path.name for path in (tmp_path / 'run').glob('*.pth'))
    assert saved[-1] == 'iter_4.pth'
    state = torch.load(tmp_path / 'run/iter_4.pth', weights_only=True)['state_dict']
    assert all(value.isfinite().all() for value in state.values())
