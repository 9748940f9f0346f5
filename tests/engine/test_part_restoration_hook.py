from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.hooks import Hook

from handkd.apis.runs import train
from handkd.datasets.label_digests import digest_labels
from handkd.engine import PartRestorationHook
from handkd.engine.restoring import write_pieces
from handkd.hand import PART_UNKNOWN
from handkd.hints import ConfigError
from handkd.models import read_checkpoint
from handkd.registry import DATASETS, HOOKS
from handkd.restoration import Round, Verdict, round_folder


class AtOnce:
    """Stands in for the processes: makes a round where it stands, all of it when it is waited for."""

    begun = []

    def __init__(self, round_, recipe, number):
        self.round, self.recipe = round_, recipe
        AtOnce.begun.append(round_.folder.name)

    def wait(self):
        write_pieces(self.round, self.recipe, self.round.missing)

    def stop(self):
        pass


@HOOKS.register_module()
class StopAfterStepHook(Hook):
    """Stops a run behind a step, as Ctrl-C does; and notes which labels the real samples of each step had."""

    priority = 'LOW'
    seen = {}

    def __init__(self, step=None):
        self.step = step

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        for sample in data_batch['data_samples']:
            source, index = sample.mixed_from
            if source == 1:
                StopAfterStepHook.seen[runner.iter, index] = sample.gt_fields.part_seg.numpy()[0].copy()
        if runner.iter + 1 == self.step:
            raise KeyboardInterrupt


@pytest.fixture(autouse=True)
def at_once(monkeypatch):
    monkeypatch.setattr('handkd.engine.part_restoration_hook.RestoringProcesses', AtOnce)
    AtOnce.begun, StopAfterStepHook.seen = [], {}


def weights(path):
    return read_checkpoint(path)['state_dict']


def every_second(original, restored, joints):
    """A quality check that accepts every second map."""
    before = np.ones((len(joints), 21))
    return Verdict(before, before - np.arange(len(joints))[:, None] % 2, np.zeros_like(before, bool))


def test_steps_learn_from_the_round_of_their_number_and_not_from_what_was_rejected(weak_cfg, monkeypatch):
    monkeypatch.setattr('handkd.engine.restoring.judge', every_second)
    cfg = weak_cfg(watch=dict(type='StopAfterStepHook'))
    train(cfg)
    folder = Path(cfg.work_dir) / 'restored'
    assert AtOnce.begun == ['round_0000', 'round_0001'], 'from a third one nobody would learn'
    rounds = [Round.open(round_folder(folder, number)) for number in (0, 1)]
    labels = digest_labels(DATASETS.build(cfg.train_dataloader.dataset.datasets[1]))
    assert all(r.settings.made_with['labels'] == labels for r in rounds), 'of other labels they would be made anew'
    assert all(0 < r.verdict.accepted.sum() < 6 for r in rounds) and (rounds[0].restored != rounds[1].restored).any()
    for (step, index), labels in StopAfterStepHook.seen.items():
        used = rounds[0 if step < 4 else 1]
        expected = used.restored[index] if used.verdict.accepted[index] else np.full((48, 48), PART_UNKNOWN)
        np.testing.assert_array_equal(labels, expected)
    assert {step for step, _ in StopAfterStepHook.seen} == set(range(6))


@pytest.mark.parametrize('step', [1, 2, 3, 4, 5])
def test_resuming_after_an_interruption_at_any_step_changes_no_weight(weak_cfg, step):
    expected = weights(train(weak_cfg('whole')))
    with pytest.raises(KeyboardInterrupt):
        train(weak_cfg('parts', stop=dict(type='StopAfterStepHook', step=step)))
    found = weights(train(weak_cfg('parts'), resume='auto'))
    assert all(torch.equal(value, found[name]) for name, value in expected.items())


def test_rounds_of_another_run_are_not_learned_from(weak_cfg):
    cfg = weak_cfg()
    train(cfg)
    stale = list(Path(cfg.work_dir).glob('restored/round_*/piece_*.npz'))
    assert len(stale) == 4
    again = weak_cfg()
    again.randomness.seed = 1
    for checkpoint in Path(cfg.work_dir).glob('*.pth'):  # with them a new run would be refused
        checkpoint.unlink()
    train(again)
    assert not any(path.exists() for path in stale)


def test_another_training_set_is_refused(weak_cfg):
    cfg = weak_cfg()
    cfg.train_dataloader.dataset = cfg.train_dataloader.dataset.datasets[0]
    with pytest.raises(ConfigError, match='needs a training set of type MixedDataset .* found StudioDataset'):
        train(cfg)
    with pytest.raises(ValueError, match='interval must be at least 1, found 0'):
        PartRestorationHook('folder', interval=0)
