"""Views and turning points are shown as the network makes them, each beside what it was made of."""

import copy

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.dataset import pseudo_collate

from handkd.apis import view_pictures
from handkd.apis.pictures import input_picture
from handkd.apis.trained import TrainedNetwork
from handkd.apis.view_pictures import turntable, view_sheet, with_background
from handkd.datasets import ViewGroupSampler
from handkd.datasets.backgrounds import open_background
from handkd.hints import ConfigError
from handkd.registry import DATASETS, MODELS

RIG = dict(type='StudioRigDataset', subjects=1, sequences=1, frames=4, views=3, resolution=64)
HEAD = dict(type='LatentPoseHead', in_channels=30, hidden=(8,), codec=dict(type='RootRelativeXYZ'))


def hands(folder, split='test', **options):
    """Config of the rig, with backgrounds if they have a folder."""
    load = [] if folder is None else [dict(type='LoadBackground', folder=str(folder))]
    crop = [dict(type='HandCrop', rule='cube', cube=250.0), dict(type='VirtualCamera', size=64)]
    pack = dict(type='PackHandInputs', **({} if folder is None else dict(modalities=['rgb', 'background'])))
    return dict(RIG, split=split, pipeline=[*load, *crop, pack], **options)


def network(tmp_path, head=HEAD):
    """A run whose test set has backgrounds only if it has no head; its weights are large, so that all has effects."""
    model = dict(
        type='ViewSynthesizer',
        backbone=dict(type='GeometryEncoder', depth=18, input_size=64, base_channels=4, num_points=10, appearance=6),
        decoder=dict(type='ViewDecoder', input_size=64, num_points=10, appearance=6, base_channels=4),
        head=head,
    )
    folder = tmp_path / 'backgrounds'
    cfg = dict(
        model=model,
        train_dataloader=dict(dataset=dict(type='LabelBudget', dataset=hands(folder, 'train'))),
        test_dataloader=dict(dataset=hands(folder if head is None else None)),
        test_evaluator=dict(type='HandKeypointMetric', root='wrist', scale='pred'),
    )
    torch.manual_seed(0)
    module = MODELS.build(model)
    with torch.no_grad():
        module.backbone.fc.weight *= 30
        module.training_only.decoder.fc.weight *= 5
        module.training_only.decoder.output.weight *= 10
    torch.save({'state_dict': module.state_dict()}, tmp_path / 'iter_1.pth')
    return TrainedNetwork('net', Config(cfg), tmp_path / 'iter_1.pth')


@pytest.fixture
def shown(monkeypatch):
    """What is laid out, columns by header, and the clouds of points that are drawn."""
    seen = dict(clouds=[], columns=[])
    lay, draw = view_pictures.lay_columns, view_pictures.draw_points

    def record(columns, *sizes):
        seen['columns'].append({column.header: column for column in columns})
        return lay(columns, *sizes)

    monkeypatch.setattr(view_pictures, 'lay_columns', record)
    monkeypatch.setattr(
        view_pictures, 'draw_points', lambda points, *rest: seen['clouds'].append(points) or draw(points, *rest)
    )
    return seen


def encoded(run, items):
    """The latents of some items, and the module."""
    module = run.build()
    with torch.no_grad():
        return module, module.backbone(module.data_preprocessor(pseudo_collate(items))['inputs']['rgb'])


def test_a_row_is_what_the_network_makes_of_a_group(tmp_path, shown):
    run = network(tmp_path)
    picture = view_sheet(run, groups=[4, 1])
    (columns,) = shown['columns']
    assert list(columns) == [
        'input', 'appearance of', 'target', 'synthesised', 'points', "in the target's camera", 'pose',
    ]  # fmt: skip
    dataset = DATASETS.build(with_background(run.cfg).test_dataloader.dataset)
    sampler = ViewGroupSampler(dataset, groups=1, seed=0)
    tiles = {header: column.tiles for header, column in columns.items()}
    for row, number in enumerate((4, 1)):
        items = [dataset[int(key)] for key in sampler.batch(number)]
        samples = [item['data_samples'] for item in items]
        assert samples[0].frame == samples[1].frame != samples[3].frame and samples[0].view != samples[1].view
        for header, place in (('input', 0), ('target', 1), ('appearance of', 3)):
            np.testing.assert_array_equal(tiles[header][row], input_picture(items[place]['inputs']))
        # What the evaluation sees of the same view.
        module, latents = encoded(run, items)
        for sample in samples:
            sample.set_metainfo(dict(view_group=0))
        with torch.no_grad():
            predicted = module.test_step(pseudo_collate(copy.deepcopy(items)))[1].pred_fields.rgb
        made = np.asarray(predicted).transpose(1, 2, 0)
        np.testing.assert_array_equal(tiles['synthesised'][row], made)
        error = np.abs(made.astype(float) - input_picture(items[1]['inputs'])).mean()
        assert columns['synthesised'].captions[row] == f'{error:.1f} grey levels off'
        points = latents.points[0].numpy()
        turned = points @ (samples[1].camera['R'] @ samples[0].camera['R'].T).T
        np.testing.assert_allclose(shown['clouds'][row], points, rtol=1e-4, atol=1e-4)
        np.testing.assert_allclose(shown['clouds'][2 + row], turned, rtol=1e-3, atol=1e-3)
        assert np.abs(turned - points).max() > 0.1
    assert columns['input'].captions == ['group 4', 'group 1']
    assert all(text.endswith(' mm') for text in columns['pose'].captions)
    assert 'its mean error' in picture.caption
    assert (tiles['synthesised'][0] != tiles['synthesised'][1]).any()


def test_without_a_head_there_is_no_pose(tmp_path, shown):
    picture = view_sheet(network(tmp_path, head=None), num=2)
    (columns,) = shown['columns']
    assert 'pose' not in columns and 'mean error' not in picture.caption
    assert columns['input'].captions == ['group 0', 'group 1']


def test_backgrounds_are_the_targets_own_and_are_made_if_need_be(tmp_path, shown):
    run = network(tmp_path)
    assert not (tmp_path / 'backgrounds').exists()
    view_sheet(run, num=1)
    made = sorted(path.parent.name for path in (tmp_path / 'backgrounds').rglob('*.npy'))
    assert made == ['test_0000'] * 3
    before = shown['columns'][0]['synthesised'].tiles[0]
    target = shown['columns'][0]['target'].captions[0].removeprefix('image ')
    for view in range(3):
        path = tmp_path / 'backgrounds' / 'test_0000' / f'{view:02d}.npy'
        changed = np.load(path)
        if view == int(target) % 3:
            np.save(path, 255 - changed)
    open_background.cache_clear()
    view_sheet(run, num=1)
    assert (shown['columns'][1]['synthesised'].tiles[0] != before).any()


def test_points_turn_about_the_upright_axis(tmp_path, shown):
    """Once round in four steps: (x, y, z) -> (z, y, -x); decoded with the image's own background and appearance."""
    run = network(tmp_path)
    pictures = turntable(run, [7, 2], frames=4)
    assert len(pictures) == 4 and len({picture.shape for picture in pictures}) == 1
    dataset = DATASETS.build(with_background(run.cfg).test_dataloader.dataset)
    items = [dataset[7], dataset[2]]
    module, latents = encoded(run, items)
    backgrounds = module.data_preprocessor(pseudo_collate(items))['inputs']['background']
    x, y, z = latents.points.unbind(-1)
    steps = [(x, y, z), (z, y, -x), (-x, y, -z), (-z, y, x)]
    for number, (columns, turned) in enumerate(zip(shown['columns'], steps)):
        points = torch.stack(turned, -1)
        np.testing.assert_allclose(shown['clouds'][2 * number : 2 * number + 2], points, rtol=1e-3, atol=1e-3)
        with torch.no_grad():
            views = module.training_only.decoder(points, latents.appearance, backgrounds)
        made = module.data_preprocessor.to_pixels(views).permute(0, 2, 3, 1).numpy()
        assert list(columns) == ['input', f'turned by {90 * number} deg', 'points']
        shown_views = np.stack(columns[f'turned by {90 * number} deg'].tiles)
        assert np.abs(shown_views.astype(int) - made).max() <= 1
        np.testing.assert_array_equal(columns['input'].tiles[1], input_picture(items[1]['inputs']))
    assert (pictures[0] != pictures[1]).any()


def test_points_swing_to_either_side(tmp_path, shown):
    """To 90 degrees and back, to -90 and back: (x, y, z) -> (z, y, -x) and (-z, y, x)."""
    run = network(tmp_path)
    turntable(run, [7], frames=4, swing=90)
    x, y, z = (
        encoded(run, [DATASETS.build(with_background(run.cfg).test_dataloader.dataset)[7]])[1].points[0].unbind(-1)
    )
    for cloud, turned in zip(shown['clouds'], [(x, y, z), (z, y, -x), (x, y, z), (-z, y, x)]):
        np.testing.assert_allclose(cloud, torch.stack(turned, -1), rtol=1e-3, atol=1e-3)
    assert [list(columns)[1] for columns in shown['columns']] == [f'turned by {i} deg' for i in (0, 90, 0, -90)]
    for swing in (0, -5, 181):
        with pytest.raises(ValueError, match=f'swing must be above 0 and at most 180 degrees, found {swing}'):
            turntable(run, [7], swing=swing)


def test_what_makes_no_views_is_named(tmp_path):
    run = network(tmp_path)
    for wrong in ([12], [-1]):
        with pytest.raises(ValueError, match=f'net: no test image {wrong[0]}: indices must be from 0 to 11'):
            turntable(run, wrong)
    with pytest.raises(ValueError, match='groups must be numbers from 0 on, found -1'):
        view_sheet(run, groups=[-1])
    plain = copy.deepcopy(run.cfg)
    plain.model = dict(type='HandPoseEstimator', backbone=plain.model.backbone, head=plain.model.head)
    with pytest.raises(ValueError, match='net: views need a ViewSynthesizer, found a HandPoseEstimator'):
        view_sheet(TrainedNetwork('net', plain, run.checkpoint))
    bare = copy.deepcopy(run.cfg)
    bare.pop('train_dataloader')
    with pytest.raises(ConfigError, match='no pipeline of the config has LoadBackground'):
        with_background(bare)
    run.cfg.test_dataloader.dataset.pipeline.pop()
    with pytest.raises(ConfigError, match='StudioRigDataset: the pipeline of the test set must end with PackHandInp'):
        with_background(run.cfg)
