from types import SimpleNamespace

import pytest
import torch

from handkd.engine import WeightScheduleHook
from handkd.hints import ConfigError
from handkd.models.distillers import FeatureMimic


def test_epochs_of_a_schedule_need_a_run_that_counts_them():
    parts = torch.nn.ModuleDict(dict(feat=FeatureMimic('neck', schedule=dict(type='linear', end=2))))
    runner = SimpleNamespace(model=torch.nn.ModuleDict(dict(training_only=parts)))
    WeightScheduleHook(by_epoch=True).before_train(runner)
    with pytest.raises(ConfigError, match=r'distillers\.feat\.schedule counts epochs, .* set by_epoch=False'):
        WeightScheduleHook(by_epoch=False).before_train(runner)
