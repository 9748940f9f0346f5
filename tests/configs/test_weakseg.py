"""The stages of weakseg: their networks have the paper's sizes, their rows differ in what they should, and they run."""

from pathlib import Path

import pytest
import torch

from handkd.apis.complexity import measure_config
from handkd.apis.segmentation_report import segmentation_table
from handkd.apis.stages import read_stages, run_stages
from handkd.apis.summary import results_table
from handkd.config import load_config
from handkd.models import read_checkpoint
from handkd.registry import DATASETS, MODELS
from handkd.restoration import latest_round
from handkd.studio.layouts import write_layout

CONFIGS = Path(__file__).parents[2] / 'configs' / 'weakseg'
DATA = ('studio', 'nyu')
ROWS = ('synthetic_row', 'longer_row', 'weak_row', 'joint_rows')


def parameters(network):
    return sum(weight.numel() for weight in network.parameters())


def test_networks_have_the_sizes_of_table_1():
    segmentation = measure_config(load_config(CONFIGS / 'dense_synthetic_nyu.py'))
    scales = 2 * 0 + 32 + 64 + 128 + 500 + 500  # of the normalisation; its shifts stand for the layers' biases
    assert segmentation.params == 582_044 + scales
    assert segmentation.macs == pytest.approx(1.446e9, rel=1e-3)
    joints = MODELS.build(load_config(CONFIGS / 'inception_direct_nyu.py').model).head
    scales = 32 + 16 + 8 + 16 + 8 + 8 + 16 + 1200
    assert parameters(joints) == 14 * (6_921_291 + scales)


@pytest.mark.parametrize('data', DATA)
def test_rows_differ_in_what_they_are_named_for(data):
    stages = {stage.name: stage for stage in read_stages(CONFIGS / f'inception_{data}.py')}

    def load(name):
        return load_config(stages[name].config, stages[name].options)

    synthetic, longer, weak = load('synthetic'), load('longer'), load('weak')
    assert synthetic.model == longer.model == weak.model
    assert longer.train_cfg == weak.train_cfg and longer.optim_wrapper == weak.optim_wrapper
    assert synthetic.train_dataloader == longer.train_dataloader
    rendered, real = weak.train_dataloader.dataset.datasets
    assert rendered == longer.train_dataloader.dataset and weak.train_dataloader.dataset.shares == [9, 1]
    assert 'part_seg' in rendered.pipeline[-1].fields and 'fields' not in real.pipeline[-1], 'joints are all it is told'
    (hook,) = (hook for hook in weak.custom_hooks if hook not in longer.custom_hooks)
    assert (hook.type, hook.missing, hook.tolerance, hook.joints) == ('PartRestorationHook', 5.0, 0.0, None)

    direct, cascade, fused = load('direct'), load('cascade'), load('full')
    for cfg in (cascade, fused):
        assert cfg.keys() - direct.keys() <= {'stages', *ROWS}
        assert all(cfg[key] == direct[key] for key in direct.keys() - {'model'})
    assert cascade.model.backbone.estimator == direct.model
    assert fused.model.head == direct.model.head and fused.model.backbone.segmentation == synthetic.model
    joints = direct.train_dataloader.dataset
    assert joints == real | dict(pipeline=joints.pipeline), 'the same images'


@pytest.mark.parametrize('data', DATA)
def test_all_rows_of_table_4_have_the_same_augmentation(data):
    """It stands in the pipeline of the training set, and nothing else is random, in no network either."""
    rows = [
        load_config(stage.config)
        for stage in read_stages(CONFIGS / f'inception_{data}.py')
        if stage.label.startswith('(')
    ]
    assert len(rows) == 4
    first = rows[0].train_dataloader
    assert all(cfg.train_dataloader == first for cfg in rows)
    assert all('jitter' not in cfg.model.backbone and not cfg.model.backbone.get('jitter') for cfg in rows)
    steps = [step.type for step in first.dataset.pipeline]
    assert steps == ['HandCrop', 'RandomCropNoise', 'WarpCrop', 'HandMaskFromDepth', 'DepthToCube', 'PackHandInputs']
    shift = first.dataset.pipeline[1]
    assert set(shift) == {'type', 'shift'} and 2 * shift.shift / 3**0.5 == pytest.approx(0.05, rel=0.01)
    restored = load_config(CONFIGS / f'dense_weak_{data}.py').train_dataloader.dataset.datasets[1]
    plain = [step for step in first.dataset.pipeline if step.type != 'RandomCropNoise']
    for pipeline in (
        restored.pipeline,
        rows[0].val_dataloader.dataset.pipeline,
        rows[0].test_dataloader.dataset.pipeline,
    ):
        assert pipeline == plain, 'a restored map belongs to one crop, and tests are exact'


def test_what_is_added_back_to_z_is_chosen_by_one_override():
    path = CONFIGS / 'inception_studio.py'
    for options, expected in (
        ({}, (9, 'local')),
        ({'model.backbone.added': 'hand'}, (9, 'hand')),
        ({'model.backbone.added': 'cube'}, (9, 'cube')),
        ({'model.backbone.contrast': None}, (None, 'cube')),
    ):
        backbone = MODELS.build(load_config(path, options, only='model').model).backbone
        assert (backbone.contrast, backbone.added) == expected


def test_networks_of_table_4_are_exact_in_training(tmp_path):
    """Of one batch every row's network makes the same twice: what is random is in the data alone."""
    images = dict(depth=torch.rand(2, 1, 48, 48, generator=torch.Generator().manual_seed(0)) * 2 - 1)
    for name in ('inception_direct', 'inception_cascade', 'inception'):
        network = MODELS.build(load_config(CONFIGS / f'{name}_studio.py').model).train()
        torch.manual_seed(1)
        first = network.extract_feat(images)
        second = network.extract_feat(images)
        for one, other in zip(first, second):
            assert one is other is None or torch.equal(one, other), name


def test_the_paper_s_numbers_stand_in_the_configs():
    weak, joints = load_config(CONFIGS / 'dense_weak_nyu.py'), load_config(CONFIGS / 'inception_nyu.py')
    synthetic = load_config(CONFIGS / 'dense_synthetic_nyu.py')
    assert synthetic.optim_wrapper.optimizer == dict(type='SGD', lr=0.1) and synthetic.train_dataloader.batch_size == 1
    assert synthetic.train_cfg.max_iters == 100 * 170_974 == 100 * synthetic.train_dataloader.dataset.length
    assert synthetic.patch_dictionary.maps == 56_991
    assert synthetic.param_scheduler[0].decay == 1e-5
    left = 1 / (1 + synthetic.train_cfg.max_iters * 1e-5)
    assert weak.optim_wrapper.optimizer.lr == pytest.approx(0.1 * left, rel=0.01)
    assert weak.param_scheduler[0].decay == pytest.approx(1e-5 * left, rel=0.01)
    assert joints.optim_wrapper.optimizer.type == 'Adam' and joints.optim_wrapper.optimizer.lr == 0.05
    assert joints.train_dataloader.batch_size == 64


def write_small_configs(folder, tree):
    """Copies of the NYU configs whose networks are tiny and whose stages are a few steps, and their list of stages."""
    common = {
        'patch_dictionary.folder': str(folder / 'patches'),
        'patch_dictionary.maps': 20,
        'patch_dictionary.dataset.length': 24,
        'train_dataloader.batch_size': 4,
        'train_cfg.max_iters': 4,
        'train_cfg.val_interval': 4,
    }
    for loader in ('train', 'val', 'test'):
        common |= {f'{loader}_dataloader.num_workers': 0, f'{loader}_dataloader.persistent_workers': False}
    network = {'channels': (8, 8, 16), 'hidden': (32,)}

    parts = {stage.name: stage for stage in read_stages(CONFIGS / 'inception_nyu_parts.py')}
    runs = load_config(CONFIGS / 'inception_nyu_parts.py', only='stages').to_dict()['stages']['runs']
    for name in ('synthetic', 'longer', 'weak'):
        options = {f'model.backbone.{key}': value for key, value in network.items()} | common
        options |= {'model.head.in_channels': 32, 'val_dataloader.dataset.length': 4}
        options |= {'test_dataloader.dataset.data_root': str(tree)}
        if name == 'weak':
            options |= {'train_dataloader.dataset.datasets.1.data_root': str(tree)}
            options |= {'custom_hooks.0.interval': 2, 'custom_hooks.0.workers': 1}
        load_config(parts[name].config, parts[name].options | options).dump(folder / f'{name}.py')
    segmentation = 'model.backbone.segmentation'
    shapes = {
        'direct': {'model.head.hidden': 8},
        'cascade': {'model.head.hidden': 8, 'model.backbone.estimator.head.hidden': 8},
        'full': {'model.head.hidden': 8, f'{segmentation}.head.in_channels': 32}
        | {f'{segmentation}.backbone.{key}': value for key, value in network.items()},
    }
    for name, shape in shapes.items():
        roots = {f'{loader}_dataloader.dataset.data_root': str(tree) for loader in ('train', 'val', 'test')}
        cfg = load_config(parts[name].config, common | shape | roots)
        cfg.pop('stages', None)
        cfg.dump(folder / f'{name}.py')
    stages = folder / 'stages.py'
    for run in runs:
        run.update(config=f'{run["name"]}.py', options={})  # the rows' options are in the files
    runs[-2]['config'] = 'full.py'
    stages.write_text(f'stages = dict(runs={runs!r})\n')
    return stages


@pytest.mark.training
def test_all_stages_run_from_a_written_nyu_tree_to_the_tables(tmp_path):
    for _ in write_layout('nyu_parts', tmp_path / 'nyu', 8):
        pass
    stages = read_stages(write_small_configs(tmp_path, tmp_path / 'nyu'))
    results = {stage.name: stage for stage in run_stages(stages, tmp_path / 'out')}

    segmentation = segmentation_table({0: list(results.values())})
    assert [row[0].split(', ')[-1] for row in segmentation.rows] == [
        'synthetic only', 'no integration', 'Eq. 2', 'CRF Potts', 'CRF overlap', 'longer', 'weakly supervised'
    ]  # fmt: skip
    joints = results_table(list(results.values()))
    assert [row[0][:3] for row in joints.rows] == ['(a)', '(b)', '(c)', '(d)'] and '2D mean (mm)' in joints.headers
    assert all('14j' in key for key in results['full'].metrics)
    restored = latest_round(results['weak'].work_dir / 'restored')
    assert len(restored.restored) == len(
        DATASETS.build(load_config(stages[2].config).train_dataloader.dataset).datasets[1]
    )

    weak, full, semi = (read_checkpoint(results[name].checkpoint)['state_dict'] for name in ('weak', 'full', 'semi'))
    inside = 'backbone.segmentation.network.'
    assert all(torch.equal(value, full[inside + name]) for name, value in weak.items()), '(d) has the weak network'
    assert any(not torch.equal(value, semi[inside + name]) for name, value in weak.items())
