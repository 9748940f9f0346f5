"""Part maps and rejected restorations are shown as they are, with the numbers that belong to them."""

import numpy as np
import pytest
import torch
from mmengine.config import Config
from torch import nn

from handkd.apis import part_pictures
from handkd.apis.part_pictures import part_sheet, rejection_sheet
from handkd.apis.pictures import TILE, input_picture
from handkd.apis.trained import TrainedNetwork
from handkd.datasets import MixedDataset  # noqa: F401 (registers it)
from handkd.hand import JOINT_INDEX
from handkd.registry import DATASETS, MODELS
from handkd.restoration import ExactSearch, PatchDictionary, Restorer, Round, RoundSettings, Verdict, build_dictionary
from handkd.skeleton_drawing import MARK_COLOR
from handkd.visualization import enlarge, part_legend, part_picture
from handkd.visualization.sheet import GAP, LINE

SIDE = 24
FACTOR = -(-TILE // SIDE)
IMAGES = 5


@MODELS.register_module()
class SwappedPartsHead(nn.Module):
    """Predicts the true map, but takes one part for another."""

    def __init__(self, part, taken_for):
        super().__init__()
        self.part, self.taken_for = part, taken_for

    def predict(self, feats, data_samples):
        maps = torch.stack([torch.as_tensor(sample.gt_fields.part_seg) for sample in data_samples])
        return dict(part_seg=torch.where(maps == self.part, self.taken_for, maps).to(torch.uint8))


@MODELS.register_module()
class ConstantPartsHead(nn.Module):
    """Predicts the same map for all, without looking at any label."""

    def predict(self, feats, data_samples):
        return dict(part_seg=torch.full((len(data_samples), 1, SIDE, SIDE), 5, dtype=torch.uint8))


@MODELS.register_module()
class OffsetJointsHead(nn.Module):
    """Reads the 2D joints off the labels and moves them to the right by 3 px."""

    def predict(self, feats, data_samples):
        joints = torch.from_numpy(np.concatenate([sample.gt_instances.keypoints for sample in data_samples]))
        return dict(keypoints=joints + torch.tensor([3.0, 0.0]), keypoint_scores=torch.ones(len(joints), 21))


def hands(split='test', length=IMAGES, fields=('part_seg',), seed=0):
    """Config of depth images with their parts."""
    steps = [dict(type='DepthToCube'), dict(type='PackHandInputs', modalities=['depth'], fields=list(fields))]
    return dict(
        type='StudioDataset',
        split=split,
        length=length,
        seed=seed,
        modalities=['depth'],
        resolution=SIDE,
        pipeline=steps,
    )


def network(tmp_path, label, head, fields=('part_seg',), **settings):
    model = dict(type='HandPoseEstimator', modality='depth', backbone=dict(type='GlobalAveragePooling'), head=head)
    evaluator = dict(type='HandPixelMetric', visible_only=False)
    cfg = dict(model=model, test_dataloader=dict(dataset=hands(fields=fields)), test_evaluator=evaluator, **settings)
    torch.save({'state_dict': {}}, tmp_path / 'iter_1.pth')
    return TrainedNetwork(label, Config(cfg), tmp_path / 'iter_1.pth')


def true_maps(**settings):
    return np.concatenate(
        [item['data_samples'].gt_fields.part_seg.numpy() for item in DATASETS.build(hands(**settings))]
    )


@pytest.fixture
def shown(monkeypatch):
    """What is laid out: columns by header."""
    columns = {}

    def record(laid, tile_size):
        columns.update({column.header: column for column in laid})
        columns['size'] = tile_size
        return original(laid, tile_size)

    original = part_pictures.lay_columns
    monkeypatch.setattr(part_pictures, 'lay_columns', record)
    return columns


def share_right(pred, truth):
    hand = truth > 0
    return f'{100 * (pred == truth)[hand].mean():.1f} %'


def assert_maps(column, maps):
    for tile, one in zip(column.tiles, maps, strict=True):
        np.testing.assert_array_equal(tile, enlarge(part_picture(one), TILE))


def test_maps_stand_beside_what_restoring_makes_of_the_first_ones_and_the_truth(tmp_path, shown):
    truth = true_maps()[[4, 1, 2]]
    first, second = np.where(truth == 9, 5, truth), np.where(truth == 5, 1, truth)
    known = true_maps(split='train', length=3)
    build_dictionary(tmp_path / 'patches', lambda start: known[start:], {'set': 'known'})
    networks = [
        network(tmp_path, 'joints', dict(type='OffsetJointsHead')),
        network(tmp_path, 'first', dict(type='SwappedPartsHead', part=9, taken_for=5)),
        network(tmp_path, 'second', dict(type='SwappedPartsHead', part=5, taken_for=1)),
    ]
    picture = part_sheet(networks, [4, 1, 2], tmp_path / 'patches')
    assert shown.pop('size') == SIDE * FACTOR
    assert list(shown) == ['input', 'first', 'first, restored', 'second', 'truth', 'joints']
    restored = Restorer(ExactSearch(PatchDictionary(known)))(first.astype(np.uint8))
    assert (restored != first).any()
    for header, maps in (('first', first), ('first, restored', restored), ('second', second), ('truth', truth)):
        assert_maps(shown[header], maps)
        texts = [''] * 3 if header == 'truth' else [share_right(*pair) for pair in zip(maps, truth)]
        assert shown[header].captions == texts
    assert len(set(shown['first'].captions) | set(shown['second'].captions)) > 3  # they are not all right
    assert shown['input'].captions == ['image 4', 'image 1', 'image 2']
    items = [DATASETS.build(hands())[i] for i in (4, 1, 2)]
    for tile, item in zip(shown['input'].tiles, items, strict=True):
        np.testing.assert_array_equal(tile, enlarge(input_picture(item['inputs']), TILE))
    assert len(shown['joints'].captions) == 3 and all(text.endswith(' px') for text in shown['joints'].captions)
    height, width = picture.image.shape[:2]
    assert width == GAP + 6 * (SIDE * FACTOR + GAP)
    assert height == GAP + LINE + 3 * (SIDE * FACTOR + LINE + GAP) + len(part_legend())
    assert 'mean error' in picture.caption


def test_maps_are_restored_as_weakly_supervised_training_restores_them(tmp_path, shown):
    known = true_maps(split='train', length=3)
    build_dictionary(tmp_path / 'patches', lambda start: known[start:], {'set': 'known'})
    hook = dict(type='PartRestorationHook', dictionary='elsewhere', interval=5, window=3, stride=2, probes=4, rerank=9)
    swapped = dict(type='SwappedPartsHead', part=9, taken_for=5)
    networks = [
        network(tmp_path, 'step 1', swapped, custom_hooks=[dict(type='GradientLogHook')]),
        network(tmp_path, 'step 2', swapped, custom_hooks=[hook]),
    ]
    part_sheet(networks, [0, 1, 2], tmp_path / 'patches')
    maps = true_maps()[[0, 1, 2]]
    maps = np.where(maps == 9, 5, maps).astype(np.uint8)
    search = ExactSearch(PatchDictionary(known))
    expected, by_default = Restorer(search, window=3, stride=2)(maps), Restorer(search)(maps)
    assert (expected != by_default).any()
    assert_maps(shown['step 1, restored'], expected)


def test_without_labels_there_is_no_truth_and_no_number(tmp_path, shown):
    bare = network(tmp_path, 'bare', dict(type='ConstantPartsHead'), fields=())
    picture = part_sheet([bare], [0])
    assert (list(shown), shown['bare'].captions) == (['input', 'bare', 'size'], [''])
    assert 'mean error' not in picture.caption
    assert picture.image.shape[1] == part_legend().shape[1]  # which is wider than two tiles


def test_runs_without_maps_are_refused(tmp_path):
    with pytest.raises(ValueError, match=r"no network predicts parts \('part_seg'\), found a: show their joints with"):
        part_sheet([network(tmp_path, 'a', dict(type='OffsetJointsHead'))], [0])


REAL = dict(split='train', length=4, seed=3)
"""The images of a run that restores."""


@pytest.fixture
def weak_run(tmp_path):
    """A run with a round of restored maps: one accepted, one that lost a part, one moved, one as it was."""
    before, after, lost = np.full((4, 21), 2.0), np.full((4, 21), 2.0), np.zeros((4, 21), bool)
    after[0, 7] = 1.5
    after[1, JOINT_INDEX['ring_tip']], lost[1, JOINT_INDEX['ring_tip']] = 34.0, True
    after[1, 3] = 4.0
    after[2, JOINT_INDEX['thumb_ip']] = 5.25
    accepted = np.array([True, False, False, False])
    predicted = true_maps(**REAL)
    restored = np.where(predicted == JOINT_INDEX['ring_tip'], 15, predicted).astype(np.uint8)
    made = Round.begin(tmp_path / 'restored' / 'round_0002', RoundSettings(1, 4, {}, piece=3))
    for piece in (0, 1):
        part = slice(3 * piece, 3 * piece + 3)
        verdict = Verdict(before[part], after[part], lost[part], np.ones(len(before[part]), bool), accepted[part])
        made.write(piece, predicted[part], restored[part], verdict)
    Round.begin(tmp_path / 'restored' / 'round_0003', RoundSettings(2, 4, {}))  # not yet finished
    mixed = dict(type='MixedDataset', datasets=[hands('train'), hands(**REAL)], shares=[9, 1])
    head = dict(type='ConstantPartsHead')
    return network(tmp_path, 'weak', head, train_dataloader=dict(dataset=mixed)), predicted, restored


def red(tile):
    """Middle of the pure red pixels, (x, y)."""
    return np.argwhere((tile == MARK_COLOR).all(2))[:, ::-1].mean(0)


def test_rejected_maps_are_shown_with_their_reasons_and_the_worst_joint(weak_run, shown):
    run, predicted, restored = weak_run
    picture = rejection_sheet(run)
    assert picture.caption.startswith(
        '3 of 4 restored maps rejected (75.0 %: 1 lost, 1 moved, 1 unchanged, 0 unlabelled); joints'
    )
    assert shown.pop('size') == SIDE * FACTOR
    assert [(header, *column.captions) for header, column in shown.items()] == [
        ('image 1', 'ring_tip lost', 'predicted: 42.0 px off', 'restored: 76.0 px off'),
        ('image 2', 'thumb_ip moved', 'predicted: 42.0 px off', 'restored: 45.2 px off'),
        ('image 3', 'unchanged', 'predicted: 42.0 px off', 'restored: 42.0 px off'),
    ]
    items = [DATASETS.build(hands(**REAL))[i] for i in range(4)]
    for index, joint in ((1, 'ring_tip'), (2, 'thumb_ip')):
        point = items[index]['data_samples'].gt_instances.keypoints[0, JOINT_INDEX[joint]]
        expected = [
            enlarge(input_picture(items[index]['inputs']), TILE),
            *(enlarge(part_picture(maps[index]), TILE) for maps in (predicted, restored)),
        ]
        for tile, plain in zip(shown[f'image {index}'].tiles, expected, strict=True):
            middle = (point + 0.5) * FACTOR - 0.5
            np.testing.assert_allclose(red(tile), middle, atol=0.6)
            y, x = np.indices(tile.shape[:2])
            away = np.hypot(x - middle[0], y - middle[1]) > 14
            np.testing.assert_array_equal(tile[away], plain[away])
    assert_maps(shown['image 3']._replace(tiles=shown['image 3'].tiles[1:]), [predicted[3], restored[3]])


def test_some_of_the_rejected_maps(weak_run, shown):
    run, *_ = weak_run
    rejection_sheet(run, num=2)
    assert [*shown][:2] == ['image 1', 'image 3']
    shown.clear()
    picture = rejection_sheet(run, indices=[3, 2])
    assert [*shown][:2] == ['image 3', 'image 2'] and picture.caption.startswith('3 of 4')
    with pytest.raises(
        ValueError,
        match=r'round_0002: image 0 was not rejected; choose among the 3 of 4 that were, such as \[1, 2, 3\]',
    ):
        rejection_sheet(run, indices=[2, 0])


def test_runs_that_have_rejected_nothing_are_named(weak_run, tmp_path):
    run, predicted, restored = weak_run
    mixed = run.cfg.train_dataloader.dataset
    mixed.datasets[1].length = 9
    with pytest.raises(ValueError, match='round_0002 has maps of 4 images, but the real training set has 9'):
        rejection_sheet(run)
    mixed.datasets[1].length = 4
    good = np.ones(4, bool)
    better = Verdict(np.full((4, 21), 2.0), np.full((4, 21), 1.0), np.zeros((4, 21), bool), good, good)
    Round.open(tmp_path / 'restored' / 'round_0003').write(0, predicted, restored, better)
    with pytest.raises(ValueError, match='round_0003: no rejected map to show, 0 of 4 restored maps rejected'):
        rejection_sheet(run)
    run.cfg.train_dataloader.dataset = mixed.datasets[1]
    with pytest.raises(ValueError, match='weak: its training set must be a mixture of two sets, found StudioDataset'):
        rejection_sheet(run)
    (tmp_path / 'other').mkdir()
    with pytest.raises(FileNotFoundError, match='no complete round of restored maps'):
        rejection_sheet(network(tmp_path / 'other', 'plain', dict(type='OffsetJointsHead')))
