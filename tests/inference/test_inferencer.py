"""From a picture to a hand: crop, units, sides, the derived pixels, and one clear error for each bad input."""

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.model import BaseModel
from mmengine.structures import InstanceData

from handkd.datasets.transforms import HandCrop, WarpCrop
from handkd.hand import chirality
from handkd.inference.inferencer import HandInferencer
from handkd.inference.places import find_box
from handkd.models.checkpoint import CheckpointError
from handkd.registry import MODELS

NETWORK = dict(
    type='HandPoseEstimator',
    backbone=dict(type='HandResNet', depth=18, stem='imagenet', base_channels=4),
    neck=dict(type='GlobalAveragePooling'),
    head=dict(type='PMDHead', in_channels=32, codec=dict(type='RootRelativeXYZ')),
)
PIPELINE = [dict(type='HandCrop', rule='square', factor=1.25), dict(type='WarpCrop', size=64)]
TEST_SET = dict(dataset=dict(pipeline=PIPELINE))
IMAGE = np.random.default_rng(0).integers(0, 256, (90, 120, 3), dtype=np.uint8)


def make_pose() -> np.ndarray:
    """A right hand, fingers up and bent towards the camera, root-relative and normalised, shape (21, 3)."""
    joints = np.zeros((21, 3))
    for finger in range(5):
        x = 0.5 - 0.25 * finger
        for k in range(4):
            joints[1 + 4 * finger + k] = (x * (1 + 0.1 * k), -0.9 - 0.3 * k, -0.12 * k**2)
    joints[9:13] += (0, -0.1, 0)
    return (joints - joints[9]) / np.linalg.norm(joints[9])


POSE = make_pose()


@pytest.fixture(scope='module')
def files(tmp_path_factory) -> tuple[Path, Path]:
    """A config, and weights that predict :data:`POSE` whatever they see."""
    folder = tmp_path_factory.mktemp('network')
    config, checkpoint = folder / 'config.py', folder / 'weights.pth'
    config.write_text(f"default_scope = 'handkd'\ntest_dataloader = {TEST_SET!r}\nmodel = {NETWORK!r}\n")
    network = MODELS.build(NETWORK)
    for axis, name in enumerate('xyz'):
        network.head.branches[name].fc3.weight.data.zero_()
        network.head.branches[name].fc3.bias.data = torch.tensor(POSE[:, axis], dtype=torch.float32)
    torch.save({'state_dict': network.state_dict()}, checkpoint)
    return config, checkpoint


@pytest.fixture(scope='module')
def infer(files) -> HandInferencer:
    """The inferencer on these files."""
    return HandInferencer(*files, device='cpu')


def test_a_hand_in_units_of_its_scale_and_in_millimetres(infer):
    hand = infer.one(IMAGE, box=(30, 20, 40, 50))
    assert (hand['unit'], hand['file'], hand['box']) == ('hand_scale', None, (30, 20, 40, 50))
    np.testing.assert_allclose(hand['keypoints_3d'], POSE - POSE[0], atol=1e-5)
    assert np.linalg.norm(hand['keypoints_3d'][9]) == pytest.approx(1)
    metric = infer.one(IMAGE, box=(30, 20, 40, 50), hand_scale_mm=93.0)
    assert metric['unit'] == 'mm'
    assert np.linalg.norm(metric['keypoints_3d'][9]) == pytest.approx(93)


def test_joints_fill_the_box(infer):
    hand = infer.one(IMAGE, box=(30, 20, 40, 50))
    low, high = hand['keypoints'].min(0), hand['keypoints'].max(0)
    np.testing.assert_allclose((low + high) / 2, (50, 45))
    assert (high - low).max() == pytest.approx(50)
    full = infer.one(IMAGE)
    low, high = full['keypoints'].min(0), full['keypoints'].max(0)
    np.testing.assert_allclose((low + high) / 2, (59.5, 44.5))
    assert (high - low).max() == pytest.approx(120 / 1.25)


def test_side_is_estimated_or_as_given(infer):
    hand = infer.one(IMAGE)
    assert (hand['side'], hand['side_source']) == (chirality(POSE)[0], 'estimated') == ('right', 'estimated')
    assert hand['side_score'] == pytest.approx(chirality(POSE)[1], abs=1e-5)
    hand = infer.one(IMAGE, side='left')
    assert (hand['side'], hand['side_source'], hand['side_score']) == ('left', 'given', None)


@pytest.mark.parametrize('orientation', [1, 3, 5, 6, 8])
def test_a_photograph_gives_the_same_crop_however_it_is_stored(infer, tmp_path, photograph, orientation):
    seen, smooth = [], cv2.GaussianBlur(IMAGE, (0, 0), 2)
    hook = infer.network.model.data_preprocessor.register_forward_pre_hook(
        lambda _, args: seen.append(args[0]['inputs']['rgb'][0].numpy().astype(int))
    )
    path = photograph(smooth, tmp_path, orientation)
    hands = [infer.one(image, box=(30, 20, 40, 50)) for image in (smooth, path)]
    hook.remove()
    np.testing.assert_array_equal(hands[0]['keypoints'], hands[1]['keypoints'])
    difference = np.abs(seen[0] - seen[1])
    assert difference.mean() < 2 if path.suffix in ('.jpg', '.mpo') else difference.max() == 0


def test_the_network_sees_the_crop_of_training(infer):
    seen = []
    hook = infer.network.model.data_preprocessor.register_forward_pre_hook(
        lambda _, args: seen.append(args[0]['inputs']['rgb'])
    )
    infer.one(IMAGE, box=(30, 20, 40, 50))
    infer.one(IMAGE)
    hook.remove()
    joints = np.tile(np.float32([[30, 20]]), (1, 21, 1))
    joints[0, 1] = 70, 70
    sample = WarpCrop(size=64)(HandCrop(rule='square')(dict(img=IMAGE, keypoints=joints)))
    np.testing.assert_array_equal(seen[0][0].permute(1, 2, 0).numpy(), sample['img'])
    full = seen[1][0].permute(1, 2, 0).numpy()
    assert not full[:7].any() and not full[-7:].any()  # the image fills the width, the rest is black
    np.testing.assert_allclose(full[9:-9].mean((0, 1)), IMAGE.mean((0, 1)), atol=3)


def test_outside_of_the_image_is_what_it_was_in_training(files):
    config, checkpoint = files
    cfg = Config.fromfile(config)
    cfg.test_dataloader.dataset.pipeline[1].border = 128
    infer, seen = HandInferencer(cfg, checkpoint, device='cpu'), []
    infer.network.model.data_preprocessor.register_forward_pre_hook(
        lambda _, args: seen.append(args[0]['inputs']['rgb'])
    )
    infer.one(IMAGE)
    assert (seen[0][0][:, :7] == 128).all() and (seen[0][0][:, 9:-9] != 128).any()


def test_a_distilled_model_runs_as_its_student(files, infer, tmp_path):
    config, checkpoint = files
    depth = dict(NETWORK, modality='depth', backbone=dict(NETWORK['backbone'], in_channels=1))
    cfg = Config(
        dict(
            test_dataloader=TEST_SET,
            model=dict(
                type='DistilledEstimator',
                student=NETWORK,
                teachers=dict(depth=dict(model=depth, checkpoint='gone.pth')),
                distillers=dict(mimic=dict(type='FeatureMimic', layer='neck')),
            ),
        )
    )
    hand, expected = HandInferencer(cfg, checkpoint, device='cpu').one(IMAGE), infer.one(IMAGE)
    np.testing.assert_array_equal(hand['keypoints_3d'], expected['keypoints_3d'])
    both = dict(depth, modality=['rgb', 'depth'])
    for network, message in ((depth, 'in depth only: expected a DepthToCube'), (both, "takes .*'rgb', 'depth'.* one")):
        torch.save({'state_dict': MODELS.build(network).state_dict()}, tmp_path / 'other.pth')
        with pytest.raises(ValueError, match=message):
            HandInferencer(Config(dict(test_dataloader=TEST_SET, model=network)), tmp_path / 'other.pth')


def test_weights_of_another_network_are_refused(files, tmp_path):
    config, checkpoint = files
    wider = dict(NETWORK, head=dict(NETWORK['head'], separate=False))
    torch.save({'state_dict': MODELS.build(wider).state_dict()}, tmp_path / 'other.pth')
    with pytest.raises(CheckpointError, match=r'(?s)head\.branches\.x.*head\.branches\.xyz'):
        HandInferencer(config, tmp_path / 'other.pth')
    with pytest.raises(FileNotFoundError, match='gone.pth'):
        HandInferencer(config, tmp_path / 'gone.pth')


def test_other_arguments_that_make_no_sense(infer):
    for kwargs, message in (
        (dict(side='Left'), 'side must be'),
        (dict(hand_scale_mm=0), 'positive length in mm'),
        (dict(camera=np.eye(4)), r'shape \(3, 3\), found shape \(4, 4\)'),
    ):
        with pytest.raises(ValueError, match=message):
            infer.one(IMAGE, **kwargs)
    with pytest.raises(ValueError, match=r'found float64 \(90, 120, 3\)'):
        infer.one(IMAGE / 255)


@MODELS.register_module()
class BlobNetwork(BaseModel):
    """A 2D network of one weight: joint k lies k px to the right of the centre of what is bright in its input."""

    modality = 'rgb'

    def __init__(self) -> None:
        super().__init__(MODELS.build(dict(type='HandDataPreprocessor')))
        self.weight = torch.nn.Parameter(torch.ones(()))

    def forward(self, inputs, data_samples, mode):
        for picture, sample in zip(inputs['rgb'], data_samples):
            light = (picture.sum(0) - picture.sum(0).min()).numpy()
            rows, columns = np.indices(light.shape)
            centre = np.array([(columns * light).sum(), (rows * light).sum()]) / light.sum()
            joints = self.weight.item() * (centre + np.arange(21)[:, None] * [1, 0])
            sample.pred_instances = InstanceData(
                keypoints=joints[None].astype(np.float32), keypoint_scores=np.ones((1, 21))
            )
        return data_samples


BLOB = (52.0, 41.0)


@pytest.fixture(scope='module')
def flat(tmp_path_factory) -> dict[str, Path]:
    """Config and weights of the 2D network, and a picture with one bright blob."""
    folder = tmp_path_factory.mktemp('flat')
    flat = dict(config=folder / 'config.py', checkpoint=folder / 'weights.pth', image=folder / 'blob.png')
    flat['config'].write_text(
        f"default_scope = 'handkd'\ntest_dataloader = {TEST_SET!r}\nmodel = dict(type='BlobNetwork')\n"
    )
    torch.save({'state_dict': BlobNetwork().state_dict()}, flat['checkpoint'])
    rows, columns = np.indices((90, 120))
    light = 255 * np.exp(-((columns - BLOB[0]) ** 2 + (rows - BLOB[1]) ** 2) / (2 * 3.0**2))
    cv2.imwrite(str(flat['image']), np.repeat(light.astype(np.uint8)[..., None], 3, 2))
    return flat


@pytest.mark.parametrize('box', ['full', (30, 20, 40, 50), (40, 30, 25, 20), (-20, 10, 90, 60)])
def test_joints_of_a_2d_network_are_its_own(flat, box):
    infer = HandInferencer(flat['config'], flat['checkpoint'], device='cpu')
    hand = infer.one(flat['image'], box=box)
    zoom = max(find_box(box, (90, 120), '', 1.25)[2:]) * 1.25 / 64  # px of the image a px of the crop
    np.testing.assert_allclose(hand['keypoints'], BLOB + np.arange(21)[:, None] * [zoom, 0], atol=0.2)
    assert [hand[key] for key in ('keypoints_3d', 'unit', 'side', 'side_source', 'side_score')] == [None] * 5
    given = infer.one(flat['image'], box=box, side='left')
    assert (given['side'], given['side_source'], given['side_score']) == ('left', 'given', None)
    assert given['box'] == find_box(box, (90, 120), '', 1.25) and given['file'] == str(flat['image'])


def test_what_a_2d_network_can_not_use_or_give_is_named(flat):
    infer = HandInferencer(flat['config'], flat['checkpoint'], device='cpu')
    for kwargs in (dict(hand_scale_mm=90.0), dict(camera=np.eye(3))):
        with pytest.raises(ValueError, match='this network gives 2D joints only'):
            infer.one(flat['image'], **kwargs)
    with torch.no_grad():
        infer.network.model.weight.fill_(np.nan)
    with pytest.raises(ValueError, match='predicts non-finite joints'):
        infer.one(flat['image'])
