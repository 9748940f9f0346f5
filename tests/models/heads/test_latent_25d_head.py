"""Where a predicted 2.5D pose is in space, and what of the truth it takes for that."""

import copy

import numpy as np
import pytest
import torch
from mmengine.structures import InstanceData
from mmpose.structures import PoseDataSample

from handkd.evaluation import HandKeypointMetric
from handkd.geometry import unproject
from handkd.models import Latent25DHead

BONE = ('wrist', 'index_mcp')
CPU = torch.device('cpu')


@pytest.fixture
def head():
    codec = dict(type='Latent25D', input_size=64, root='wrist', scale_bone=BONE)
    return Latent25DHead(codec, dict(type='PoseL1Loss', depth_weight=0.5, loss_weight=2.0))


@pytest.fixture
def samples(seen_batch):
    return seen_batch['data_samples']


def truth_of(samples):
    return np.concatenate([sample.gt_instances.keypoints_cam for sample in samples]).astype(float)


def unlabel(sample, joint):
    valid = sample.gt_instances.keypoints_valid.copy()
    valid[0, joint] = 0
    sample.gt_instances.keypoints_valid = valid


def numpy_pose(sample):
    """(x, y, Z^r) of a sample's labels."""
    labels = sample.gt_instances
    joints, pixels = labels.keypoints_cam[0].astype(float), labels.keypoints[0].astype(float)
    behind = (joints[:, 2:] - joints[0, 2]) / np.linalg.norm(joints[5] - joints[0])
    return np.concatenate([(pixels + 0.5) / 32 - 1, behind], 1)


def test_the_target_and_the_loss_are_those_of_the_labelled_joints(head, samples):
    unlabel(samples[1], 20)
    unlabel(samples[3], 1)
    pose = torch.randn(4, 21, 3, generator=torch.Generator().manual_seed(0))
    target, valid = head.encode_samples(samples, CPU)
    expected = np.stack([numpy_pose(sample) for sample in samples])
    np.testing.assert_allclose(target, expected, atol=1e-5)
    assert (valid == 0).nonzero().tolist() == [[1, 20], [3, 1]]
    difference = abs(pose.numpy() - expected) * (1, 1, 0.5)
    difference[1, 20] = difference[3, 1] = 0
    assert head.joint_loss(pose, samples).item() == pytest.approx(2 * difference.sum() / 4, rel=1e-5)


def test_the_root_is_at_its_own_depth(head):
    pose = torch.randn(2, 21, 3, dtype=torch.bfloat16)
    kept = head.with_root(pose)
    expected = pose.float()
    expected[:, 0, 2] = 0
    assert kept.dtype == torch.float32 and torch.equal(kept, expected)
    assert '_behind_root' not in head.state_dict()


def test_in_space_it_has_the_true_depth_and_scale_and_a_gradient(head, samples):
    pose, _ = head.encode_samples(samples, CPU)
    np.testing.assert_allclose(head.in_space(pose, samples), truth_of(samples), atol=0.01)

    pose = (pose + 0.1 * torch.randn(pose.shape)).requires_grad_()
    joints = head.in_space(pose, samples)
    for i, (sample, truth) in enumerate(zip(samples, truth_of(samples))):
        one = pose[i].detach().double().numpy()
        depth = truth[0, 2] + np.linalg.norm(truth[5] - truth[0]) * one[:, 2]
        expected = unproject((one[:, :2] + 1) * 32 - 0.5, depth, sample.camera)
        np.testing.assert_allclose(joints[i].detach(), expected, atol=0.01)
    (gradient,) = torch.autograd.grad(joints.square().sum(), pose)
    assert (gradient != 0).all() and gradient.isfinite().all()


def test_joints_at_the_true_depth_and_scale_keep_the_roots_error_in_the_image(head, samples):
    pose, _ = head.encode_samples(samples, CPU)
    pose[..., 0] += 0.1  # 3.2 of 64 px
    joints = head.joints_of(pose, samples)['keypoints_cam_gt_depth'].numpy()
    for found, place, truth, sample in zip(joints, pose.double().numpy(), truth_of(samples), samples):
        expected = unproject((place[:, :2] + 1) * 32 - 0.5, truth[:, 2], sample.camera)
        np.testing.assert_allclose(found, expected, atol=0.05)
        assert np.linalg.norm(found[0] - truth[0]) > 10
    unlabel(samples[2], 5)  # its scale is not known
    again = head.joints_of(pose, samples)['keypoints_cam_gt_depth'].numpy()
    np.testing.assert_array_equal(again[[0, 1, 3]], joints[[0, 1, 3]])
    assert np.isnan(again[2]).all()


def test_a_perfect_pose_has_no_error_at_the_true_depth_and_scale(head, samples):
    pose, _ = head.encode_samples(samples, CPU)
    results = head.joints_of(pose, samples)
    for i, sample in enumerate(samples):
        sample.pred_instances = InstanceData(keypoints_xyz=results['keypoints_xyz'][i : i + 1].numpy())
    metric = HandKeypointMetric(root='wrist', scale='gt', scale_bone=BONE)
    metric.process({}, [sample.to_dict() for sample in samples])
    numbers = metric.evaluate(4)
    assert numbers['rel-wrist_gt-scale:wrist:index_mcp_21j/EPE_mean'] == pytest.approx(0, abs=0.01)
    np.testing.assert_allclose(results['keypoints'], [s.gt_instances.keypoints[0] for s in samples], atol=1e-4)


@pytest.mark.parametrize('index', range(4))
def test_a_perfect_pose_of_a_hand_of_mean_size_finds_its_place_without_the_truth(head, samples, index):
    sample = samples[index : index + 1]
    head.learn_bones(sample, CPU)
    pose, _ = head.encode_samples(sample, CPU)
    bare = PoseDataSample(metainfo=dict(camera=sample[0].camera))
    for known in (sample, [bare]):
        placed = head.joints_of(pose, known)['keypoints_cam']
        error = np.linalg.norm(placed - truth_of(sample), axis=-1)
        assert error.max() < 1


def test_the_place_in_space_has_nothing_of_the_truth_in_it(head, samples):
    head.learn_bones(samples, CPU)
    pose = head.with_root(torch.randn(4, 21, 3, generator=torch.Generator().manual_seed(0)) * 0.5)
    first = head.joints_of(pose, samples)
    others = copy.deepcopy(samples)
    for sample in others:
        labels = sample.gt_instances
        labels.keypoints_cam = labels.keypoints_cam * np.float32([1, 2, 0.5]) + np.float32([70, -30, 200])
        labels.keypoints = labels.keypoints[:, ::-1].copy()
    second = head.joints_of(pose, others)
    assert set(first) == set(second) == {'keypoints', 'keypoints_xyz', 'keypoints_cam', 'keypoints_cam_gt_depth'}
    assert torch.equal(first['keypoints_cam'], second['keypoints_cam'])
    assert torch.equal(first['keypoints'], second['keypoints'])
    assert not torch.allclose(first['keypoints_xyz'], second['keypoints_xyz'], atol=0.1)
    for results in (first, second):
        assert (results['keypoints_xyz'][:, 0] == 0).all()


def test_it_predicts_without_labels(head, samples):
    pose = head.encode_samples(samples, CPU)[0]
    head.learn_bones(samples, CPU)
    bare = [PoseDataSample(metainfo=dict(camera=sample.camera)) for sample in samples]
    results = head.joints_of(pose, bare)
    assert set(results) == {'keypoints', 'keypoints_xyz', 'keypoints_cam'}
    truth = truth_of(samples)
    scale = np.linalg.norm(truth[:, 5] - truth[:, 0], axis=-1)[:, None, None]
    np.testing.assert_allclose(results['keypoints_xyz'], (truth - truth[:, :1]) / scale, atol=1e-3)


@pytest.mark.parametrize('joint', [0, 5])
def test_a_hand_whose_root_or_scale_has_no_label_is_placed_as_one_without(head, samples, joint):
    pose = head.with_root(torch.randn(4, 21, 3, generator=torch.Generator().manual_seed(1)) * 0.5)
    labelled = head.joints_of(pose, samples)['keypoints_xyz']
    unlabel(samples[2], joint)
    bare = [PoseDataSample(metainfo=dict(camera=sample.camera)) for sample in samples]
    found, estimated = (head.joints_of(pose, known)['keypoints_xyz'] for known in (samples, bare))
    others = [0, 1, 3]
    assert torch.equal(found[2], estimated[2]) and torch.equal(found[others], labelled[others])
    assert not torch.allclose(labelled, estimated, atol=1e-2)


def test_a_network_that_was_not_trained_knows_no_millimetres(head, samples):
    pose, _ = head.encode_samples(samples, CPU)
    assert set(head.joints_of(pose, samples)) == {'keypoints', 'keypoints_xyz', 'keypoints_cam_gt_depth'}
    other = copy.deepcopy(head)
    head.learn_bones(samples, CPU)
    other.load_state_dict(head.state_dict())
    assert torch.equal(other.joints_of(pose, samples)['keypoints_cam'], head.joints_of(pose, samples)['keypoints_cam'])


def test_a_sample_without_a_camera_is_named(head, samples):
    pose, _ = head.encode_samples(samples, CPU)
    samples[2].set_metainfo(dict(camera=None))
    for call in (head.joints_of, head.in_space):
        with pytest.raises(ValueError, match='sample 2 has no camera.*PackHandInputs'):
            call(pose, samples)


@pytest.mark.parametrize('loss', ['PoseL1Loss', 'PoseSquaredLoss'])
def test_samples_with_2d_labels_alone_count_in_x_and_y(samples, loss):
    head = Latent25DHead(dict(type='Latent25D', input_size=64, root='wrist', scale_bone=BONE), dict(type=loss))
    pose = head.with_root(torch.randn(4, 21, 3, generator=torch.Generator().manual_seed(2))).requires_grad_()
    whole = head.joint_loss(pose, samples)
    truth = torch.tensor(np.stack([numpy_pose(sample) for sample in samples]), dtype=torch.float32)
    samples[0].set_metainfo(dict(absent=()))
    assert torch.equal(head.joint_loss(pose, samples), whole)
    for i, names in ((1, ('keypoints_cam',)), (2, ('keypoints', 'keypoints_cam'))):
        samples[i].set_metainfo(dict(absent=names))
        for name in names:
            delattr(samples[i].gt_instances, name)
    found = head.joint_loss(pose, samples)
    terms = (pose - truth).abs() if loss == 'PoseL1Loss' else (pose - truth).square()
    flat, deep = terms[..., :2].sum((1, 2)), terms[..., 2].sum(1)
    expected = flat[[0, 1, 3]].mean() + deep[[0, 3]].mean()
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(*(torch.autograd.grad(x, pose)[0] for x in (found, expected)), rtol=1e-4, atol=1e-4)
    head.learn_bones(samples, CPU)
    assert head.bones.count == 2
    none = head.joint_loss(pose[2:3], samples[2:3])
    assert none.item() == 0 and none.requires_grad
