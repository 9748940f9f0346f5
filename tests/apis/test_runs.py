import numpy as np
import pytest
import torch
from mmengine.hooks import Hook
from torch import nn

from handkd.apis.runs import evaluate, latest_checkpoint, student_config, train
from handkd.models import CheckpointError, read_checkpoint
from handkd.registry import HOOKS, MODELS


@HOOKS.register_module()
class InterruptHook(Hook):
    """Stops the run in the middle of a step, as Ctrl-C does."""

    def __init__(self, step):
        self.step = step

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        if runner.iter + 1 == self.step:
            raise KeyboardInterrupt


@MODELS.register_module()
class DropoutNeck(nn.Module):
    """Pooling with dropout: a network that draws at random."""

    def forward(self, feats):
        return nn.functional.dropout(feats[-1].mean((2, 3)), 0.5, self.training)


def weights(path):
    return read_checkpoint(path)['state_dict']


@pytest.mark.parametrize('step', [2, 3, 4, 7, 9])
def test_resuming_after_an_interruption_at_any_step_changes_no_weight(tiny_cfg, step):
    neck = dict(type='DropoutNeck')
    whole, parts = tiny_cfg(work_dir='whole'), tiny_cfg(work_dir='parts', stop=dict(type='InterruptHook', step=step))
    whole.model.neck = parts.model.neck = neck
    expected = weights(train(whole))
    with pytest.raises(KeyboardInterrupt):
        train(parts)
    resumed = tiny_cfg(work_dir='parts')
    resumed.model.neck = neck
    got = weights(train(resumed, resume='auto'))
    assert expected.keys() == got.keys()
    assert all(torch.equal(value, got[key]) for key, value in expected.items())


def test_a_resumed_run_starts_at_the_last_checkpoint_and_not_anew(tiny_cfg, monkeypatch):
    seen = []
    monkeypatch.setattr(InterruptHook, 'after_train_iter', lambda self, runner, *_, **__: seen.append(runner.iter))
    train(tiny_cfg(max_iters=4))
    cfg = tiny_cfg(max_iters=6, watch=dict(type='InterruptHook', step=0))
    train(cfg, resume='auto')
    assert latest_checkpoint(cfg.work_dir).name == 'iter_6.pth'
    assert seen == [4, 5]


def test_the_seed_decides_and_repeats_the_run(tiny_cfg):
    first, second, other = (weights(train(tiny_cfg(3, f'{i}', seed))) for i, seed in enumerate([0, 0, 1]))
    key = 'head.branches.x.fc1.weight'
    assert torch.equal(first[key], second[key]) and not torch.equal(first[key], other[key])


def test_resuming_from_a_file_that_is_missing_or_damaged_is_an_error(tiny_cfg, tmp_path):
    with pytest.raises(FileNotFoundError, match=r'nowhere\.pth'):
        train(tiny_cfg(), resume=str(tmp_path / 'nowhere.pth'))
    (tmp_path / 'iter_2.pth').write_bytes(b'junk')
    with pytest.raises(CheckpointError, match=r'iter_2\.pth'):
        train(tiny_cfg(), resume=str(tmp_path / 'iter_2.pth'))


def test_checkpoints_are_plain_and_the_latest_is_by_step(tiny_cfg):
    path = train(tiny_cfg(max_iters=11))
    assert path.name == 'iter_11.pth'
    torch.load(path, weights_only=True)


def test_a_checkpoint_of_another_architecture_is_not_evaluated(tiny_cfg):
    checkpoint = train(tiny_cfg(2))
    other = tiny_cfg(2, 'test')
    other.model.head.refine = False
    with pytest.raises(CheckpointError, match=r'another architecture.*unexpected.*head\.refine'):
        evaluate(other, checkpoint)


def test_evaluation_runs_the_student_alone(tiny_cfg, tmp_path):
    cfg = tiny_cfg(2)
    checkpoint = train(cfg)
    distilled = tiny_cfg(2, 'test')
    distilled.model = dict(
        type='DistilledEstimator', student=cfg.model, teachers=dict(depth=dict(model=cfg.model)), distillers=dict()
    )
    metrics = evaluate(distilled, checkpoint, dump=tmp_path / 'p.npz')
    assert student_config(distilled).model.type == 'HandPoseEstimator' and distilled.model.type == 'DistilledEstimator'
    (name,) = [key for key in metrics if key.endswith('/EPE_mean')]
    assert name.startswith('rel-middle_mcp_gt-scale_21j') and np.isfinite(metrics[name])
    assert (tmp_path / 'p.npz').is_file()
