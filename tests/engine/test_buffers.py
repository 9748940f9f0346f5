"""Several processes validate with the first one's statistics; through a training: tests/tools/test_dist_train.py."""

from types import SimpleNamespace

import pytest
import torch

from handkd.engine import SameBuffersHook, buffers


@pytest.mark.parametrize('several', [False, True])
def test_a_validation_begins_with_the_buffers_of_the_first_process(monkeypatch, several):
    monkeypatch.setattr(buffers, 'is_distributed', lambda: several)
    monkeypatch.setattr(buffers, 'broadcast', lambda buffer: buffer.fill_(7))
    norm = torch.nn.BatchNorm1d(2)
    SameBuffersHook().before_val_epoch(SimpleNamespace(model=norm))
    assert norm.running_mean.tolist() == ([7, 7] if several else [0, 0])
    assert norm.weight.tolist() == [1, 1]
