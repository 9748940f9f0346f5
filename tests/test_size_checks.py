"""One truth for the size of a network's input: read from pipelines, and what contradicts them is refused."""

import json
from importlib import import_module
from pathlib import Path

import pytest
from mmengine.config import Config

from handkd.apis.stages import read_stages
from handkd.commands import complexity
from handkd.config import load_config
from handkd.hints import ConfigError
from handkd.size_checks import check_sizes, data_sizes, input_shape, teacher_shape

ROOT = Path(__file__).parents[1]
PI = ROOT / 'configs/pi/cpm2d8_studio.py'
MIMICRY = next(stage.options for stage in read_stages(PI) if stage.name == 'both')
"""Options that add the depth teacher."""
SMALL = ROOT / 'tests/configs/plain_rgb_studio.py'
SQUARE = [dict(type='HandCrop'), dict(type='WarpCrop', size=96)]


def write_child(folder: Path, base: str, text: str) -> Path:
    path = folder / 'child.py'
    path.write_text(f"_base_ = '{ROOT / 'configs' / base}'\n{text}\n")
    return path


def with_dataset(**dataset: object) -> Config:
    return Config(dict(test_dataloader=dict(dataset=dataset)))


@pytest.mark.parametrize(
    ('dataset', 'shape', 'place'),
    [
        (dict(type='RHDDataset', pipeline=SQUARE), (96, 96), 'pipeline[1].size (WarpCrop)'),
        (dict(type='RHDDataset', pipeline=[dict(type='WarpCrop')]), (64, 64), 'pipeline[0].size (WarpCrop)'),
        (dict(pipeline=[dict(type='VirtualCamera')]), (128, 128), 'pipeline[0].size (VirtualCamera)'),
        (dict(pipeline=[*SQUARE, dict(type='HandResize', size=(80, 60))]), (60, 80), 'pipeline[2].size (HandResize)'),
        (dict(pipeline=[dict(type='mmpose.TopdownAffine', input_size=(48, 64))]), (64, 48), 'pipeline[0].input_size'),
        (dict(type='StudioDataset', resolution=32), (32, 32), 'resolution (StudioDataset)'),
        (dict(type='StudioDataset'), (64, 64), 'resolution (StudioDataset)'),
        (dict(type='StudioDataset', resolution=160, pipeline=SQUARE), (96, 96), 'pipeline[1].size (WarpCrop)'),
        (dict(type='PackedHandDataset', recipe=dict(size=88)), (88, 88), 'recipe.size'),
        (dict(type='LabelBudget', dataset=dict(pipeline=SQUARE)), (96, 96), 'dataset.pipeline[1].size (WarpCrop)'),
        (dict(type='MixedDataset', datasets=[dict(pipeline=SQUARE)]), (96, 96), 'datasets[0].pipeline[1].size'),
    ],
)
def test_the_pipeline_says_how_large_the_input_is(dataset, shape, place):
    cfg = with_dataset(**dataset)
    assert input_shape(cfg) == shape
    (size,) = data_sizes(cfg, 'test_dataloader')
    assert size.place.startswith(f'test_dataloader.dataset.{place}')


def test_a_config_without_a_pipeline_is_named():
    for cfg in (Config({}), Config(dict(input_size=64)), with_dataset(type='RHDDataset')):
        with pytest.raises(ConfigError, match="no pipeline gives the size of the network's input"):
            input_shape(cfg)
        check_sizes(cfg)  # what is not known contradicts nothing


def test_the_training_set_stands_in_for_a_test_set():
    assert input_shape(Config(dict(train_dataloader=dict(dataset=dict(pipeline=SQUARE))))) == (96, 96)


def test_a_variable_that_its_own_file_assigns_in_vain_is_refused(tmp_path):
    child = write_child(tmp_path, '../tests/configs/plain_rgb_studio.py', 'input_size = 96')
    message = r'input_size = 96 has no effect.*test_dataloader\.dataset\.resolution \(StudioDataset\) is 64'
    for only in (None, 'model'):
        with pytest.raises(ConfigError, match=message):
            load_config(child, only=only)
    for tool, arguments in (('complexity', ()), ('infer', ('--checkpoint', 'gone.pth'))):
        main = import_module(f'handkd.commands.{tool}').main
        first = [str(child)] if tool == 'complexity' else ['a.png', '--config', str(child)]
        with pytest.raises(ConfigError, match=message):
            main([*first, *arguments])


def test_pipelines_of_another_size_are_what_counts(tmp_path, capsys):
    loaders = (f'{name}_dataloader = dict(dataset=dict(resolution=96))' for name in ('train', 'val', 'test'))
    child = write_child(tmp_path, '../tests/configs/plain_rgb_studio.py', '\n'.join(loaders))
    cfg = load_config(child)
    assert (cfg.input_size, input_shape(cfg)) == (64, (96, 96))
    complexity.main([str(child), '--json'])
    found = json.loads(capsys.readouterr().out)
    complexity.main([str(SMALL), '--json', '--shape', '96'])
    assert found == json.loads(capsys.readouterr().out)
    cfg.dump(tmp_path / 'dumped.py')  # holds the variable, and no _base_
    assert input_shape(load_config(tmp_path / 'dumped.py')) == (96, 96)


@pytest.mark.parametrize(
    ('base', 'options', 'message'),
    [
        (
            '../tests/configs/plain_rgb_studio.py',
            {'train_dataloader.dataset.resolution': 96},
            r'train_dataloader.dataset.resolution \(StudioDataset\) is 96, but test_dataloader.dataset.resolution '
            r'\(StudioDataset\) is 64: both are the size',
        ),
        (
            'pmd/resnet34_rhd.py',
            {'val_dataloader.dataset.pipeline.1.size': 96},
            r'val_dataloader.dataset.pipeline\[1\].size \(WarpCrop\) is 96, but test_dataloader.*is 64',
        ),
        (
            'pi/cpm2d8_studio.py',
            {'model.student.head.codec.input_size': 64},
            r'model.student.head.codec.input_size \(CPMHeatmap\) is 64, but test_dataloader.dataset.resolution .*96',
        ),
        (
            'pi/cpm2d8_studio.py',
            {**MIMICRY, 'model.teachers.depth.model.head.codec.input_size': 128},
            r'model.teachers.depth.model.head.codec.heatmap_size \(CPMHeatmap\) is 12, but '
            r'model.teachers.depth.model.head.codec.input_size \(CPMHeatmap\) is 128, of which .* maps of 16 px',
        ),
        (
            'pi/cpm2d8_studio.py',
            {**MIMICRY, 'model.teachers.depth.input_size': 128},
            r"model.teachers.depth.input_size is 128, but .*\(CPMHeatmap\) is 96: both are the size of the teacher's",
        ),
        (
            'pi/cpm2d8_studio.py',
            {'model.student.head.codec.heatmap_size': 24},
            r'model.student.head.codec.heatmap_size \(CPMHeatmap\) is 24, but .*96, .*CPMFeatures\) makes maps of 12',
        ),
        (
            'ekd/ts20g_studio.py',
            {'model.student.head.codec.input_size': 128},
            r'model.student.head.codec.input_size \(Latent25D\) is 128, but .* is 64',
        ),
        (
            'nvs/resnet18quarter_supervised_studio.py',
            {'model.backbone.input_size': 128},
            r'model.backbone.input_size \(GeometryEncoder\) is 128, but .*\(VirtualCamera\) is 64',
        ),
        (
            'nvs/resnet18quarter_views_studio.py',
            {'model.decoder.input_size': 128},
            r'model.decoder.input_size \(ViewDecoder\) is 128, but .*\(VirtualCamera\) is 64',
        ),
        (
            'weakseg/inception_direct_studio.py',
            {'model.head.codec.input_size': 64},
            r'model.head.codec.input_size \(MetricCube\) is 64, but .*\(WarpCrop\) is 48',
        ),
    ],
)
def test_sizes_that_contradict_each_other_are_refused(base, options, message):
    with pytest.raises(ConfigError, match=message):
        load_config(ROOT / 'configs' / base, options)


def test_a_teacher_may_have_been_trained_at_another_size():
    codec = {'model.teachers.depth.model.head.codec.input_size': 192}
    maps = {'model.teachers.depth.model.head.codec.heatmap_size': 24}
    cfg = load_config(PI, MIMICRY | codec | maps)
    assert input_shape(cfg) == (96, 96)
    spec = cfg.model.teachers.depth
    assert teacher_shape(spec.model, 'model.teachers.depth') == (192, 192)
    assert teacher_shape({}, 'model.teachers.depth') is None
    assert teacher_shape({}, 'model.teachers.depth', (48, 32)) == (32, 48)


def test_a_codec_s_default_counts_too():
    codec = dict(type='Latent25D')
    cfg = Config(dict(with_dataset(pipeline=SQUARE), model=dict(head=dict(type='Regression25DHead', codec=codec))))
    with pytest.raises(ConfigError, match=r'model.head.codec.input_size \(Latent25D\) is 128, but .* is 96'):
        check_sizes(cfg)
    codec['input_size'] = 96
    check_sizes(Config(dict(cfg, model=dict(head=dict(type='Regression25DHead', codec=codec)))))


def test_codecs_of_mmpose_are_checked():
    codec = dict(type='MSRAHeatmap', input_size=(96, 64), heatmap_size=(24, 16), sigma=2)
    cfg = Config(dict(with_dataset(pipeline=SQUARE), model=dict(head=dict(type='HeatmapHead', decoder=codec))))
    with pytest.raises(ConfigError, match=r'model.head.decoder.input_size \(MSRAHeatmap\) is 96 x 64, but .* is 96'):
        check_sizes(cfg)
