"""A training whose loss or weights are no longer numbers ends at once, and its good checkpoints stay."""

import pytest
import torch

from handkd.apis.runs import train
from handkd.engine import DivergenceError
from handkd.models import PoseNormLoss, read_checkpoint
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


@pytest.mark.parametrize('kind', ['AutocastOptimWrapper', 'OptimWrapper'])
@pytest.mark.parametrize(
    ('gradient', 'clipped', 'said'),
    [
        (False, False, r'in step 6 loss is nan, loss_reg is nan, .* batch are \d+, \d+, '),
        (True, False, r'after step 6 .* is not finite, and nothing was saved'),
        (True, True, r'in step 6 grad_norm is nan, while loss is [\d.]+, .* batch are \d+, \d+, '),
    ],
)
def test_it_ends_before_good_weights_are_lost(tiny_cfg, tmp_path, gradient, clipped, said, kind):
    cfg = tiny_cfg(11, average=dict(type='EMAHook'))
    cfg.model.head.loss = dict(type='FailingLoss', gradient=gradient)
    cfg.optim_wrapper.type = kind
    cfg.default_hooks.checkpoint.update(max_keep_ckpts=1, save_best='EPE_mean')
    if clipped:
        cfg.optim_wrapper.clip_grad = dict(max_norm=1.0)
    with pytest.raises(DivergenceError, match=said):
        train(cfg)
    best, last = sorted(path.name for path in (tmp_path / 'run').glob('*.pth'))
    assert best.startswith('best_') and last == 'iter_4.pth'
    for name in (best, last):
        checkpoint = read_checkpoint(tmp_path / 'run' / name)
        for key in ('state_dict', 'ema_state_dict'):
            assert all(value.isfinite().all() for value in checkpoint[key].values())
