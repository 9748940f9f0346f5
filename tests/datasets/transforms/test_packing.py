"""What a packed sample holds."""

import numpy as np
import pytest
import torch
from mmpose.structures import PoseDataSample

from handkd.datasets.transforms import HandCrop, PackHandInputs
from handkd.registry import TRANSFORMS


def test_inputs(make_sample):
    sample = make_sample()
    packed = PackHandInputs(('rgb', 'depth'))(dict(sample))
    rgb, depth = packed['inputs']['rgb'], packed['inputs']['depth']
    assert list(packed['inputs']) == ['rgb', 'depth']
    assert (rgb.dtype, rgb.shape) == (torch.uint8, (3, 49, 65))
    assert (depth.dtype, depth.shape) == (torch.float32, (1, 49, 65))
    np.testing.assert_array_equal(rgb.numpy(), sample['img'].transpose(2, 0, 1))
    np.testing.assert_array_equal(depth[0].numpy(), sample['depth'])
    assert list(PackHandInputs()(dict(sample))['inputs']) == ['rgb']


def test_labels_and_meta_information(make_sample):
    sample = make_sample(2)
    labels = PackHandInputs()(dict(sample))['data_samples']
    assert isinstance(labels, PoseDataSample)
    assert len(labels.gt_instances) == 1
    for key in ('keypoints', 'keypoints_cam', 'keypoints_visible'):
        np.testing.assert_array_equal(labels.gt_instances[key], sample[key])
    np.testing.assert_array_equal(labels.gt_instances.bboxes, sample['bbox'])
    np.testing.assert_array_equal(labels.gt_instances.keypoints_valid, np.ones((1, 21)))
    meta = labels.metainfo
    assert meta['img_id'] == 2 and meta['hand_side'] == sample['hand_side'] and meta['img_shape'] == (49, 65)
    np.testing.assert_array_equal(meta['camera']['K'], sample['camera']['K'])
    assert 'img_path' not in meta and 'gt_fields' not in labels
    both = PackHandInputs()(dict(sample, hand_type='interacting'))['data_samples']
    assert both.hand_type == 'interacting' and 'hand_type' not in meta
    assert PackHandInputs(meta_keys=('img_id',))(dict(sample))['data_samples'].metainfo == dict(img_id=2)


def test_a_joint_without_a_label_is_masked(make_sample):
    sample = make_sample()
    sample['keypoints_cam'][0, 20] = np.nan
    sample['keypoints_visible'][0, 20] = 0
    labels = PackHandInputs()(sample)['data_samples'].gt_instances
    assert labels.keypoints_valid[0, 20] == 0 and labels.keypoints_valid.sum() == 20
    assert np.isfinite(labels.keypoints_cam).all()


def test_fields(make_sample):
    sample = make_sample()
    fields = PackHandInputs(fields=('hand_mask', 'part_seg'))(dict(sample))['data_samples'].gt_fields
    assert fields.hand_mask.dtype == torch.bool and fields.part_seg.dtype == torch.uint8
    for key in ('hand_mask', 'part_seg'):
        np.testing.assert_array_equal(getattr(fields, key)[0].numpy(), sample[key])
    del sample['hand_mask']
    with pytest.raises(ValueError, match="needs 'hand_mask'.*HandMaskFromDepth"):
        PackHandInputs(fields=('hand_mask',))(sample)


def test_a_picture_without_labels():
    packed = PackHandInputs()(dict(img=np.zeros((8, 8, 3), np.uint8)))
    assert 'keypoints' not in packed['data_samples'].gt_instances


def test_turned_images_are_copied():
    image = np.random.default_rng(0).integers(0, 256, (6, 8, 3), dtype=np.uint8)[:, ::-1]
    np.testing.assert_array_equal(PackHandInputs()(dict(img=image))['inputs']['rgb'].permute(1, 2, 0), image)


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (dict(depth=None), r"PackHandInputs needs 'depth', but sample \(img_id 5\) has none: .*modalities"),
        (dict(img=np.zeros((4, 4), np.uint8)), r"'img' must be \(H, W, 3\) uint8, found \(4, 4\) uint8"),
        (dict(img=np.zeros((4, 4, 3), np.float32)), r'found \(4, 4, 3\) float32'),
        (dict(depth=np.zeros((4, 4))), r"'depth' must be \(H, W\) float32, found \(4, 4\) float64"),
        (dict(keypoints=np.full((1, 21, 2), np.nan)), "'keypoints' is not finite at wrist, thumb_cmc"),
    ],
)
def test_bad_samples(make_sample, change, message):
    with pytest.raises(ValueError, match=message):
        PackHandInputs(('rgb', 'depth'))(dict(make_sample(5), **change))


def test_a_crop_must_have_been_cut(make_sample):
    with pytest.raises(ValueError, match='put WarpCrop after it'):
        PackHandInputs()(HandCrop()(make_sample()))


@pytest.mark.parametrize(
    ('settings', 'message'),
    [
        (dict(modalities=('deph',)), "no 'deph'; did you mean 'depth'"),
        (dict(modalities='rgb'), 'must be a tuple'),
        (dict(modalities=()), 'must be a tuple'),
        (dict(fields=('hand_msk',)), "did you mean 'hand_mask'"),
    ],
)
def test_bad_settings(settings, message):
    with pytest.raises(ValueError, match=message):
        PackHandInputs(**settings)


@pytest.mark.parametrize(
    ('name', 'settings'),
    [
        ('HandCrop', dict(rule='zb')),
        ('RandomCropNoise', dict(scale=[1.0, 1.2])),
        ('WarpCrop', dict(size=64)),
        ('RandomHandFlip', dict(horizontal=0.5)),
        ('HandResize', dict(size=[64, 48])),
        ('PhotometricJitter', {}),
        ('RandomBlockReplacement', dict(block=14)),
        ('DepthToCube', {}),
        ('HandMaskFromDepth', {}),
        ('PackHandInputs', dict(modalities=['rgb', 'depth'])),
    ],
)
def test_every_transform_is_built_by_name(name, settings):
    assert type(TRANSFORMS.build(dict(type=name, **settings))).__name__ == name


def test_a_data_sets_own_joints(make_sample):
    native = dict(
        keypoints_native=np.ones((1, 36, 2), np.float32), keypoints_cam_native=np.ones((1, 36, 3), np.float32)
    )
    labels = PackHandInputs()(make_sample() | native)['data_samples'].gt_instances
    assert len(labels) == 1
    for key, value in native.items():
        np.testing.assert_array_equal(labels[key], value)
    assert 'keypoints_native' not in PackHandInputs()(make_sample())['data_samples'].gt_instances


def test_the_sample_is_what_mmengine_makes_of_it(make_sample):
    packed = PackHandInputs(fields=('hand_mask',))(make_sample())['data_samples']
    by_hand = PoseDataSample()
    by_hand.gt_instances, by_hand.gt_fields = packed.gt_instances, packed.gt_fields
    assert set(packed.to_dict()) - set(packed.metainfo_keys()) == set(by_hand.to_dict())
    assert set(packed.keys()) == set(by_hand.keys()) == {'gt_instances', 'gt_fields'}
    assert 'gt_instances' in packed.new() and 'keypoints' in packed.clone().gt_instances
