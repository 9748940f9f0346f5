"""The stages of nvs: their networks have the paper's sizes, their regimes differ in what they should, and they run."""

from pathlib import Path

import numpy as np
import pytest

from handkd.apis.budget_report import budget_tables
from handkd.apis.complexity import measure_config
from handkd.apis.runs import evaluate, train
from handkd.apis.stages import read_stages, run_stages
from handkd.artifacts import find_needs
from handkd.config import LOADERS, load_config
from handkd.datasets.packed import read_recipe
from handkd.models import read_checkpoint
from handkd.registry import MODELS
from handkd.size_checks import input_shape
from handkd.studio.layouts import write_layout

CONFIGS = Path(__file__).parents[2] / 'configs' / 'nvs'
NETS = {'resnet50': 'panoptic', 'resnet18quarter': 'studio'}
RESNET18 = {'model.backbone.depth': 18}
STEPS = 600
"""Of a short run."""
REGIMES = ('views', 'views_aug', 'supervised', 'pretrained', 'semi')


def load(net, regime, options=None):
    """The config of a regime's first stage, with its options."""
    stages = read_stages(CONFIGS / f'{net}_{NETS[net]}.py', options)
    stage = next(stage for stage in stages if stage.name in (regime, f'{regime}_64'))
    labels = {key: value for key, value in stage.options.items() if key.endswith('.number')}
    return load_config(stage.config, {key: value for key, value in stage.options.items() if key not in labels})


def parameters(network):
    return sum(weight.numel() for weight in network.parameters())


@pytest.mark.parametrize(('options', 'encoder', 'macs'), [({}, 18_347_544, 1.456e9), (RESNET18, 8_057_880, 0.653e9)])
def test_networks_have_the_sizes_of_the_table(options, encoder, macs):
    measured = measure_config(load('resnet50', 'supervised', options))
    assert measured.params == encoder + 5_564_479
    assert measured.macs == pytest.approx(macs + 5.56e6, rel=1e-3)
    views = load('resnet50', 'views', options).model
    assert parameters(MODELS.build(views.decoder)) == 20_488_419
    assert views.feature_loss.checkpoint == 'torchvision://resnet18' and views.feature_loss.loss_weight == 2
    assert 'checkpoint' not in load('resnet50', 'views', {'feature_network.checkpoint': None}).model.feature_loss


@pytest.mark.parametrize('net', NETS)
def test_regimes_differ_in_what_they_are_named_for(net):
    views, turned, supervised, pretrained, semi = (load(net, regime) for regime in REGIMES)
    assert views.model == turned.model and semi.model == dict(views.model, head=supervised.model.head)
    steps = [[step.type for step in cfg.train_dataloader.dataset.pipeline] for cfg in (views, turned)]
    assert steps[1] == [*steps[0][:2], 'RandomCropNoise', *steps[0][2:]]
    assert pretrained.model.backbone == dict(supervised.model.backbone, frozen='all')
    assert pretrained.model.head == supervised.model.head
    assert views.model.backbone == supervised.model.backbone
    for cfg in (pretrained, semi):
        assert cfg.test_dataloader == supervised.test_dataloader and cfg.test_evaluator == supervised.test_evaluator
    assert pretrained.train_dataloader == supervised.train_dataloader
    budget, whole = supervised.train_dataloader.dataset, semi.train_dataloader.dataset
    assert {**budget, 'dataset': None} == {**whole, 'dataset': None}, 'the same labels'
    assert {**budget.dataset, 'pipeline': None} == {**whole.dataset, 'pipeline': None}
    for key in ('train_cfg', 'optim_wrapper', 'param_scheduler'):
        assert supervised[key] == semi[key], 'baselines'
    batches = [cfg.train_dataloader for cfg in (supervised, semi)]
    assert batches[0].sampler.singles == batches[1].sampler.singles and batches[0].sampler.groups == 0
    assert supervised.test_evaluator.scale == 'best', 'N-MPJPE'
    stages = read_stages(CONFIGS / f'{net}_{NETS[net]}.py')
    numbers = {stage.annotations for stage in stages if stage.annotations}
    assert {64, 320, 640} <= numbers and len(numbers) >= 5
    for stage in stages:
        if stage.annotations:
            cfg = load_config(stage.config, {**stage.options, **dict.fromkeys(stage.seeds, 5)})
            assert cfg.train_dataloader.dataset.number == stage.annotations
            assert cfg.train_dataloader.dataset.seed == 5, 'each seed has labels of its own'


def packs_in(cfg, loader):
    """The settings of the packs that a loader reads."""
    return [need.node for need in find_needs(cfg, [loader]) if need.reference == 'Pack']


@pytest.mark.parametrize(
    'config', ['nvs/resnet50_panoptic', 'nvs/resnet50_views_panoptic', 'pmd/resnet34_rgb_panoptic']
)
def test_panoptic_is_decoded_once_and_packs_hold_what_the_crops_need(config):
    cfg = load_config(CONFIGS.parent / f'{config}.py')
    folders = set()
    for loader in ('train', 'val', 'test'):
        (pack,) = packs_in(cfg, f'{loader}_dataloader')
        source, settings = read_recipe(pack.recipe)
        crop = next(step for step in pack.pipeline if step.type == 'HandCrop')
        for key in ('rule', 'factor', 'cube', 'root'):
            assert getattr(settings, key) == crop.get(key)
        assert settings.modalities == ('rgb',) and settings.size >= settings.margin * input_shape(cfg)[0] * 0.9
        assert source['every_nth_frame'] == {'train': 10, 'val': 300, 'test': 10}[loader]
        folders.add(pack.data_root)
    assert len(folders) == 3


def test_a_written_tree_is_asked_for_no_more_labels_than_it_has():
    stages = read_stages(CONFIGS / 'resnet18_panoptic_written.py')
    assert [stage.name for stage in stages if stage.annotations == 16] == [
        f'{name}_16' for name in ('supervised', 'pretrained', 'pretrained_aug', 'semi')
    ]
    for stage in stages:
        cfg = load_config(stage.config, stage.options)
        assert cfg.model.backbone.base_channels == 16 and cfg.train_cfg.max_iters == 10
        if stage.annotations:
            assert cfg.train_dataloader.dataset.pool is None and stage.annotations <= 64
        for loader in LOADERS:
            (pack,) = packs_in(cfg, loader)
            assert pack.recipe.source.every_nth_frame == 1 and 'written' in pack.data_root, 'no pack of the real data'


def write_small_configs(folder, tree, backgrounds):
    """Copies of the ResNet-18 configs with narrow networks, on a tree and for a few steps; and their list of stages."""
    for regime in REGIMES:
        cfg = load('resnet50', regime, RESNET18 | {'feature_network.checkpoint': None})
        cfg.pop('stages', None)
        cfg.train_cfg.update(max_iters=4, val_interval=4)
        cfg.model.backbone.base_channels = 8
        if 'decoder' in cfg.model:
            cfg.model.decoder.base_channels = 4
            cfg.model.feature_loss.network.base_channels = 8
        if 'head' in cfg.model:
            cfg.model.head.hidden = (32,)
            cfg.train_dataloader.dataset.pool = 40
        groups = 0 if regime in ('supervised', 'pretrained') else 2
        singles = 0 if regime.startswith('views') else 4
        cfg.train_dataloader.sampler.update(groups=groups, singles=singles)
        cfg.train_dataloader.batch_size = 4 * groups + singles
        for loader in ('train', 'val', 'test'):
            entry = cfg[f'{loader}_dataloader']
            entry.update(num_workers=0, persistent_workers=False)
            if loader != 'train' and regime.startswith('views'):
                entry.batch_size, entry.sampler = 8, dict(entry.sampler, groups=2, batches=2)
            inner = entry.dataset.get('dataset', entry.dataset)
            inner.data_root = str(folder / 'packs' / loader)
            inner.recipe.source.update(data_root=str(tree), every_nth_frame=1)
            for step in inner.pipeline:
                if step.type == 'LoadBackground':
                    step.folder = str(backgrounds)
        cfg.dump(folder / f'{regime}.py')
    runs = load_config(CONFIGS / 'resnet50_panoptic.py', only='stages').to_dict()['stages']['runs']
    for run in runs:
        run.update(config=f'{run["name"]}.py', options={})  # the regimes' options are in the files
    runs[4]['config'] = 'pretrained.py'
    stages = folder / 'small_panoptic.py'
    stages.write_text(f'stages = dict(runs={runs!r}, annotations=[16])\n')
    return stages


@pytest.mark.training
def test_all_stages_run_from_a_written_panoptic_tree_to_the_tables(tmp_path):
    for _ in write_layout('panoptic_nvs', tmp_path / 'panoptic', 4):
        pass
    stages = read_stages(write_small_configs(tmp_path, tmp_path / 'panoptic', tmp_path / 'backgrounds'))
    assert len(stages) == 2 + 4
    results = list(run_stages(stages, tmp_path / 'out'))
    by_name = {stage.name: stage for stage in results}
    assert len(list((tmp_path / 'backgrounds').rglob('*.npy'))) == 3 * 6, 'three sequences in six cameras'
    table = budget_tables({0: results})[0]
    assert [row[0] for row in table.rows] == ['16'] and len(table.headers) == 5
    assert all(np.isfinite(float(cell)) for row in table.rows for cell in row[1:])

    def weights(name):
        return read_checkpoint(by_name[name].checkpoint)['state_dict']

    # What the views have taught the encoder is in the pre-trained network, untouched.
    taught, kept = weights('views'), weights('pretrained_16')
    names = [name for name in taught if name.startswith('backbone.')]
    assert names and all(taught[name].equal(kept[name]) for name in names)
    assert not all(taught[name].equal(weights('views_aug')[name]) for name in names)


def short_run(name, folder):
    """The config of a short run on a small rig with 64 labels."""
    options = {'train_dataloader.dataset.number': 64, 'train_cfg.max_iters': STEPS, 'train_cfg.val_interval': STEPS}
    options |= {'param_scheduler.1.end': STEPS, 'randomness.seed': 0, 'work_dir': str(folder / name)}
    sizes = {'train': dict(subjects=3, frames=40), 'val': dict(frames=4), 'test': dict(subjects=3, frames=24)}
    for split, numbers in sizes.items():
        place = f'{split}_dataloader.dataset' + '.dataset' * (split == 'train')
        options |= {f'{place}.recipe.source.{key}': value for key, value in numbers.items()}
        options |= {f'{place}.data_root': str(folder / split), f'{split}_dataloader.num_workers': 0}
        options |= {f'{split}_dataloader.persistent_workers': False}
    if name == 'resnet18quarter_studio':
        options |= {'train_dataloader.dataset.dataset.pipeline.0.folder': str(folder / 'backgrounds')}
    return load_config(CONFIGS / f'{name}.py', options)


@pytest.mark.training
def test_views_help_where_labels_are_few(tmp_path):
    errors = {}
    for name in ('resnet18quarter_supervised_studio', 'resnet18quarter_studio'):
        cfg = short_run(name, tmp_path)
        errors[name] = evaluate(cfg, train(cfg))['rel-wrist_n-scale_21j/EPE_mean']
    supervised, semi = errors.values()
    assert semi < supervised - 0.5, errors
