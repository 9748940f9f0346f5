"""Activation maps, and the share of energy on the background, against hands whose place is known."""

import numpy as np
import pytest
import torch
from mmengine.config import Config
from torch import nn
from torch.nn import functional

from handkd.apis.activations import activation_sheet, background_shares, energy_table, feature_maps
from handkd.apis.pictures import TILE
from handkd.apis.trained import TrainedNetwork
from handkd.datasets import ReproducibleDataset
from handkd.evaluation import mean_interval
from handkd.registry import DATASETS, MODELS
from handkd.visualization.sheet import GAP, LINE

SIZE, CELL = 32, 4


@DATASETS.register_module()
class SquareHands(ReproducibleDataset):
    """White hands, flat and rectangular, 500 mm away in the dark; their pixels are [8, bottom) x [8, 20)."""

    def __init__(self, modalities=('rgb',), bottom=24, first_id=0, hands=3, pipeline=()):
        super().__init__(pipeline)
        self.modalities, self.bottom, self.first_id, self.hands = modalities, bottom, first_id, hands

    def __len__(self):
        return 3

    def get_data_info(self, index):
        hand = np.zeros((SIZE, SIZE), bool)
        hand[8 : self.bottom, 8:20] = index < self.hands
        joints = np.tile(np.float32([14, 16]), (1, 21, 1))
        joints[0, :3] = (14, self.bottom - 1), (8, 8), (19, 8)  # wrist, and two corners
        camera = {'K': np.array([[100.0, 0, 0], [0, 100.0, 0], [0, 0, 1]])}
        sample = dict(
            keypoints=joints,
            keypoints_cam=np.concatenate([joints * 5, np.full((1, 21, 1), 500, np.float32)], -1),
            camera=camera,
            img_id=self.first_id + index,
        )
        if 'rgb' in self.modalities:
            sample['img'] = np.repeat(hand[..., None] * np.uint8(255), 3, -1)
        if 'depth' in self.modalities:
            sample['depth'] = np.where(hand, np.float32(500), np.float32(0))
        return sample


@MODELS.register_module()
class Brightness(nn.Module):
    """Two maps, a cell each 4 x 4 px: ``on`` where it is bright, ``off`` where it is dark; and 0."""

    def __init__(self, on=1.0, off=0.0):
        super().__init__()
        self.on, self.off = on, off

    def forward(self, image):
        bright = (functional.max_pool2d(image.mean(1, keepdim=True), CELL) > 0).float()
        return (torch.cat([self.on * bright + self.off * (1 - bright), 0 * bright], 1),)


@MODELS.register_module()
class SilentHead(nn.Module):
    """Predicts nothing."""

    def predict(self, feats, data_samples):
        return {}


@pytest.fixture
def make_network(tmp_path):
    def make(label, on=1.0, off=0.0, modality='rgb', **dataset):
        model = dict(
            type='HandPoseEstimator',
            modality=modality,
            backbone=dict(type='Brightness', on=on, off=off),
            head=dict(type='SilentHead'),
            data_preprocessor=dict(type='HandDataPreprocessor', rgb=None),
        )
        steps = [dict(type='DepthToCube', cube=300.0)] if modality == 'depth' else []
        pipeline = [*steps, dict(type='PackHandInputs', modalities=[modality])]
        settings = dict(type='SquareHands', modalities=[modality], pipeline=pipeline, **dataset)
        torch.save({'state_dict': {}}, tmp_path / 'iter_1.pth')
        cfg = Config(dict(model=model, test_dataloader=dict(dataset=settings)))
        return TrainedNetwork(label, cfg, tmp_path / 'iter_1.pth')

    return make


def test_shares_are_those_of_the_equation():
    rng = np.random.default_rng(0)
    features, masks = rng.normal(size=(2, 5, 4, 3)), rng.random((2, 1, 16, 9)) < 0.04
    energy, cells = background_shares(torch.tensor(features, dtype=torch.float32), torch.from_numpy(masks))
    for i in range(2):
        whole = outside = 0.0
        count = 0
        for y in range(4):
            for x in range(3):
                one = sum(features[i, c, y, x] ** 2 for c in range(5))
                background = not masks[i, 0, 4 * y : 4 * y + 4, 3 * x : 3 * x + 3].any()
                whole, outside, count = whole + one, outside + one * background, count + background
        assert 0 < count < 12
        assert energy[i].item() == pytest.approx(outside / whole, rel=1e-5)
        assert cells[i].item() == pytest.approx(count / 12)


def test_shares_where_nothing_is_active_are_no_numbers():
    energy, cells = background_shares(torch.zeros(1, 2, 4, 4), torch.zeros(1, 1, 8, 8, dtype=torch.bool))
    assert torch.isnan(energy).all()
    assert cells.tolist() == [1.0]


def test_the_table_of_networks_that_look_at_the_hand_at_the_rest_and_everywhere(make_network):
    networks = [
        make_network('hand'),
        make_network('rest', on=0.0, off=-2.0),
        make_network('all', on=1.0, off=1.0),
        make_network('more', on=2.0, off=1.0),
    ]
    table = energy_table(networks)
    shares = ['0.0 %', '100.0 %', '81.2 %', f'{100 * 52 / (52 + 4 * 12):.1f} %']  # 4 x 3 of 8 x 8 cells are hand
    images = '3 of 3, 8 x 8 cells'
    assert list(table.rows) == [(n.label, '1', s, '81.2 %', images) for n, s in zip(networks, shares)]


def test_runs_of_one_label_are_one_row_with_an_interval(make_network):
    runs = [make_network('seeds', on=on, off=1.0) for on in (1.0, 2.0, 3.0)]
    mean, half = mean_interval([100 * 52 / (52 + 12 * on**2) for on in (1.0, 2.0, 3.0)])
    rows = energy_table([*runs, make_network('hand')]).rows
    assert [row[:4] for row in rows] == [
        ('seeds', '3', f'{mean:.1f} ± {half:.1f} %', '81.2 ± 0.0 %'),
        ('hand', '1', '0.0 %', '81.2 %'),
    ]


def test_a_cell_with_one_row_of_the_hand_counts_as_hand(make_network):
    (row,) = energy_table([make_network('all', on=1.0, off=1.0, bottom=25)]).rows
    assert row[2:4] == (f'{100 * 49 / 64:.1f} %',) * 2  # 5 x 3 cells


def test_images_without_a_hand_in_their_mask_do_not_count(make_network):
    (row,) = energy_table([make_network('hand', on=1.0, off=1.0, hands=2)]).rows
    assert row[2:] == ('81.2 %', '81.2 %', '2 of 3, 8 x 8 cells')
    with pytest.raises(ValueError, match='none: no test image has a hand in its mask and an active'):
        energy_table([make_network('none', hands=0)])


def test_networks_on_other_images_are_named(make_network):
    with pytest.raises(ValueError, match='a and b do not show the same images: number 0 is 0 here and 5 there'):
        energy_table([make_network('a'), make_network('b', first_id=5)])


def test_a_layer_that_is_none_is_named(make_network):
    network = make_network('a')
    items = [DATASETS.build(network.cfg.test_dataloader.dataset)[0]]
    assert feature_maps(network.build(), items, 'backbone').shape == (1, 2, 8, 8)
    with pytest.raises(ValueError, match="a has no layer named 'backbne'; did you mean 'backbone'?"):
        feature_maps(network.build(), items, 'backbne', 'a')


def tile(sheet: np.ndarray, row: int, column: int) -> np.ndarray:
    """A tile of a sheet with headers."""
    y, x = GAP + LINE + row * (TILE + GAP), GAP + column * (TILE + GAP)
    return sheet[y : y + TILE, x : x + TILE].astype(int)


def test_the_sheet_has_images_maps_and_depth_side_by_side(make_network):
    depth = make_network('depth', modality='depth', on=1.0, off=0.0)
    networks = [make_network('hand'), make_network('rest', on=0.0, off=1.0), depth]
    sheet = activation_sheet(networks, [2, 0]).image
    assert sheet.shape == (GAP + LINE + 2 * (TILE + GAP), GAP + 5 * (TILE + GAP), 3)
    inside, outside = (int(14 / SIZE * TILE),) * 2, (int(28 / SIZE * TILE),) * 2
    for row in range(2):
        image, hand, rest, _, depth_image = (tile(sheet, row, column) for column in range(5))
        assert image[inside].tolist() == [255] * 3
        assert image[outside].tolist() == [0] * 3
        assert hand[outside][2] < 60  # nothing is active: dark blue
        assert hand[inside][2] - hand[inside][0] > 50  # red over white
        assert rest[outside][2] > rest[outside][0] + 20
        assert rest[inside][2] < 160
        assert depth_image[inside].min() > 200
        assert depth_image[outside].max() == 0


def test_depth_that_no_network_sees_is_shown_if_there_is_some(make_network):
    sheet = activation_sheet([make_network('hand')], [0]).image
    assert sheet.shape[1] == GAP + 3 * (TILE + GAP)
    assert tile(sheet, 0, 2)[int(14 / SIZE * TILE), int(14 / SIZE * TILE)].min() > 200
    seen = activation_sheet([make_network('depth', modality='depth')], [0]).image
    assert seen.shape[1] == GAP + 2 * (TILE + GAP)  # no colour image is loaded
