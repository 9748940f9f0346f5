"""The crops of inference are those of each config's test pipeline, and what is predicted in them comes back right."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmpose.structures import PoseDataSample

from handkd.apis.inference_config import crop_of
from handkd.apis.trained import student_config
from handkd.datasets.transforms import HandCrop, PackHandInputs, WarpCrop
from handkd.geometry import project, unproject, zb_square
from handkd.geometry.crops import ZB_MARGIN
from handkd.geometry.virtual_camera import turn_onto
from handkd.hand import JOINT_INDEX
from handkd.inference.crops import HandPlace
from handkd.inference.inferencer import HandInferencer
from handkd.registry import TRANSFORMS
from handkd.size_checks import leaf_datasets
from handkd.studio import StudioDataset

from ..configs.test_train_step import shrink_unets
from .test_inferencer import NETWORK, POSE, files  # noqa: F401 (fixture)

ROOT = Path(__file__).parents[2]
FULL = dict(split='test', length=400, modalities=('rgb',), resolution=320, factor=3.0, randomisation=dict(view=50.0))
"""Photographs of which the hand's box is a third."""
CONFIGS = sorted(
    path.relative_to(ROOT / 'configs')
    for path in ROOT.glob('configs/*/*.py')
    if path.parent.name not in ('_base_', 'weakseg')  # of weakseg all take depth
)
INTRINSICS = np.array([[610.0, 0, 315], [0, 600.0, 242], [0, 0, 1]])


@pytest.fixture(scope='module')
def photo() -> dict:
    """A photograph in which the hand is not in the middle, and seen off the camera's axis, with its labels."""
    sample = StudioDataset(**FULL, crop_noise=dict(shift=0.3)).get_data_info(3)
    middle = JOINT_INDEX['middle_mcp']  # a hand folder gives its lines' centre, or this joint
    return dict(sample, hand_center=sample['keypoints_cam'][:, [middle]])


@pytest.fixture(scope='module')
def checked() -> set:
    """Kinds of configs that were checked: many differ in what they learn from alone."""
    return set()


def kind_of(cfg: Config, dataset: dict) -> str:
    """What decides how a config's network sees a photograph and what it makes of it."""
    model = student_config(cfg).model
    parts = [model.get(key) for key in ('backbone', 'neck', 'head')]
    steps = [step for step in dataset.get('pipeline', ()) if step.type not in ('LoadBackground', 'PackHandInputs')]
    return json.dumps([parts, steps, None if steps else dataset.get('resolution')], sort_keys=True, default=str)


def run_pipeline(dataset: dict, photo: dict) -> dict:
    """Send a photograph through a data set's pipeline; one that renders crops is given what it would render."""
    steps = [step for step in dataset.get('pipeline', ()) if step.type not in ('LoadBackground', 'PackHandInputs')]
    if not steps:
        assert dataset.type == 'StudioDataset'
        steps = [
            dict(type='HandCrop', factor=dataset.get('factor', 1.25)),
            dict(type='WarpCrop', size=dataset.resolution),
        ]
    sample = dict(photo)
    for step in steps:
        sample = TRANSFORMS.build(step)(sample)
    return PackHandInputs()(sample)


def tight_box(photo: dict) -> tuple[float, ...]:
    low, high = photo['keypoints'][0].min(0), photo['keypoints'][0].max(0)
    return (*low.tolist(), *(high - low).tolist())


def known_of(infer: HandInferencer, photo: dict) -> dict:
    """What the crop of an inferencer needs to know of a labelled photograph."""
    known = dict(box=tight_box(photo))
    root = (
        *photo['keypoints'][0, infer.network.facts.crop.root_index].tolist(),
        float(photo['keypoints_cam'][0, infer.network.facts.crop.root_index, 2]),
    )
    if infer.network.facts.crop.rule in ('zb', 'cube'):
        known['root'] = root if infer.network.facts.crop.rule == 'cube' else root[:2]
    if hasattr(infer.network.model.head, 'codec') and hasattr(infer.network.model.head.codec, 'scale_bone'):
        known['camera'] = photo['camera']['K']
    return known


@pytest.mark.parametrize('path', CONFIGS, ids=str)
def test_inference_gives_the_prediction_of_the_test_pipeline(path, photo, checked, monkeypatch):
    cfg = Config.fromfile(ROOT / 'configs' / path)
    dataset = leaf_datasets(cfg, 'test_dataloader')[0][1]
    kind = kind_of(cfg, dataset)
    if student_config(cfg).model.get('modality', 'rgb') != 'rgb' or kind in checked:
        return
    checked.add(kind)
    shrink_unets(cfg)
    torch.manual_seed(0)
    monkeypatch.setattr('handkd.models.load_weights', lambda *args, **kwargs: None)
    if cfg.model.type == 'ViewSynthesizer' and 'head' not in cfg.model:
        with pytest.raises(ValueError, match='predicts views and no joints'):
            HandInferencer(cfg, 'none.pth', device='cpu')
        return
    infer = HandInferencer(cfg, 'none.pth', device='cpu')
    given, predict = [], infer.network.model.test_step
    monkeypatch.setattr(
        infer.network.model, 'test_step', lambda batch: given.append(batch) or given.append(predict(batch)) or given[-1]
    )
    hand = infer.one(photo['img'], **known_of(infer, photo))
    batch, (result,) = given
    expected = run_pipeline(dataset, photo)
    seen, shown = batch['inputs']['rgb'][0].int(), expected['inputs']['rgb'].int()
    assert (seen - shown).abs().max() <= 2 and (seen - shown).abs().float().mean() < 0.01
    check_way_back(hand, result, expected['data_samples'], infer, photo)


def check_way_back(hand: dict, result: PoseDataSample, sample: PoseDataSample, infer: HandInferencer, photo: dict):
    """Check that a result is what the network has predicted, taken back by what the test pipeline says of its crop."""
    pred = result.pred_instances
    if 'keypoints' in pred:
        linear, offset = sample.warp_matrix[:2, :2], sample.warp_matrix[:2, 2]
        pixels = (pred.keypoints[0] - offset) @ np.linalg.inv(linear).T
        np.testing.assert_allclose(hand['keypoints'], pixels, atol=0.01)
    if 'keypoints_xyz' in pred:
        joints = pred.keypoints_xyz[0] @ sample.camera['R']  # the photograph's own R is 1
        np.testing.assert_allclose(hand['keypoints_3d'], joints - joints[0], atol=1e-3)
        np.testing.assert_allclose(result.camera['K'], sample.camera['K'], rtol=1e-4)
        if 'keypoints' not in pred:
            low, high = hand['keypoints'].min(0), hand['keypoints'].max(0)
            assert (high - low).max() == pytest.approx(max(tight_box(photo)[2:]), rel=1e-3)
    assert ('keypoints_xyz' in pred) == (hand['keypoints_3d'] is not None)


def test_crops_equal_those_of_the_test_pipelines_for_the_same_box(photo):
    """To the last value, for every way of cropping in the configs, and the rule that none of them has."""
    photo = dict(photo, keypoints=photo['keypoints'].round())  # no sum of the box is rounded
    photo['bbox'] = np.add(tight_box(photo), (0, 0, *tight_box(photo)[:2])).astype(np.float32)[None]
    middle = JOINT_INDEX['middle_mcp']
    pixel, depth = photo['keypoints'][0, middle].astype(float), float(photo['keypoints_cam'][0, middle, 2])
    photo['hand_center'] = unproject(pixel, depth, photo['camera'])[None, None]
    kinds = {}
    configs = [Config.fromfile(ROOT / 'configs' / path) for path in CONFIGS]
    configs.append(make_config(dict(type='HandCrop', rule='box', factor=1.7), dict(type='WarpCrop', size=64, border=9)))
    for cfg in configs:
        steps = crop_steps(leaf_datasets(cfg, 'test_dataloader')[0][1])
        kinds[json.dumps(steps, default=str, sort_keys=True)] = (cfg, steps)
    for cfg, steps in kinds.values():
        crop, sample = crop_of(cfg), dict(photo)
        for step in steps:
            sample = TRANSFORMS.build(step)(sample)
        root = (*photo['keypoints'][0, crop.root_index].tolist(), float(photo['keypoints_cam'][0, crop.root_index, 2]))
        place = HandPlace(
            tight_box(photo), root=root if crop.rule in ('zb', 'cube') else None, camera=photo['camera']['K']
        )
        view = crop.cut(photo['img'], *crop.square(place, photo['img'].shape[:2]), place.camera)
        np.testing.assert_array_equal(view.pixels, sample['img'])
        np.testing.assert_allclose(view.camera['K'], sample['camera']['K'], rtol=1e-6)
    assert {crop_of(cfg).rule for cfg, _ in kinds.values()} == {*HandCrop.RULES}


def crop_steps(dataset: dict) -> list[dict]:
    """The transforms of a test pipeline that choose and cut a square; of the studio's crops those that do the same."""
    steps = [step for step in dataset.get('pipeline', ()) if step.type in ('HandCrop', 'WarpCrop', 'VirtualCamera')]
    return steps or [
        dict(type='HandCrop', factor=dataset.get('factor', 1.25)),
        dict(type='WarpCrop', size=dataset.resolution),
    ]


def test_the_studio_renders_what_inference_cuts():
    cfg = Config.fromfile(ROOT / 'configs/pmd/resnet18half_studio.py')
    crop = crop_of(cfg)
    full, rendered = (
        StudioDataset(**dict(FULL, crop_noise=None) | other).get_labels(7)
        for other in ({}, dict(resolution=crop.size, factor=1.25))
    )
    photo = np.zeros((320, 320, 3), np.uint8)
    square = crop.square(HandPlace(tight_box(full)), photo.shape[:2])
    matrix = crop.cut(photo, *square).matrix
    np.testing.assert_allclose(
        full['keypoints'][0] @ matrix[:2, :2].T + matrix[:2, 2], rendered['keypoints'][0], atol=1e-3
    )


def make_config(*steps: dict, **entries) -> Config:
    return Config(dict(test_dataloader=dict(dataset=dict(pipeline=[*steps])), model=NETWORK, **entries))


ZB = make_config(dict(type='HandCrop', rule='zb'), dict(type='WarpCrop', size=256, border=128))
CUBE = dict(type='HandCrop', rule='cube', cube=240.0)
VIRTUAL = make_config(CUBE, dict(type='VirtualCamera', size=64))


def test_a_zb_crop_from_the_box_alone_is_as_large_as_such_crops_are_on_average():
    crop, studio, ratios, shifts = crop_of(ZB), StudioDataset(**FULL, crop_noise=None), [], []
    for i in range(200):
        sample = studio.get_labels(i)
        box = tight_box(sample)
        center, side = crop.square(HandPlace(box), (320, 320))
        true = HandCrop('zb')(dict(sample, ori_shape=(320, 320)))['crop']
        ratios.append(true['side'] / side)
        shifts.append(np.abs(true['center'] - center).max() / max(box[2:]))
    assert np.mean(ratios) == pytest.approx(1, abs=0.05)
    assert np.mean(shifts) < 0.17
    assert crop.box_ratio == ZB_MARGIN


def test_a_zb_crop_around_the_known_joint_is_the_rule_itself(photo):
    crop = crop_of(ZB)
    joints = photo['keypoints'][0]
    center, side = crop.square(HandPlace(tight_box(photo), root=tuple(joints[9])), (320, 320))
    expected = zb_square(joints, np.ones(21, bool), (320, 320))
    np.testing.assert_allclose([*center, side], [*expected[0], expected[1]], rtol=1e-5)


def make_hand(position: tuple[float, ...], turned: bool) -> np.ndarray:
    """POSE, 90 mm a unit, its root at a position; or what a virtual camera that looks at the root sees as POSE."""
    pixel = project(np.array([position]), dict(K=INTRINSICS))[0]
    turn = turn_onto(pixel, 0.0, dict(K=INTRINSICS)) if turned else np.eye(3)
    return (POSE - POSE[9]) @ turn * 90 + position


@pytest.mark.parametrize('cut', ['WarpCrop', 'VirtualCamera'])
@pytest.mark.parametrize('position', [(10.0, 20.0, 500.0), (180.0, -120.0, 450.0)])
def test_a_cube_comes_from_the_root_or_from_box_and_scale(files, position, cut):  # noqa: F811 (fixture)
    infer = HandInferencer(make_config(CUBE, dict(type=cut, size=64)), files[1], device='cpu')
    hand = make_hand(position, turned=cut == 'VirtualCamera')
    pixels = project(hand, dict(K=INTRINSICS))
    image, seen = np.random.default_rng(0).integers(0, 256, (480, 640, 3), dtype=np.uint8), []
    infer.network.model.data_preprocessor.register_forward_pre_hook(
        lambda _, args: seen.append(args[0]['inputs']['rgb'][0])
    )
    box = tight_box(dict(keypoints=pixels[None]))
    for known, tolerance in (
        (dict(root=(*pixels[9], hand[9, 2])), 0.01),
        (dict(root=(*pixels[9], hand[9, 2]), box=box), 0.01),
        (dict(box=box), 1.0),
    ):
        found = infer.one(image, hand_scale_mm=90.0, camera=INTRINSICS, **known)
        np.testing.assert_allclose(found['keypoints'], pixels, atol=tolerance)
        np.testing.assert_allclose(found['keypoints_3d'], hand - hand[0], atol=10 * tolerance)
        assert found['box'] == known.get('box')
    assert len(seen) <= 2 + 5
    record = dict(img=image, keypoints=pixels[None], keypoints_cam=hand[None], camera=dict(K=INTRINSICS))
    shown = TRANSFORMS.build(dict(type=cut, size=64))(TRANSFORMS.build(CUBE)(record))['img']
    np.testing.assert_array_equal(seen[0].permute(1, 2, 0).numpy(), shown)
    smooth = [np.float32(picture).reshape(8, 8, 8, 8, 3).mean((1, 3)) for picture in (seen[-1].permute(1, 2, 0), shown)]
    np.testing.assert_allclose(*smooth, atol=12)


def test_an_image_that_is_a_cube_s_crop_already(files):  # noqa: F811 (fixture)
    infer = HandInferencer(VIRTUAL, files[1], device='cpu')
    camera = np.array([[600.0, 0, 119.5], [0, 600.0, 119.5], [0, 0, 1]])
    hand = infer.one(np.zeros((240, 240, 3), np.uint8), hand_scale_mm=90.0, camera=camera)
    expected = project((POSE - POSE[9]) * 90 + (0, 0, 600), dict(K=camera))  # 240 mm are 240 px at 600 mm
    np.testing.assert_allclose(hand['keypoints'], expected, atol=0.01)
    assert hand['box'] == (-0.5, -0.5, 240.0, 240.0)


def test_pixels_behind_a_virtual_camera_come_back():
    pixels = np.zeros((480, 640, 3), np.uint8)
    view = crop_of(VIRTUAL).cut(pixels, np.array([500.0, 90.0]), 200.0, INTRINSICS)
    assert view.matrix is None and view.pixels.shape == (64, 64, 3)
    points = np.random.default_rng(1).uniform(0, 64, (21, 2))
    rays = unproject(points, np.full(21, 400.0), view.camera)
    np.testing.assert_allclose(view.to_image(points), project(view.to_camera(rays), dict(K=INTRINSICS)), atol=1e-6)
    np.testing.assert_allclose(view.to_image(np.array([[31.5, 31.5]])), [[500.0, 90.0]], atol=1e-6)


@pytest.mark.parametrize(
    ('cfg', 'known', 'message'),
    [
        (VIRTUAL, dict(box=(1, 2, 30, 40)), 'virtual cameras turned onto the hand.*--camera FX,FY,CX,CY'),
        (make_config(CUBE, dict(type='WarpCrop')), dict(box=(1, 2, 30, 40)), 'metric cube.*--camera'),
        (VIRTUAL, dict(box=(1, 2, 30, 40), camera=INTRINSICS), 'depth of middle_mcp.*--root U,V,Z.*--hand-scale MM'),
        (VIRTUAL, dict(camera=INTRINSICS), 'depth of middle_mcp'),
        (VIRTUAL, dict(camera=INTRINSICS, root=(5, 6, 700)), 'depth of middle_mcp.*box or scale'),
        (VIRTUAL, dict(camera=INTRINSICS, root=(5, 6)), r'root must be \(u, v, z\) of middle_mcp, px and mm, found'),
        (VIRTUAL, dict(camera=INTRINSICS, root=(5, 6, -7)), 'root must be'),
        (ZB, dict(root=(5, 6, 7), box=(1, 2, 30, 40)), r'root must be \(u, v\) of middle_mcp in px'),
        (ZB, dict(root=(5, 6)), "root needs the hand's box"),
        (make_config(dict(type='HandCrop'), dict(type='WarpCrop')), dict(root=(5, 6)), "'zb' and 'cube'.*'square'"),
    ],
)
def test_what_a_crop_lacks_is_named(files, cfg, known, message):  # noqa: F811 (fixture)
    with pytest.raises(ValueError, match=message):
        HandInferencer(cfg, files[1], device='cpu').one(np.zeros((90, 120, 3), np.uint8), **known)


@pytest.mark.parametrize(
    ('steps', 'message'),
    [
        ([], r'test_dataloader.dataset.pipeline does not crop an image.*found \[\]'),
        ([dict(type='HandResize', size=64)], r"found \['HandResize'\]"),
        ([dict(type='HandCrop'), dict(type='WarpCrop'), dict(type='HandResize', size=64)], 'must choose a square'),
        ([dict(type='WarpCrop', size=64)], 'HandCrop'),
    ],
)
def test_a_pipeline_that_crops_nothing_is_refused(steps, message):
    with pytest.raises(ValueError, match=message):
        crop_of(make_config(*steps))
    with pytest.raises(ValueError, match='test_dataloader.dataset is missing'):
        crop_of(Config(dict(model=NETWORK)))


def test_a_pack_without_a_pipeline_of_its_own_shows_its_crops_with_their_margin():
    recipe = dict(source=dict(type='RHDDataset'), rule='square', factor=1.5, margin=1.2, size=80, border=7)
    dataset = dict(type='PackedHandDataset', recipe=recipe, pipeline=[dict(type='PackHandInputs')])
    crop = crop_of(Config(dict(test_dataloader=dict(dataset=dataset))))
    center, side = crop.square(HandPlace((10, 20, 100, 50)), (240, 320))
    np.testing.assert_allclose([*center, side], [60, 45, 180])
    assert (crop.size, crop.box_ratio) == (80, pytest.approx(1.8))
    image = np.random.default_rng(0).integers(0, 256, (240, 320, 3), dtype=np.uint8)
    choice = dict(center=center, side=side, rotation=0.0, flip=np.zeros(2, bool))
    expected = WarpCrop(size=80, border=7)(dict(img=image, crop=choice))['img']
    np.testing.assert_array_equal(crop.cut(image, center, side).pixels, expected)
