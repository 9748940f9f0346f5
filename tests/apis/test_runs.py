import json

import numpy as np
import pytest
import torch
from mmengine.hooks import Hook
from torch import nn

from handkd.apis.runs import evaluate, latest_checkpoint, train
from handkd.apis.trained import student_config
from handkd.evaluation import HandPredictions, PartCounts
from handkd.hints import ConfigError
from handkd.models import CheckpointError, read_checkpoint
from handkd.models.distillers import BaseDistiller
from handkd.registry import DATASETS, HOOKS, MODELS


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


@MODELS.register_module()
class AdaptingDistiller(BaseDistiller):
    """Learns a layer of its own."""

    student_taps = ('neck',)

    def __init__(self):
        super().__init__()
        self.adapter = nn.Linear(32, 4)

    def forward(self, context):
        return {'self': self.adapter(context.student['neck'][-1]).square().mean()}


def weights(path):
    return read_checkpoint(path)['state_dict']


def learned(path):
    """What the optimizer changes: not the running statistics."""
    return {k: v for k, v in weights(path).items() if 'running' not in k and 'num_batches' not in k}


def same(first, second):
    return first.keys() == second.keys() and all(torch.equal(value, second[key]) for key, value in first.items())


def distilled(cfg):
    cfg.model = dict(
        type='DistilledEstimator', student=cfg.model, distillers=dict(adapt=dict(type='AdaptingDistiller'))
    )
    return cfg


def test_resuming_after_an_interruption_at_any_step_changes_no_weight(tiny_cfg):
    def run(work_dir, resume=None, **hooks):
        cfg = tiny_cfg(work_dir=work_dir, **hooks)
        cfg.model.neck = dict(type='DropoutNeck')
        return weights(train(cfg, resume))

    expected = run('whole')
    for step in (2, 3, 4, 7, 9):
        with pytest.raises(KeyboardInterrupt):
            run(f'parts{step}', stop=dict(type='InterruptHook', step=step))
        assert same(expected, run(f'parts{step}', 'auto')), step


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


@pytest.mark.parametrize('target', [lambda cfg: cfg, distilled], ids=['to plain', 'to distilled'])
@pytest.mark.parametrize('source', [lambda cfg: cfg, distilled], ids=['from plain', 'from distilled'])
def test_a_run_begins_with_all_weights_of_load_from(tiny_cfg, source, target):
    start = train(source(tiny_cfg(3, 'start')))
    cfg = tiny_cfg(1, seed=5)
    cfg.optim_wrapper.optimizer.lr = 0.0
    cfg.model.backbone.init_cfg = dict(type='Constant', layer='Conv2d', val=9.0)  # what is loaded comes after it
    cfg.load_from = str(start)
    before, after = learned(start), learned(train(target(cfg)))
    adapter = {key for key in after if key.startswith('training_only.')}
    assert len(adapter) == (2 if target is distilled else 0)
    assert same({k: v for k, v in before.items() if k in after}, {k: v for k, v in after.items() if k in before})
    assert after.keys() - before.keys() == (set() if source is distilled else adapter)


def write_former_prefix(path):
    """Rewrite a checkpoint as it was written before the prefix ``training_only.``."""
    content = torch.load(path, weights_only=True)
    for name in {'state_dict', 'ema_state_dict'} & content.keys():
        content[name] = {key.replace('training_only.', 'distillers.'): v for key, v in content[name].items()}
        assert sum('distillers.adapt.' in key for key in content[name]) == 2
    torch.save(content, path)


@pytest.mark.parametrize('hooks', [{}, dict(average=dict(type='EMAHook', momentum=0.3))], ids=['plain', 'EMA'])
def test_a_run_resumes_bit_by_bit_from_a_checkpoint_with_the_former_prefix(tiny_cfg, hooks):
    def settings(work_dir, **more):
        return distilled(tiny_cfg(6, work_dir, **hooks, **more))

    expected = read_checkpoint(train(settings('whole')))
    with pytest.raises(KeyboardInterrupt):
        train(settings('parts', stop=dict(type='InterruptHook', step=5)))
    write_former_prefix(latest_checkpoint(settings('parts').work_dir))
    found = read_checkpoint(train(settings('parts'), resume='auto'))
    for name in ['state_dict', *(['ema_state_dict'] if hooks else [])]:
        assert same(expected[name], found[name])
    moments, resumed = (each['optimizer']['state'] for each in (expected, found))
    assert all(same(moments[index], resumed[index]) for index in moments) and moments.keys() == resumed.keys()


def test_a_checkpoint_with_the_former_prefix_starts_and_is_evaluated(tiny_cfg):
    start = train(distilled(tiny_cfg(2, 'start')))
    before, metrics = learned(start), evaluate(distilled(tiny_cfg(2, 'test')), start)
    write_former_prefix(start)
    assert evaluate(distilled(tiny_cfg(2, 'test')), start) == metrics
    cfg = distilled(tiny_cfg(1, seed=5))
    cfg.optim_wrapper.optimizer.lr = 0.0
    cfg.load_from = str(start)
    assert same(before, learned(train(cfg)))


def test_a_start_that_fits_in_part_is_an_error_that_says_what_is_for_that(tiny_cfg):
    start = train(tiny_cfg(2, 'start'))
    cfg = tiny_cfg(2)
    cfg.model.head.refine = False
    cfg.load_from = str(start)
    with pytest.raises(CheckpointError, match=r"load_from: .*iter_2.*unexpected.*head\.refine.*type='Pretrained'"):
        train(cfg)
    assert latest_checkpoint(cfg.work_dir) is None


def test_a_missing_start_says_where_it_comes_from(tiny_cfg, tmp_path):
    cfg = tiny_cfg()
    cfg.load_from = str(tmp_path / 'rgb' / 'iter_20000.pth')
    cfg.train_dataloader.dataset = dict(type='Nothing')  # not even looked at
    with pytest.raises(
        FileNotFoundError, match=r'rgb/iter_20000\.pth; train .* or .* `handkd stages`, or .*load_from='
    ):
        train(cfg, resume='auto')
    cfg.stages = dict(runs=[dict(name='rgb')])
    with pytest.raises(FileNotFoundError, match=r'handkd stages \S+ --only rgb`, or'):
        train(cfg, resume='auto')


@pytest.mark.parametrize('step', [1, 5])
def test_an_interrupted_run_goes_on_from_its_own_checkpoint_and_not_from_its_start(tiny_cfg, step):
    def begun(work_dir, **hooks):
        cfg = tiny_cfg(6, work_dir, **hooks)
        cfg.load_from = str(start)
        return cfg

    start = train(tiny_cfg(3, 'start', seed=5))
    whole = weights(train(begun('whole')))
    with pytest.raises(KeyboardInterrupt):
        train(begun('parts', stop=dict(type='InterruptHook', step=step)), resume='auto')
    assert latest_checkpoint(begun('parts').work_dir) is None or step == 5
    assert same(whole, weights(train(begun('parts'), resume='auto')))
    assert not same(whole, weights(train(tiny_cfg(6, 'fresh'))))
    start.unlink()
    assert same(whole, weights(train(begun('parts'), resume='auto')))


def test_what_resumes_is_not_sent_back_to_the_start(tiny_cfg, monkeypatch):
    seen = []
    monkeypatch.setattr(InterruptHook, 'after_train_iter', lambda self, runner, *_, **__: seen.append(runner.iter))
    start = train(tiny_cfg(2, 'start'))
    for max_iters in (4, 6):
        cfg = tiny_cfg(max_iters, watch=dict(type='InterruptHook', step=0))
        cfg.load_from = str(start)
        train(cfg, resume='auto')
    assert seen == [0, 1, 2, 3, 4, 5]


def test_of_several_metrics_the_first_is_the_main_one(tiny_cfg, tmp_path):
    checkpoint, cfg = train(tiny_cfg(2)), tiny_cfg(2, 'test')
    first, second = (dict(type='HandKeypointMetric', root=root) for root in ('wrist', 'middle_mcp'))
    cfg.test_evaluator = [first, second]
    metrics = evaluate(cfg, checkpoint, dump=tmp_path / 'p.npz')
    errors = [name for name in metrics if name.endswith('EPE_mean')]
    assert [name.partition('_gt')[0] for name in errors] == ['rel-wrist', 'rel-middle_mcp']
    predictions = HandPredictions.load(tmp_path / 'p.npz')
    assert f'{predictions.protocol}/EPE_mean' == errors[0]
    assert np.nanmean(predictions.errors) == pytest.approx(metrics[errors[0]])


def test_a_metric_of_parts_leaves_its_counts_where_predictions_go(tiny_cfg, tmp_path):
    cfg = tiny_cfg()
    backbone = dict(type='DensePatchNet', channels=(2, 2, 4), hidden=(4,))
    head = dict(type='PartSegmentationHead', in_channels=4)
    cfg.model = dict(type='HandPoseEstimator', modality='depth', backbone=backbone, head=head)
    steps = [dict(type='DepthToCube'), dict(type='PackHandInputs', modalities=['depth'], fields=['part_seg'])]
    hands = dict(type='StudioDataset', split='test', length=3, modalities=['depth'], resolution=24, pipeline=steps)
    cfg.test_dataloader.dataset, cfg.test_evaluator = hands, dict(type='HandSegmentationMetric')
    torch.save({'state_dict': MODELS.build(cfg.model).state_dict()}, tmp_path / 'iter_1.pth')
    numbers = evaluate(cfg, tmp_path / 'iter_1.pth', tmp_path / 'predictions.npz')
    counts = PartCounts.load(tmp_path / 'predictions.npz')
    truth = np.stack([item['data_samples'].gt_fields.part_seg for item in DATASETS.build(hands)])
    np.testing.assert_array_equal(counts.total, [(truth == part).sum() for part in range(1, 21)])
    assert numbers == {f'{counts.protocol}/{name}': value for name, value in counts.accuracy._asdict().items()}


def test_artifacts_are_made_before_anything_is_built_and_stale_ones_are_refused(tiny_cfg, tmp_path):
    cfg = tiny_cfg()
    cfg.angle_limits = dict(file=str(tmp_path / 'limits.json'))
    cfg.train_dataloader.dataset = dict(type='StudioDataset', split='train', length=30)
    cfg.model = dict(type='NoSuchModel')
    with pytest.raises(KeyError, match='NoSuchModel'):
        train(cfg)
    assert json.loads((tmp_path / 'limits.json').read_text())['source']['hands'] == 30
    cfg.train_dataloader.dataset.length = 31
    with pytest.raises(ConfigError, match=r'limits\.json comes from another set'):
        train(cfg)
    cfg.test_evaluator = [dict(type='HandAngleMetric', limits=str(tmp_path / 'limits.json'))]
    with pytest.raises(ConfigError, match=r'limits\.json comes from another set'):
        evaluate(cfg, tmp_path / 'none.pth')
