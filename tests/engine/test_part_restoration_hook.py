from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.hooks import Hook

from handkd.apis.runs import train
from handkd.datasets.label_digests import digest_labels
from handkd.engine import PartRestorationHook
from handkd.engine.restoring import write_pieces
from handkd.hand import JOINT_INDEX, PART_UNKNOWN
from handkd.hints import ConfigError
from handkd.models import read_checkpoint
from handkd.registry import DATASETS, HOOKS, TRANSFORMS
from handkd.restoration import QualityCheck, Round, Verdict, judge, open_search, round_folder


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
    seen, shown = {}, {}

    def __init__(self, step=None):
        self.step = step

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        for image, sample in zip(data_batch['inputs']['depth'], data_batch['data_samples'], strict=True):
            source, index = sample.mixed_from
            if source == 1:
                StopAfterStepHook.seen[runner.iter, index] = sample.gt_fields.part_seg.numpy()[0].copy()
                StopAfterStepHook.shown[index] = image.clone()
        if runner.iter + 1 == self.step:
            raise KeyboardInterrupt


@TRANSFORMS.register_module()
class UnlabelledJoint:
    """Takes the label of a joint from packed samples."""

    is_last = True

    def __init__(self, joint):
        self.joint = joint

    def __call__(self, results):
        results['data_samples'].gt_instances.keypoints_valid[:, self.joint] = 0
        return results


@pytest.fixture(autouse=True)
def at_once(monkeypatch):
    monkeypatch.setattr('handkd.engine.part_restoration_hook.RestoringProcesses', AtOnce)
    AtOnce.begun, StopAfterStepHook.seen, StopAfterStepHook.shown = [], {}, {}


def weights(path):
    return read_checkpoint(path)['state_dict']


def every_second(original, restored, joints, valid, check):
    """A quality check that accepts every second map."""
    before, accepted = np.ones((len(joints), 21)), np.arange(len(joints)) % 2 > 0
    return Verdict(before, before - accepted[:, None], np.zeros_like(before, bool), accepted | True, accepted)


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
        assert used.verdict.accepted[index], 'a rejected image is not drawn'
        np.testing.assert_array_equal(labels, used.restored[index])
    assert {step for step, _ in StopAfterStepHook.seen} == set(range(6))
    real = DATASETS.build(cfg.train_dataloader.dataset.datasets[1])
    for index, image in StopAfterStepHook.shown.items():
        assert torch.equal(image, real[index]['inputs']['depth']), 'the image is that of the labels'
    assert len(StopAfterStepHook.shown) > 1


def test_real_images_teach_nothing_while_none_is_accepted(weak_cfg, monkeypatch):
    def none(original, restored, joints, valid, check):
        zeros = np.zeros((len(joints), 21))
        return Verdict(zeros, zeros, zeros > 0, np.ones(len(joints), bool), np.zeros(len(joints), bool))

    monkeypatch.setattr('handkd.engine.restoring.judge', none)
    train(weak_cfg(watch=dict(type='StopAfterStepHook')))
    assert {step for step, _ in StopAfterStepHook.seen} == set(range(6))
    assert all((labels == PART_UNKNOWN).all() for labels in StopAfterStepHook.seen.values())


@pytest.mark.parametrize('step', [1, 2, 3, 4, 5])
def test_resuming_after_an_interruption_at_any_step_changes_no_weight(weak_cfg, step):
    expected = weights(train(weak_cfg('whole')))
    with pytest.raises(KeyboardInterrupt):
        train(weak_cfg('parts', stop=dict(type='StopAfterStepHook', step=step)))
    found = weights(train(weak_cfg('parts'), resume='auto'))
    assert all(torch.equal(value, found[name]) for name, value in expected.items())


@pytest.mark.parametrize(
    ('step', 'change'), [(3, dict(missing=1.0)), (3, dict(joints=['index_tip', 'thumb_tip'])), (5, dict(window=5))]
)
def test_a_run_that_is_resumed_with_other_settings_makes_its_rounds_again(weak_cfg, step, change):
    def changed(*args, **hooks):
        cfg = weak_cfg(*args, **hooks)
        cfg.custom_hooks[2].update(change)
        return cfg

    with pytest.raises(KeyboardInterrupt):
        train(weak_cfg(stop=dict(type='StopAfterStepHook', step=step)))
    cfg = changed()
    folders = [round_folder(Path(cfg.work_dir) / 'restored', number) for number in (0, 1)]
    old = [Round.open(folder) for folder in folders]
    train(cfg, resume='auto')
    train(changed('other'))
    expected = Round.open(round_folder(Path(cfg.work_dir).parent / 'other/restored', 0))
    found = Round.open(folders[0])
    if step == 3:  # at step 5 nobody learns from round 0 any more
        assert found.settings == expected.settings != old[0].settings
        np.testing.assert_array_equal(found.restored, expected.restored)
        np.testing.assert_array_equal(found.verdict.after, expected.verdict.after)
        np.testing.assert_array_equal(found.verdict.accepted, expected.verdict.accepted)
    again = Round.open(folders[1])
    assert again.settings.weights == old[1].settings.weights and again.complete
    assert again.settings.made_with == expected.settings.made_with and len(list(folders[1].glob('piece_*'))) == 2


def test_the_quality_check_is_that_of_the_config_and_leaves_out_joints_without_a_label(weak_cfg, monkeypatch):
    cfg = weak_cfg()
    cfg.custom_hooks[2].update(missing=3.0, tolerance=1.0, joints=['index_tip', 'middle_pip', 'ring_tip'])
    real = cfg.train_dataloader.dataset.datasets[1]
    real.pipeline.append(dict(type='UnlabelledJoint', joint=JOINT_INDEX['ring_tip']))
    train(cfg)
    found = Round.open(round_folder(Path(cfg.work_dir) / 'restored', 0))
    joints = np.concatenate([item['data_samples'].gt_instances.keypoints for item in DATASETS.build(real)])
    valid = np.isin(np.arange(21), [JOINT_INDEX['index_tip'], JOINT_INDEX['middle_pip']])
    check = QualityCheck(3.0, 1.0)
    expected = judge(found.predicted, found.restored, joints, np.broadcast_to(valid, (6, 21)), check)
    np.testing.assert_allclose(found.verdict.before, expected.before, rtol=1e-6)
    np.testing.assert_allclose(found.verdict.after, expected.after, rtol=1e-6)
    np.testing.assert_array_equal(found.verdict.accepted, expected.accepted)
    assert found.verdict.before.any(0).tolist() == valid.tolist()


def test_the_search_is_that_of_the_config(weak_cfg, monkeypatch):
    asked = []
    monkeypatch.setattr('handkd.engine.restoring.open_search', lambda *a, **k: asked.append(k) or open_search(*a, **k))
    cfg = weak_cfg()
    cfg.custom_hooks[2].update(probes=3, rerank=40)
    train(cfg)
    assert asked and all(options == dict(probes=3, rerank=40) for options in asked)
    made_with = Round.open(round_folder(Path(cfg.work_dir) / 'restored', 0)).settings.made_with
    assert (made_with['probes'], made_with['rerank']) == (3, 40), 'another search makes another round'


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
    with pytest.raises(ValueError, match='rerank must be at least 1, found 0'):
        PartRestorationHook('folder', interval=1, rerank=0)
    with pytest.raises(ValueError, match='missing, the cost of a missing part, must be a length above 0 px, found -5'):
        PartRestorationHook('folder', interval=1, missing=-5)
