import json
from pathlib import Path

import pytest
import torch

from handkd.apis.runs import train
from handkd.hints import ConfigError
from handkd.models.distillers import BaseDistiller
from handkd.registry import MODELS

HOOK = dict(type='GradientLogHook', interval=4)


@MODELS.register_module()
class Quiet(BaseDistiller):
    """Pulls a layer towards 0."""

    student_taps = ('neck',)

    def __init__(self, weight):
        super().__init__()
        self.weight = weight

    def forward(self, context):
        return {'zero': self.weight * context.student['neck'][-1].square().sum()}


def run(tiny_cfg, name, distiller='quiet', **hooks):
    cfg = tiny_cfg(8, name, **hooks)
    cfg.log_level = 'INFO'
    cfg.default_hooks.logger = dict(type='LoggerHook', interval=4)
    distillers = {distiller: dict(type='Quiet', weight=1.0)}
    cfg.model = dict(type='DistilledEstimator', student=cfg.model, distillers=distillers)
    train(cfg)
    (scalars,) = Path(cfg.work_dir).glob('*/vis_data/scalars.json')
    rows = [json.loads(line) for line in scalars.read_text().splitlines()]
    weights = torch.load(Path(cfg.work_dir) / 'iter_8.pth', weights_only=True)['state_dict']
    key = f'gradient_{distiller}/neck'
    return [row[key] for row in rows if key in row], [row['loss'] for row in rows if 'loss' in row], weights


def test_the_log_tells_each_distillers_gradient_and_the_training_is_the_same(tiny_cfg):
    none, losses, others = run(tiny_cfg, 'without')
    for distiller in ('quiet', 'quiet_loss'):  # a name that is no loss of its own
        ratios, logged, weights = run(tiny_cfg, distiller, distiller, a=HOOK)
        assert len(ratios) == 2 and none == [] and all(ratio > 0 for ratio in ratios)
        assert logged == losses
        assert [key for key, value in weights.items() if not torch.equal(value, others[key])] == []


def test_a_model_of_one_loss_is_refused(tiny_cfg):
    with pytest.raises(ConfigError, match='GradientLogHook needs a model with several losses, .* HandPoseEstimator'):
        train(tiny_cfg(2, a=HOOK))
    compiled = tiny_cfg(2, a=HOOK)
    compiled.model = dict(type='DistilledEstimator', student=compiled.model, distillers={})
    compiled.compile = True
    with pytest.raises(ConfigError, match='which compiled models do not allow'):
        train(compiled)
    with pytest.raises(ValueError, match='interval must be at least 1, found 0'):
        train(tiny_cfg(2, a=dict(HOOK, interval=0)))
