"""A baseline is the student as it is configured, and what is loaded for the knowledge alone goes with it."""

import argparse
import copy
from pathlib import Path

import pytest
from mmengine.config import Config

from handkd.apis.run_options import add_run_options, config_from_args
from handkd.apis.stages import read_stages
from handkd.baseline import baseline_config, remove_absent_parts, teacher_config
from handkd.config import LOADERS, load_config
from handkd.hints import ConfigError

CONFIGS = Path(__file__).parents[1] / 'configs'
PAIRS = [
    ('pmd/resnet34_rhd', None),
    ('pmd/resnet34_stb', None),
    ('pmd/resnet34_nyu', None),
    ('pmd/resnet34_folder', None),
    ('pmd/resnet18half_studio', '../tests/configs/plain_rgb_studio'),
    ('ekd/cpm8_studio', None),
    ('pi/cpm_rhd', None),
    ('nvs/pmd_studio', None),
    ('pi/cpm2d_stb', None),
]
PLAIN = CONFIGS.parent / 'tests/configs/plain_rgb_studio.py'
MASK = dict(type='BackgroundSuppression', layer='backbone.conv5_2')
MIMICRY = {'model.distillers.inter': None, 'model.teachers.depth': None}


def steps(cfg):
    return [step.type for step in cfg.train_dataloader.dataset.pipeline]


@pytest.mark.parametrize(('path', 'written'), PAIRS)
def test_the_baseline_differs_in_the_knowledge_alone(path, written):
    cfg = load_config(CONFIGS / f'{path}.py')
    baseline = baseline_config(cfg)
    assert cfg.model.type == 'DistilledEstimator' and baseline.model == cfg.model.student
    assert all(baseline[key] == cfg[key] for key in cfg.keys() - {'model', 'train_dataloader'})
    dataset, full = baseline.train_dataloader.dataset, cfg.train_dataloader.dataset
    assert dataset.modalities == dataset.pipeline[-1].modalities == ['rgb']
    assert set(steps(cfg)) - set(steps(baseline)) <= {'DepthToCube', 'HandMaskFromDepth'}
    assert {k: v for k, v in dataset.items() if k not in ('modalities', 'pipeline')} == {
        k: v for k, v in full.items() if k not in ('modalities', 'pipeline')
    }
    if written is not None:  # as somebody would write it by hand
        other = load_config(CONFIGS / f'{written}.py')
        assert all(baseline[key] == other[key] for key in other.keys() - {'stages'})


def test_the_baseline_has_no_hook_that_measures_distillers():
    cfg = load_config(CONFIGS / f'{PAIRS[0][0]}.py')
    cfg.custom_hooks = [dict(type='handkd.GradientLogHook'), dict(type='EMAHook')]
    assert baseline_config(cfg).custom_hooks == [dict(type='EMAHook')] and len(cfg.custom_hooks) == 2
    assert teacher_config(cfg, 'depth').custom_hooks == [dict(type='EMAHook')]


def test_a_baseline_of_a_baseline_is_refused():
    with pytest.raises(ConfigError, match=r'model\.type must be DistilledEstimator, found HandPoseEstimator'):
        baseline_config(load_config(PLAIN))


def test_a_model_that_is_no_baseline_is_not_called_one():
    path = CONFIGS / 'nvs' / 'resnet18quarter_studio.py'
    with pytest.raises(ConfigError, match='found ViewSynthesizer: only the teachers and distillers') as refusal:
        baseline_config(load_config(path))
    assert 'already' not in str(refusal.value)


@pytest.mark.parametrize(
    ('options', 'distillers', 'types', 'packed', 'loaded'),
    [
        ({}, ['inter', 'mask'], ['HandMaskFromDepth', 'DepthToCube'], (['rgb', 'depth'], ['hand_mask']), True),
        ({'model.distillers.mask': None}, ['inter'], ['DepthToCube'], (['rgb', 'depth'], None), True),
        (MIMICRY, ['mask'], ['HandMaskFromDepth'], (['rgb'], ['hand_mask']), True),
        ({**MIMICRY, 'model.distillers.mask': None}, [], [], (['rgb'], None), False),
    ],
)
def test_what_is_left_out_is_not_loaded(options, distillers, types, packed, loaded):
    cfg = load_config(CONFIGS / 'pi/cpm_rhd.py', {'model.distillers.mask': MASK} | options)
    assert sorted(cfg.model.distillers) == distillers
    assert ('teachers' in cfg.model) == ('inter' in distillers)
    assert [name for name in steps(cfg) if name in ('HandMaskFromDepth', 'DepthToCube')] == types
    pack = cfg.train_dataloader.dataset.pipeline[-1]
    assert (pack.modalities, pack.get('fields')) == packed
    assert cfg.train_dataloader.dataset.modalities == (['rgb', 'depth'] if loaded else ['rgb'])
    assert steps(cfg)[:2] == ['HandCrop', 'RandomCropNoise']


def test_sets_in_sets_are_followed():
    inner = dict(
        type='A', modalities=['rgb', 'depth'], pipeline=[dict(type='DepthToCube'), dict(type='PackHandInputs')]
    )
    inner['pipeline'][-1]['modalities'] = ['rgb', 'depth']
    model = dict(type='handkd.DistilledEstimator', student={}, distillers={}, teachers=dict(depth=None))
    cfg = Config(
        dict(model=model, train_dataloader=dict(dataset=dict(type='B', datasets=[dict(type='C', dataset=inner)])))
    )
    remove_absent_parts(cfg)
    found = cfg.train_dataloader.dataset.datasets[0].dataset
    assert found.modalities == ['rgb'] and found.pipeline == [dict(type='PackHandInputs', modalities=['rgb'])]
    assert inner['modalities'] == ['rgb', 'depth']


def test_the_option_of_the_tools(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    parser = argparse.ArgumentParser()
    parser.add_argument('config')
    add_run_options(parser)
    path = str(CONFIGS / 'pmd/resnet18half_studio.py')
    options = ['--cfg-options', 'model.student.head.loss.loss_weight=3.0']
    cfg = config_from_args(parser.parse_args([path, '--baseline', *options]))
    assert (cfg.model.type, cfg.model.head.loss.loss_weight) == ('HandPoseEstimator', 3.0)
    assert cfg.work_dir == 'work_dirs/resnet18half_studio_baseline'
    cfg = config_from_args(parser.parse_args([path, '--teacher', 'depth']))
    assert (cfg.model.modality, cfg.work_dir) == ('depth', 'work_dirs/resnet18half_studio_depth')
    where = load_config(path).model.teachers.depth.checkpoint
    assert Path(where).parent == Path(cfg.work_dir), 'the student finds it'
    with pytest.raises(SystemExit):
        parser.parse_args([path, '--teacher', 'depth', '--baseline'])


TEACHERS = [
    ('pmd/resnet34_rhd', ['HandCrop', 'RandomHandFlip', 'WarpCrop'], ['HandCrop', 'WarpCrop']),
    ('pmd/resnet18half_studio', [], []),
    ('pi/cpm_rhd', ['HandCrop', 'RandomCropNoise', 'WarpCrop'], ['HandCrop', 'WarpCrop']),
]


@pytest.mark.parametrize(('path', 'training', 'test'), TEACHERS)
def test_a_teacher_s_training_differs_in_network_and_inputs_alone(path, training, test):
    cfg = load_config(CONFIGS / f'{path}.py')
    teacher = teacher_config(cfg, 'depth')
    assert teacher.model == cfg.model.teachers.depth.model and cfg.model.type == 'DistilledEstimator'
    assert all(teacher[key] == cfg[key] for key in cfg.keys() - {'model', *LOADERS})
    for loader, crops in zip(LOADERS, (training, test, test)):
        dataset, full = teacher[loader].dataset, cfg[loader].dataset
        assert (
            dataset.modalities == dataset.pipeline[-1].modalities == ['depth'] and 'fields' not in dataset.pipeline[-1]
        )
        assert [step.type for step in dataset.pipeline] == [*crops, 'DepthToCube', 'PackHandInputs']
        assert dataset.pipeline[-2] == next(
            step for step in cfg.train_dataloader.dataset.pipeline if step.type == 'DepthToCube'
        )
        assert {**teacher[loader], 'dataset': None} == {**cfg[loader], 'dataset': None}
        others = dict(modalities=None, pipeline=None)
        assert {**dataset, **others} == {**full, **others}


def test_the_derived_teacher_is_as_somebody_would_write_it():
    teacher = teacher_config(load_config(CONFIGS / 'pmd/resnet18half_studio.py'), 'depth')
    written = load_config(CONFIGS.parent / 'tests/configs/plain_depth_studio.py')
    assert all(teacher[key] == written[key] for key in written.keys() - {'stages', 'depth'})


@pytest.mark.parametrize(
    ('path', 'message'),
    [
        ('pmd/resnet34_rhd', r"--teacher: model\.teachers has no 'dept'; did you mean 'depth'\?"),
        ('ekd/resnet50_lm', r'--teacher dept: .*resnet50_lm\.py has no model\.teachers; leave --teacher out'),
        ('weakseg/inception_nyu', r'--teacher dept: .*inception_nyu\.py has no model\.teachers'),
    ],
)
def test_a_teacher_that_does_not_exist_is_refused(path, message):
    with pytest.raises(ConfigError, match=message):
        teacher_config(load_config(CONFIGS / f'{path}.py'), 'dept')


def test_what_make_demo_compares():
    """The demo's baseline is the student's config without the knowledge, after the same options."""
    stages = {stage.name: stage for stage in read_stages(CONFIGS / 'pmd/demo.py')}
    assert (stages['rgb'].baseline, stages['student'].baseline) == (True, False)
    assert stages['rgb'].options == stages['student'].options
    assert stages['rgb'].config == stages['student'].config


def test_of_several_sets_a_teacher_sees_those_that_have_its_input():
    cfg = load_config(CONFIGS / 'pmd/resnet34_folder.py')
    training, testing = cfg.train_dataloader.dataset, cfg.val_dataloader.dataset
    colour = copy.deepcopy(training)
    colour.modalities = colour.pipeline[-1].modalities = ['rgb']
    cfg.train_dataloader.dataset = dict(type='MixedDataset', datasets=[colour, training], shares=[3, 2])
    lm = dict(copy.deepcopy(testing), type='LMDataset')
    cfg.val_dataloader.dataset = dict(type='JoinedDataset', datasets=[testing, lm], names=['own', 'lm'])
    teacher = teacher_config(cfg, 'depth')
    mixed, joined = teacher.train_dataloader.dataset, teacher.val_dataloader.dataset
    assert [inner.pipeline[-1].modalities for inner in mixed.datasets] == [['depth']] and mixed.shares == [2]
    assert [inner.type for inner in joined.datasets] == ['HandFolderDataset'] and joined.names == ['own']
    assert joined.datasets[0].pipeline[-1].modalities == ['depth']
    both = baseline_config(cfg).train_dataloader.dataset
    assert [inner.pipeline[-1].modalities for inner in both.datasets] == [['rgb'], ['rgb']] and both.shares == [3, 2]
