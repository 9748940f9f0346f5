"""Options that would change nothing are refused, with the keys to set instead."""

from pathlib import Path

import pytest

from handkd.config import load_config
from handkd.hints import ConfigError

CONFIGS = Path(__file__).parents[1] / 'configs' / 'pmd'


@pytest.mark.parametrize(
    ('config', 'option', 'places'),
    [
        (
            'resnet18half_studio',
            'input_size',
            ['train_dataloader.dataset.resolution', 'test_dataloader.da'],
        ),
        ('../pi/cpm_rhd', 'input_size', ['train_dataloader.dataset.pipeline.2.size', 'test_dataloader']),
        (
            'resnet34_rhd',
            'source.data_root',
            ['val_dataloader.dataset.data_root', 'test_dataloader.dataset'],
        ),
        (
            'resnet34_rhd',
            'crop.factor',
            ['train_dataloader.dataset.pipeline.0.factor', 'test_dataloader.dataset'],
        ),
        ('../pi/cpm_rgb_dexter', 'warp.size', ['test_dataloader.dataset.pipeline.1.size']),
        ('../nvs/resnet50_panoptic', 'pose_test.0.cube', ['test_dataloader.dataset.pipeline.0.cube']),
        ('../nvs/resnet50_panoptic', 'pose_test', ['test_dataloader.dataset.pipeline']),
        ('../weakseg/inception_nyu', 'fused.head.beta', ['model.head.beta']),
    ],
)
def test_an_override_of_a_used_up_variable_names_the_keys_that_hold_its_value(config, option, places):
    with pytest.raises(ConfigError) as refusal:
        load_config(CONFIGS / f'{config}.py', {option: 32})
    said = str(refusal.value)
    assert said.startswith(f'{option}: {option.partition(".")[0]} is a variable that was used when the config file')
    assert all(place in said.partition('; set ')[2] for place in places), said
    assert 'batch_size' not in said and '\n' not in said


def test_the_keys_that_are_named_do_it():
    sizes = {
        'train_dataloader.dataset.pipeline.2.size': 32,
        'val_dataloader.dataset.pipeline.1.size': 32,
        'test_dataloader.dataset.pipeline.1.size': 32,
    }
    cfg = load_config(CONFIGS / 'resnet34_rhd.py', sizes)
    assert cfg.train_dataloader.dataset.pipeline[2].size == 32
    for key in ('test_dataloader.dataset.data_root', 'randomness.seed'):
        load_config(CONFIGS / 'resnet34_rhd.py', {key: 32})


@pytest.mark.parametrize(
    ('option', 'said'),
    [
        ('modle.student', "unknown key 'modle'; did you mean 'model'"),
        ('stages.names.net', 'the list of stages is read only from the file'),
        ('pool', 'no entry holds its value'),
    ],
)
def test_other_options_without_an_effect(option, said, tmp_path):
    (tmp_path / 'a.py').write_text(f'_base_ = {str(CONFIGS / "resnet18half_studio.py")!r}\npool = None\n')
    with pytest.raises(ConfigError, match=said):
        load_config(tmp_path / 'a.py', {option: 1})


@pytest.mark.parametrize(
    ('config', 'options', 'said'),
    [
        ('ekd/ts500m_lm', {'model.distillers.offst': None}, "has no 'offst' to leave out; did you mean 'offset'"),
        ('pmd/resnet34_rhd', {'model.teachers.dept': None}, "has no 'dept' to leave out; did you mean 'depth'"),
        ('ekd/ts500m_lm', {'model.teachers.depth': None}, 'the config has no model.teachers'),
        ('nvs/resnet50_panoptic', {'model.distillers.feat': None}, 'the config has no model.distillers'),
    ],
)
def test_leaving_out_a_part_that_does_not_exist_is_refused(config, options, said):
    with pytest.raises(ConfigError, match=said) as refusal:
        load_config(CONFIGS.parent / f'{config}.py', options)
    assert str(refusal.value).startswith(f'{next(iter(options))}=None: ')


def test_a_list_of_many_keys_is_cut_short(tmp_path):
    loaders = ''.join(
        f'{name}_dataloader = dict(dataset=dict(type="X", size=7))\n' for name in ('train', 'val', 'test')
    )
    hooks = 'custom_hooks = [dict(type="X", size=7)] * 5\n'
    (tmp_path / 'a.py').write_text(f'size = 7\n{loaders}{hooks}')
    with pytest.raises(ConfigError, match=r'custom_hooks\.2\.size, 2 more$'):
        load_config(tmp_path / 'a.py', {'size': 8})
