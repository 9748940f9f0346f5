import numpy as np
import pytest
import torch
from mmengine.structures import InstanceData, PixelData
from mmpose.structures import PoseDataSample

from handkd.models.targets import (
    labelled_samples,
    stack_cameras,
    stack_cubes,
    stack_joint_weights,
    stack_joints,
    stack_keypoints,
    stack_known_joints,
    stack_native_joints,
    stack_parts,
    stack_rotations,
    stack_sides,
)

CPU = torch.device('cpu')


def sample(value, **meta):
    one = PoseDataSample(metainfo=meta)
    one.gt_instances = InstanceData(
        keypoints_cam=np.full((1, 21, 3), value), keypoints_valid=np.full((1, 21), value > 1, np.float32)
    )
    return one


def test_samples_are_stacked_in_order():
    joints, valid = stack_joints([sample(1.0), sample(2.0)], CPU)
    assert joints.dtype == valid.dtype == torch.float32
    assert joints.shape == (2, 21, 3) and joints[:, 0, 0].tolist() == [1, 2] and valid[:, 5].tolist() == [0, 1]


@pytest.mark.parametrize(('meta', 'name'), [(dict(img_path='a.png'), r"'a\.png'"), (dict(img_id=17), '17')])
def test_the_sample_without_joints_is_named(meta, name):
    bad = PoseDataSample(metainfo=meta)
    bad.gt_instances = InstanceData(keypoints=np.zeros((1, 21, 2)))
    with pytest.raises(ValueError, match=f'{name} has no .keypoints_cam.*keypoints'):
        stack_joints([sample(1.0), bad], CPU)


def seen(index, **meta):
    return PoseDataSample(metainfo=dict(img_id=index, **meta))


def test_cameras_are_stacked_and_those_without_a_lens_have_none():
    one, other = np.eye(3) * 2, np.eye(3)
    cameras = stack_cameras([seen(0, camera=dict(K=one)), seen(1, camera=dict(K=other, dist=None))], CPU)
    assert cameras.dist is None
    np.testing.assert_array_equal(cameras.intrinsics, [one, other])
    lens = np.array([0.1, -0.2, 0.3, -0.4, 0.5])
    cameras = stack_cameras([seen(0, camera=dict(K=one)), seen(1, camera=dict(K=other, dist=lens))], CPU)
    np.testing.assert_array_equal(cameras.dist, np.float32([np.zeros(5), lens]))
    assert cameras.intrinsics.dtype == cameras.dist.dtype == torch.float32


@pytest.mark.parametrize('meta', [{}, dict(camera=None)])
def test_the_sample_without_a_camera_is_named(meta):
    with pytest.raises(ValueError, match='sample 7 has no camera.*intrinsics of the crop.*PackHandInputs'):
        stack_cameras([seen(1, camera=dict(K=np.eye(3))), seen(7, **meta)], CPU)


def test_left_hands_are_told_from_right_ones():
    sides = stack_sides([seen(0, hand_side='left'), seen(1, hand_side='right')], CPU)
    assert sides.dtype == torch.bool and sides.tolist() == [True, False]


@pytest.mark.parametrize(('meta', 'found'), [({}, 'None'), (dict(hand_side='lefft'), 'lefft')])
def test_the_sample_without_a_side_is_named(meta, found):
    with pytest.raises(ValueError, match=f"sample 7 must have 'hand_side' 'left' or 'right'.*{found}"):
        stack_sides([seen(1, hand_side='left'), seen(7, **meta)], CPU)


def test_cubes_parts_and_native_joints_are_stacked_in_order():
    samples = []
    for i in range(3):
        one = seen(i, depth_cube=(500.0 + i, 300.0))
        one.gt_fields = PixelData(part_seg=torch.full((1, 4, 6), i, dtype=torch.uint8))
        one.gt_instances = InstanceData(keypoints_cam_native=np.full((1, 36, 3), i))
        samples.append(one)
    depth, edge = stack_cubes(samples, CPU)
    assert depth.tolist() == [500, 501, 502] and edge.tolist() == [300] * 3 and depth.dtype == torch.float32
    parts = stack_parts(samples, (4, 6), CPU)
    assert parts.shape == (3, 4, 6) and parts.dtype == torch.uint8 and parts[:, 1, 2].tolist() == [0, 1, 2]
    joints, valid = stack_native_joints(samples, CPU)
    assert joints.shape == (3, 36, 3) and joints[:, 9, 1].tolist() == [0, 1, 2]
    assert valid.shape == (3, 36) and (valid == 1).all()


def test_rotations_are_stacked_and_the_sample_without_one_is_named():
    first, second = np.eye(3), np.diag([1.0, -1.0, -1.0])
    rotations = stack_rotations([seen(0, camera=dict(R=first)), seen(1, camera=dict(R=second))], CPU)
    assert rotations.dtype == torch.float32
    np.testing.assert_array_equal(rotations, [first, second])
    for meta in ({}, dict(camera=None), dict(camera=dict(K=first)), dict(camera=dict(R=None))):
        with pytest.raises(ValueError, match="sample 7 has no camera with 'R'.*PackHandInputs"):
            stack_rotations([seen(1, camera=dict(R=first)), seen(7, **meta)], CPU)


def test_labelled_samples_are_those_that_say_so():
    assert labelled_samples([seen(i, labelled=i in (1, 3)) for i in range(4)]) == [1, 3]
    with pytest.raises(ValueError, match="sample 7 has no 'labelled' in its meta information"):
        labelled_samples([seen(1, labelled=True), seen(7)])


def test_samples_that_may_lack_joints_in_space_have_zeros_without_validity(batch):
    samples = batch['data_samples']
    expected, _ = stack_joints(samples, CPU)
    assert torch.equal(stack_known_joints(samples, CPU)[0], expected)
    for i in (0, 2):
        samples[i].set_metainfo(dict(absent=('keypoints_cam',)))
        del samples[i].gt_instances.keypoints_cam
    joints, valid = stack_known_joints(samples, CPU)
    assert torch.equal(joints[[1, 3]], expected[[1, 3]]) and not joints[[0, 2]].any()
    assert valid.all(1).tolist() == [False, True, False, True] and not valid[[0, 2]].any()


def test_invisible_joints_count_on_request(batch):
    batch['data_samples'][1].gt_instances.keypoints_visible = np.zeros((1, 21), np.float32)
    counts = [stack_keypoints(batch['data_samples'], CPU, flag)[1][1].sum() for flag in (True, False)]
    assert counts == [0, 21]


def test_weights_of_joints_are_those_of_the_codec_or_of_the_labels():
    encoded, valid, visible, nothing = (PoseDataSample(metainfo=dict(img_id=i)) for i in range(4))
    encoded.gt_instances = InstanceData(keypoints_valid=np.ones((1, 3)))
    encoded.gt_instance_labels = InstanceData(keypoint_weights=torch.tensor([[0.5, 0.0, 2.0]]))
    valid.gt_instances = InstanceData(keypoints_valid=np.float32([[1, 0, 1]]), keypoints_visible=np.zeros((1, 3)))
    visible.gt_instances = InstanceData(keypoints_visible=np.float32([[0, 1, 1]]))
    weights = stack_joint_weights([encoded, valid, visible], CPU)
    assert weights.dtype == torch.float32 and weights.tolist() == [[0.5, 0.0, 2.0], [1.0, 0.0, 1.0], [0.0, 1.0, 1.0]]
    with pytest.raises(ValueError, match="sample 3 has neither 'keypoint_weights' among .* use_target_weight=False"):
        stack_joint_weights([nothing], CPU)
