"""Errors of other libraries that a config leads to say where; faults of the program stay faults."""

import pytest
import torch
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.runner import Runner
from torch import nn

from handkd.build_errors import explain
from handkd.config import load_config
from handkd.hints import ConfigError
from handkd.registry import DATASETS, HOOKS, MODELS

CONFIG = 'tests/configs/plain_rgb_studio.py'
AMP = dict(_delete_=True, type='AmpOptimWrapper', optimizer=dict(type='Adam'), dtype='int3')


@MODELS.register_module()
class BrokenNeck(nn.Module):
    """Fails as it is built, as third-party classes do."""

    def __init__(self, error='TypeError', **kwargs):
        super().__init__()
        self.kwargs = kwargs
        raise {'TypeError': TypeError, 'KeyError': KeyError, 'ImportError': ImportError}[error]('no such\nthing')


@HOOKS.register_module()
class FaultyHook(Hook):
    """Fails before or after the first step."""

    def __init__(self, early):
        self.early = early

    def before_run(self, runner):
        assert not self.early, 'not on this machine'

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        raise KeyError('a fault')


def error_of(function, *args):
    with pytest.raises(Exception) as caught:
        function(*args)
    return caught.value


def build(cfg):
    return MODELS.build(cfg.model)


def loaded(monkeypatch, request, **options):
    monkeypatch.chdir(request.config.rootpath)
    return load_config(CONFIG, {key.replace('__', '.'): value for key, value in options.items()})


@pytest.mark.parametrize(
    ('options', 'said'),
    [
        (dict(model__backbone__depth=19), 'model.backbone (HandResNet): invalid depth 19 for resnet'),
        (dict(model__neck=dict(type='BrokenNeck')), 'model.neck (BrokenNeck): TypeError: no such thing'),
        (dict(model__neck=dict(type='BrokenNeck', error='KeyError')), 'model.neck (BrokenNeck): no such thing'),
        (dict(model__neck=dict(type='BrokenNeck', error='ImportError')), 'model.neck (BrokenNeck): no such thing'),
        (dict(model__head__codec=3), 'model.head (PMDHead): TypeError: cfg should be a dict'),
    ],
)
def test_a_network_that_can_not_be_built(options, said, monkeypatch, request):
    text = str(explain(error_of(build, loaded(monkeypatch, request, **options))))
    assert text.startswith(said) and '\n' not in text


def test_a_missing_argument_that_the_signature_does_not_show():
    cfg = Config(dict(model=dict(student=dict(type='ConvModule', in_channels=3))))
    error = error_of(lambda cfg: MODELS.build(cfg.model.student), cfg)
    assert str(explain(error)) == "model.student (ConvModule): missing arguments 'out_channels' and 'kernel_size'"
    assert str(explain(error_of(MODELS.build, dict(type='ConvModule', in_channels=3)))).startswith(
        'ConvModule: missing'
    )


@pytest.mark.parametrize('part', ['backbone', 'head'])
def test_a_wrong_number_of_channels_is_named_with_its_layer(part, monkeypatch, request):
    model = build(loaded(monkeypatch, request, **{f'model__{part}__in_channels': 5}))
    error = error_of(model, dict(rgb=torch.zeros(2, 3, 64, 64)))
    text = str(explain(error))
    assert text.startswith(f'model.{part}.') and 'was built for 5 channels, but is given' in text


def test_other_errors_in_a_network_are_faults(monkeypatch, request):
    model = build(loaded(monkeypatch, request))
    assert explain(error_of(model, dict(rgb=torch.zeros(2, 3, 64, 64, dtype=torch.int8)))) is None
    assert explain(error_of(lambda: {}['x'])) is None


def small_runner(cfg, folder):
    """What train.py builds and runs, with one step of two images."""
    cfg.work_dir, cfg.experiment_name = str(folder), folder.name
    cfg.train_dataloader.dataset.length = cfg.train_dataloader.batch_size = 2
    cfg.train_dataloader.update(num_workers=0, persistent_workers=False)
    cfg.val_cfg = cfg.val_dataloader = cfg.val_evaluator = None
    cfg.test_cfg = cfg.test_dataloader = cfg.test_evaluator = None
    cfg.train_cfg.max_iters = 1
    return lambda cfg: Runner.from_cfg(cfg).train()


@pytest.mark.parametrize(
    ('options', 'said'),
    [
        (dict(optim_wrapper__clip_grad=1.0), 'optim_wrapper (AutocastOptimWrapper): AssertionError: If `clip_grad`'),
        (dict(optim_wrapper__optimizer__betas=3), 'optim_wrapper.optimizer (Adam): TypeError'),
        (
            dict(visualizer__vis_backends=[dict(type='WandbVisBackend')]),
            'visualizer.vis_backends[0] (Wandb',
        ),
        (
            dict(custom_hooks=[dict(type='FaultyHook', early=True)]),
            'custom_hooks[0] (FaultyHook): AssertionError',
        ),
        (
            dict(train_dataloader__dataset__pipeline=[dict(type='PackHandInputs', modalities=3)]),
            'train_dataloader.data',
        ),
    ],
)
def test_a_run_that_can_not_begin(options, said, tmp_path, monkeypatch, request):
    cfg = loaded(monkeypatch, request, **options)
    text = str(explain(error_of(small_runner(cfg, tmp_path), cfg)))
    assert text.startswith(said) and '\n' not in text


def test_a_fault_in_the_training_is_none_of_the_configs(tmp_path, monkeypatch, request):
    cfg = loaded(monkeypatch, request, custom_hooks=[dict(type='FaultyHook', early=False)])
    error = error_of(small_runner(cfg, tmp_path), cfg)
    assert isinstance(error, KeyError) and explain(error) is None


def test_a_data_set_on_its_own_has_no_place():
    error = error_of(DATASETS.build, dict(type='StudioDataset', split='train', length='x'))
    assert str(explain(error)).startswith('StudioDataset: ')


def test_a_set_whose_labels_are_read_without_its_pipeline_is_named_by_its_entry():
    def read_labels(cfg):
        DATASETS.build({key: value for key, value in cfg.train_dataloader.dataset.items() if key != 'pipeline'})

    shared = dict(type='HandFolderDataset', data_root='no/such/folder')
    entry = dict(dataset=dict(shared, split='train', pipeline=[dict(type='PackHandInputs')]))
    error = error_of(read_labels, Config(dict(source=shared, train_dataloader=entry)))
    assert str(explain(error)).startswith('train_dataloader.dataset (HandFolderDataset): ')


def test_a_wrong_choice_is_named_with_its_loader(monkeypatch, request):
    monkeypatch.chdir(request.config.rootpath)
    cfg = load_config('configs/pmd/resnet34_dexycb.py', {'val_dataloader.dataset.setup': 's5'})
    error = error_of(lambda cfg: DATASETS.build(cfg.val_dataloader.dataset), cfg)
    said = "val_dataloader.dataset (DexYCBDataset): DexYCBDataset(setup=...): there is no 's5'"
    assert str(explain(error)).startswith(said)


def test_an_error_that_names_its_entry_keeps_its_text():
    @MODELS.register_module(force=True)
    class Refusing(nn.Module):
        def __init__(self):
            raise ConfigError('train_cfg.max_iters must be more')

    assert str(explain(error_of(MODELS.build, dict(type='Refusing')))) == 'train_cfg.max_iters must be more'
