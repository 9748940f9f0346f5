"""Depth images: what is read, where the hand is taken to be, and that networks see what they see in testing."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config

from handkd.apis.found_hands import found_steps
from handkd.apis.trained import student_config
from handkd.inference.inferencer import HandInferencer
from handkd.registry import TRANSFORMS
from handkd.size_checks import leaf_datasets
from handkd.studio import StudioDataset

from ..configs.test_train_step import shrink_unets

ROOT = Path(__file__).parents[2]
CONFIGS = sorted(
    path.relative_to(ROOT / 'configs')
    for pattern in ('*/*depth*.py', 'weakseg/*.py')
    for path in ROOT.glob(f'configs/{pattern}')
    if path.parent.name != '_base_'
)
FULL = dict(split='test', length=400, modalities=('depth',), resolution=240, factor=3.0, randomisation=dict(view=50.0))


@pytest.fixture(scope='module')
def photo() -> dict:
    """A depth image in which the hand is not in the middle, with its labels."""
    return StudioDataset(**FULL, crop_noise=dict(shift=0.3)).get_data_info(3)


@pytest.fixture(scope='module')
def checked() -> set:
    """Kinds of configs that were checked: many differ in what they learn from alone."""
    return set()


def known_of(photo: dict) -> dict:
    """The true root, the tight box and the camera of a labelled depth image."""
    low, high = photo['keypoints'][0].min(0), photo['keypoints'][0].max(0)
    root = (*photo['keypoints'][0, 9].tolist(), float(photo['keypoints_cam'][0, 9, 2]))
    return dict(box=(*low.tolist(), *(high - low).tolist()), root=root, camera=photo['camera']['K'])


def run_test_pipeline(dataset: dict, photo: dict) -> dict:
    """Send a depth image through a config's test pipeline; where that masks by true joints, the cube masks instead."""
    steps = [dict(step) for step in dataset.pipeline]
    if not any(step['type'] == 'HandCrop' for step in steps):  # the studio renders crops
        factor, size = dataset.get('factor', 1.25), dataset.resolution
        steps = [dict(type='HandCrop', factor=factor), dict(type='WarpCrop', size=size), *steps]
    sample = dict(photo)
    if any(step.get('hand_only') for step in steps):
        steps = found_steps(steps)[1:]
        sample['hand_center'] = photo['keypoints_cam'][:, 9:10]
    for step in steps:
        sample = TRANSFORMS.build(step)(sample)
    return sample


@pytest.mark.parametrize('path', CONFIGS, ids=str)
def test_with_the_true_root_a_network_sees_what_it_sees_in_testing(path, photo, checked, monkeypatch):
    cfg = Config.fromfile(ROOT / 'configs' / path)
    model, dataset = student_config(cfg).model, leaf_datasets(cfg, 'test_dataloader')[0][1]
    kind = json.dumps(
        [model.get('backbone'), model.head, dataset.get('pipeline'), dataset.get('resolution')], default=str
    )
    if model.get('modality') != 'depth' or kind in checked:
        return
    checked.add(kind)
    shrink_unets(cfg)
    torch.manual_seed(0)
    monkeypatch.setattr('handkd.models.load_weights', lambda *args, **kwargs: None)
    if model.head.type == 'PartSegmentationHead':
        with pytest.raises(ValueError, match='predicts parts of the hand and no joints'):
            HandInferencer(cfg, 'none.pth', device='cpu')
        return
    infer, given = HandInferencer(cfg, 'none.pth', device='cpu'), []
    infer.network.model.data_preprocessor.register_forward_pre_hook(lambda _, args: given.append(args[0]))
    hand = infer.one(photo['depth'], **known_of(photo))
    expected = run_test_pipeline(dataset, photo)
    (seen,), shown = given[0]['inputs']['depth'], expected['inputs']['depth']
    assert 0.05 < (shown.abs() < 1).float().mean() < 0.9
    assert ((seen - shown).abs() > 1e-3).float().mean() < 0.002  # where rounding picks another neighbour
    (result,) = infer.network.model.test_step(dict(inputs=dict(depth=[seen]), data_samples=[expected['data_samples']]))
    check_prediction(hand, result.pred_instances, expected['data_samples'])


def check_prediction(hand: dict, pred, sample) -> None:
    """Check that a hand is what the network has predicted for a sample of its test pipeline."""
    if 'keypoints' in pred:
        linear, offset = sample.warp_matrix[:2, :2], sample.warp_matrix[:2, 2]
        np.testing.assert_allclose(hand['keypoints'], (pred.keypoints[0] - offset) @ np.linalg.inv(linear).T, atol=0.01)
        assert hand['keypoints_3d'] is None
    elif 'keypoints_xyz' in pred:
        np.testing.assert_allclose(hand['keypoints_3d'], pred.keypoints_xyz[0] - pred.keypoints_xyz[0, 0], atol=1e-4)
    else:
        (joints,) = pred.keypoints_cam if 'keypoints_cam' in pred else pred.keypoints_cam_native
        np.testing.assert_allclose(hand['keypoints_cam'], joints, atol=0.1)
        np.testing.assert_allclose(hand['keypoints_3d'], joints - joints[0], atol=0.1)
        assert len(hand['keypoints']) == len(joints) and hand['unit'] == 'mm'
        assert hand['side'] == 'right' and hand['side_source'] == 'assumed'  # the training shows right hands alone


@pytest.mark.parametrize('path', ['weakseg/inception_direct_studio.py', '../tests/configs/plain_depth_studio.py'])
@pytest.mark.parametrize('boxed', [False, True])
def test_without_a_root_the_hand_is_found(path, boxed, photo, monkeypatch):
    monkeypatch.setattr('handkd.models.load_weights', lambda *args, **kwargs: None)
    infer, known = HandInferencer(ROOT / 'configs' / path, 'none.pth', device='cpu'), known_of(photo)
    known = dict(camera=known['camera'], **(dict(box=known['box']) if boxed else {}))
    counts = (photo['depth'] * 10).round().astype(np.uint16)
    hand = infer.one(counts, **known, depth_unit=0.1)
    assert np.linalg.norm(hand['hand_center'] - photo['keypoints_cam'][0, 9]) < 60
    low, high = np.array(hand['box'][:2]), np.array(hand['box'][:2]) + hand['box'][2:]
    middle = photo['keypoints'][0, 9]
    assert (low < middle).all() and (middle < high).all()
    assert boxed == (hand['box'] == known.get('box'))
    metres = infer.one(photo['depth'].astype(np.float64) / 1000, **known, depth_unit=1000)
    np.testing.assert_allclose(metres['hand_center'], hand['hand_center'], atol=0.5)


def test_what_can_not_be_used_is_named(photo, monkeypatch):
    monkeypatch.setattr('handkd.models.load_weights', lambda *args, **kwargs: None)
    depth, rgb = (
        HandInferencer(ROOT / 'tests/configs' / name, 'none.pth', device='cpu')
        for name in ('plain_depth_studio.py', 'plain_rgb_studio.py')
    )
    picture, map_, camera = np.zeros((9, 9, 3), np.uint8), photo['depth'], photo['camera']['K']
    for infer, image, kwargs, message in (
        (depth, map_, {}, r'reads depth.*give the camera K.*--camera FX,FY,CX,CY'),
        (depth, picture, dict(camera=camera), r'reads depth: expected an array \(H, W\).*found uint8 \(9, 9, 3\)'),
        (depth, map_, dict(camera=camera, root=(3, 4)), r'root must be \(u, v, z\), px and mm, found \(3, 4\)'),
        (depth, map_, dict(camera=camera, root=(3, 4, 0)), r'root must be \(u, v, z\)'),
        (depth, map_ * 0, dict(camera=camera), 'no depth reading in it'),
        (depth, map_ / 1000, dict(camera=camera), r'expected 50 to 20000 mm: it looks like metres.*--depth-unit 1000'),
        (depth, map_, dict(camera=camera, depth_unit=1000), r'median depth is .*e\+05 mm.*the right depth_unit'),
        (depth, map_, dict(camera=camera, depth_unit=0), 'depth_unit must be a positive'),
        (depth, map_, dict(camera=camera, box=(500, 500, 9, 9)), 'lies outside'),
        (
            depth,
            np.where(map_ > 0, map_, 0) * np.eye(240),
            dict(camera=camera, box=(0, 220, 9, 9)),
            'reading in the box',
        ),
        (rgb, map_, {}, r'must be BGR, uint8, \(H, W, 3\); found float32'),
        (rgb, picture, dict(depth_unit=1), 'depth_unit is for depth networks only'),
    ):
        with pytest.raises(ValueError, match=message):
            infer.one(image, **kwargs)
