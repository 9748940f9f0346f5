"""Pictures of what trained networks do, from the command line."""

import re
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config
from PIL import Image

from handkd.apis.pictures import TILE
from handkd.commands import visualize
from handkd.geometry import AngleLimits
from handkd.registry import MODELS
from handkd.restoration import Round, RoundSettings, Verdict, build_dictionary
from handkd.visualization import part_legend
from handkd.visualization.sheet import GAP, LINE


@pytest.fixture
def runs(tmp_path) -> list[str]:
    """Work dirs of an RGB and a depth network on the studio, untrained."""
    for modality, channels in (('rgb', 3), ('depth', 1)):
        model = dict(
            type='HandPoseEstimator',
            modality=modality,
            backbone=dict(type='HandResNet', depth=18, stem='imagenet', base_channels=4, in_channels=channels),
            neck=dict(type='GlobalAveragePooling'),
            head=dict(type='PMDHead', in_channels=32, codec=dict(type='RootRelativeXYZ')),
        )
        steps = [dict(type='DepthToCube', cube=300.0)] if modality == 'depth' else []
        pipeline = [*steps, dict(type='PackHandInputs', modalities=[modality])]
        dataset = dict(type='StudioDataset', split='test', length=4, modalities=[modality], pipeline=pipeline)
        cfg = dict(model=model, test_dataloader=dict(dataset=dataset), test_evaluator=dict(type='HandKeypointMetric'))
        folder = tmp_path / modality
        folder.mkdir()
        Config(cfg).dump(folder / 'config.py')
        torch.save({'state_dict': MODELS.build(model).state_dict()}, folder / 'iter_5.pth')
    return [str(tmp_path / 'rgb'), str(tmp_path / 'depth')]


def shape_of(path: Path) -> tuple[int, int]:
    """Columns and rows of a sheet with headers."""
    height, width = cv2.imread(str(path)).shape[:2]
    return (width - GAP) // (TILE + GAP), (height - LINE - GAP) // (TILE + GAP)


def test_activation_maps_and_their_energy(runs, tmp_path, capsys):
    out = tmp_path / 'new' / 'sheet.png'
    visualize.main(['activations', *runs, '--labels', 'RGB', 'Depth', '--num', '3', '--out', str(out)])
    assert shape_of(out) == (4, 3)  # image, RGB, Depth, depth image
    visualize.main(['activations', runs[0], '--layer', 'backbone.layer1', '--indices', '2', '--out', str(out)])
    assert shape_of(out) == (3, 1)
    capsys.readouterr()
    visualize.main(['energy', *runs, runs[0]])  # rgb, depth, and rgb once more, as if with another seed
    rows = [re.split(r' {2,}', line) for line in capsys.readouterr().out.splitlines()[-2:]]
    assert [row[:2] for row in rows] == [['rgb', '2'], ['depth', '1']]
    assert [row[4] for row in rows] == ['8 of 8, 8 x 8 cells', '4 of 4, 8 x 8 cells']


def test_predicted_hands(runs, tmp_path):
    out = tmp_path / 'poses.png'
    visualize.main(['poses', *runs, '--indices', '3', '1', '--out', str(out)])
    assert shape_of(out) == (5, 2)  # input, two networks, and both from the side
    named = f'{runs[0]}/config.py:{runs[0]}/iter_5.pth'
    visualize.main(['poses', named, '--out', str(out), '--cfg-options', 'test_dataloader.dataset.length=1'])
    assert shape_of(out) == (3, 1)


def test_hands_with_angles_out_of_bounds(runs, tmp_path, capsys):
    never = np.full((5, 4), 0.999)  # no network bends every joint like this
    AngleLimits(never, never).write(tmp_path / 'limits.json')
    out = tmp_path / 'violations.png'
    limits = ['--limits', str(tmp_path / 'limits.json'), '--out', str(out)]
    visualize.main(['violations', *runs, '--num', '3', *limits])
    assert shape_of(out) == (5, 3)  # input, two networks, and both from the side
    printed = capsys.readouterr().out
    assert 'Images with an angle out of bounds, of 4: rgb 4, depth 4; shown are 3 of those of rgb.' in printed
    visualize.main(['violations', runs[0], '--indices', '2', *limits])
    assert shape_of(out) == (3, 1)
    with pytest.raises(ValueError, match='rgb: its config has no HandAngleMetric'):
        visualize.main(['violations', runs[0], '--out', str(out)])
    text = Path(runs[0], 'config.py').read_text()
    metric = f"dict(type='HandAngleMetric', limits={str(tmp_path / 'gone.json')!r})"
    Path(runs[0], 'config.py').write_text(f'{text}\ntest_evaluator = [test_evaluator, {metric}]\n')
    with pytest.raises(FileNotFoundError, match='no limits of joint angles at .*gone.json'):
        visualize.main(['violations', runs[0], '--out', str(out)])


@pytest.fixture
def weak_run(tmp_path) -> str:
    """Work dir of an untrained segmentation network, with restored maps of its 'real' training images."""
    size = 24
    model = dict(
        type='HandPoseEstimator',
        modality='depth',
        backbone=dict(type='DensePatchNet', channels=(2, 2, 4), hidden=(4,)),
        head=dict(type='PartSegmentationHead', in_channels=4),
    )
    pack = dict(type='PackHandInputs', modalities=['depth'], fields=['part_seg'])
    hands = dict(type='StudioDataset', modalities=['depth'], resolution=size, pipeline=[dict(type='DepthToCube'), pack])
    real = dict(hands, split='train', length=5)
    cfg = dict(
        model=model,
        train_dataloader=dict(dataset=dict(type='MixedDataset', datasets=[real, real], shares=[9, 1])),
        test_dataloader=dict(dataset=dict(hands, split='test', length=4)),
        test_evaluator=dict(type='HandSegmentationMetric'),
    )
    folder = tmp_path / 'weak'
    folder.mkdir()
    Config(cfg).dump(folder / 'config.py')
    torch.save({'state_dict': MODELS.build(model).state_dict()}, folder / 'iter_5.pth')
    before, after = np.full((5, 21), 2.0), np.full((5, 21), 1.0)
    after[1:4, 12] = 44.0
    maps = np.zeros((5, size, size), np.uint8)
    lost = after > 40
    verdict = Verdict(before, after, lost, np.ones(5, bool), ~lost.any(1))
    Round.begin(folder / 'restored' / 'round_0000', RoundSettings(1, 5, {})).write(0, maps, maps, verdict)
    return str(folder)


def sheet_of_maps(path: Path) -> tuple[int, int]:
    """Columns and rows of a sheet with a legend below, of maps of 24 px; there are at least four columns."""
    height, width = cv2.imread(str(path)).shape[:2]
    return (width - GAP) // (216 + GAP), (height - len(part_legend()) - LINE - GAP) // (216 + LINE + GAP)


def test_part_maps(weak_run, tmp_path):
    out = tmp_path / 'parts.png'
    visualize.main(['parts', weak_run, weak_run, '--labels', 'a', 'b', '--num', '2', '--out', str(out)])
    assert sheet_of_maps(out) == (4, 2)  # input, a, b, truth
    maps = np.random.default_rng(0).integers(0, 21, (2, 24, 24), np.uint8)
    build_dictionary(tmp_path / 'patches', lambda start: maps[start:], {'set': 'noise'})
    dictionary = ['--dictionary', str(tmp_path / 'patches')]
    visualize.main(['parts', weak_run, '--indices', '3', '0', '1', *dictionary, '--out', str(out)])
    assert sheet_of_maps(out) == (4, 3)  # input, its map, restored, truth


def test_rejected_maps(weak_run, tmp_path, capsys):
    out = tmp_path / 'rejections.png'
    visualize.main(['rejections', weak_run, '--num', '2', '--out', str(out)])
    assert out.is_file()
    assert (
        '3 of 5 restored maps rejected (60.0 %: 3 lost, 0 moved, 0 unchanged, 0 unlabelled)' in capsys.readouterr().out
    )
    with pytest.raises(ValueError, match='image 4 was not rejected'):
        visualize.main(['rejections', weak_run, '--indices', '4', '--out', str(out)])


@pytest.fixture
def view_run(tmp_path) -> str:
    """Work dir of an untrained network that makes views."""
    backbone = dict(type='GeometryEncoder', depth=18, input_size=64, base_channels=4, num_points=5, appearance=4)
    decoder = dict(type='ViewDecoder', input_size=64, num_points=5, appearance=4, base_channels=4)
    steps = [
        dict(type='LoadBackground', folder=str(tmp_path / 'backgrounds')),
        dict(type='HandCrop', rule='cube', cube=250.0),
        dict(type='VirtualCamera', size=64),
        dict(type='PackHandInputs', modalities=['rgb', 'background']),
    ]
    rig = dict(type='StudioRigDataset', split='test', subjects=1, sequences=1, frames=2, views=2, resolution=64)
    model = dict(type='ViewSynthesizer', backbone=backbone, decoder=decoder)
    cfg = dict(model=model, test_dataloader=dict(dataset=dict(rig, pipeline=steps)))
    folder = tmp_path / 'views'
    folder.mkdir()
    Config(cfg).dump(folder / 'config.py')
    torch.save({'state_dict': MODELS.build(model).state_dict()}, folder / 'iter_5.pth')
    return str(folder)


def test_views_and_a_turntable(view_run, tmp_path, capsys):
    out = tmp_path / 'new' / 'views.png'
    visualize.main(['views', view_run, '--num', '2', '--out', str(out)])
    height, width = cv2.imread(str(out)).shape[:2]
    assert (width - GAP) // (TILE + GAP) == 6 and (height - LINE - GAP) // (TILE + LINE + GAP) == 2
    visualize.main(['views', view_run, '--indices', '5', '--out', str(out)])
    assert cv2.imread(str(out)).shape[0] < height
    gif = tmp_path / 'new' / 'turn.gif'
    visualize.main(['turntable', view_run, '--indices', '3', '--swing', '40', '--out', str(gif)])
    with Image.open(gif) as image:
        assert (image.n_frames, image.info['loop']) == (36, 0)
    assert gif.stat().st_size < 1e6 and re.search(r'turn\.gif: 0\.\d\d MB', capsys.readouterr().out)
    with pytest.raises(ValueError, match=r'turn\.png: expected an animation file with the suffix \.gif'):
        visualize.main(['turntable', view_run, '--out', str(tmp_path / 'turn.png')])


def test_bad_input_is_named(runs, tmp_path, capsys):
    for args, message in (
        (['poes', runs[0]], "there is no subcommand 'poes'; did you mean 'poses'?"),
        (['poses', runs[0], '--swing', '30'], 'poses: error: unrecognized arguments: --swing 30'),
        (['activations', runs[0], '--labels', 'a', 'b'], '--labels must name each of the 1 runs, found 2'),
        (['poses', runs[0], '--num', '0'], "argument --num: must be at least 1, found '0'"),
        (['poses', runs[0], '--limits', 'limits.json'], 'unrecognized arguments: --limits limits.json'),
        (['poses', runs[0], '--dictionary', 'patches'], 'unrecognized arguments: --dictionary patches'),
        (['rejections', *runs], f'rejections: error: unrecognized arguments: {runs[1]}'),
    ):
        with pytest.raises(SystemExit):
            visualize.main(args)
        assert message in capsys.readouterr().err
    with pytest.raises(ValueError, match=r"different names, found \['rgb', 'rgb'\]"):
        visualize.main(['poses', runs[0], runs[0]])
    with pytest.raises(ValueError, match='no test image 9: indices must be from 0 to 3'):
        visualize.main(['poses', runs[0], '--indices', '9', '--out', str(tmp_path / 'no.png')])
    with pytest.raises(ValueError, match='rgb has no layer named'):
        visualize.main(['activations', runs[0], '--layer', 'nothing', '--out', str(tmp_path / 'no.png')])
