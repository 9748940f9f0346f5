"""What the heads share whose joints are in the metric cube: joints in mm, truth, and the metric that measures them."""

import numpy as np
import pytest
import torch

from handkd.datasets.readers.nyu import NYU_EVALUATION, NYU_JOINTS, NYUDataset
from handkd.evaluation import HandKeypointMetric
from handkd.hand import JOINT_INDEX, PALM_PARTS
from handkd.models import JointCascadeHead, JointInceptionHead
from handkd.models.heads.cube_head import JOINT_SETS

BOTH = pytest.mark.parametrize('head_type', [JointInceptionHead, JointCascadeHead])


def head_of(head_type, **options):
    return head_type(dict(type='MetricCube', input_size=48), hidden=8, **options)


@BOTH
def test_joints_come_in_mm_from_the_cube_alone(head_type, cube_samples, cube_center):
    pose = torch.randn(4, 21, 3)
    for sample in cube_samples:
        del sample.gt_instances
    found = head_of(head_type).joints_of(pose, cube_samples)
    assert set(found) == {'keypoints_cam'}
    for i, sample in enumerate(cube_samples):
        expected = pose[i].numpy() * sample.depth_cube[1] / 2 + cube_center(sample)
        np.testing.assert_allclose(found['keypoints_cam'][i], expected, rtol=1e-4, atol=1e-3)


@BOTH
@pytest.mark.parametrize('joints', ['hand', 'nyu'])
def test_the_true_pose_is_measured_as_no_error(head_type, cube_samples, joints):
    head = head_of(head_type, joints=joints)
    target, valid = head.encode_samples(cube_samples, torch.device('cpu'))
    assert target.shape == (4, len(JOINT_SETS[joints].parts), 3) and (valid == 1).all()
    ((name, found),) = head.joints_of(target, cube_samples).items()
    truth = np.concatenate([sample.gt_instances[name] for sample in cube_samples])
    np.testing.assert_allclose(found, truth if joints == 'hand' else truth[:, NYU_EVALUATION], rtol=1e-4, atol=1e-3)


@BOTH
@pytest.mark.parametrize(('joints', 'key'), [('hand', 'keypoints_cam'), ('nyu', 'keypoints_cam_native')])
def test_the_metric_of_joints_measures_it_in_mm(head_type, cube_samples, joints, key):
    head, metric = (
        head_of(head_type, joints=joints),
        HandKeypointMetric(root=None, scale='pred', native=joints == 'nyu'),
    )
    metric.dataset_meta = NYUDataset.METAINFO
    target, _ = head.encode_samples(cube_samples, torch.device('cpu'))
    moved = head.joints_of(target, cube_samples)[key] + torch.tensor([3.0, 0.0, 4.0])
    pairs = zip(cube_samples, moved)
    metric.process(
        {},
        [
            dict(gt_instances=dict(sample.gt_instances.items()), pred_instances={key: pose[None].numpy()})
            for sample, pose in pairs
        ],
    )
    (error,) = (value for name, value in metric.compute_metrics(metric.results).items() if 'EPE_mean' in name)
    assert error == pytest.approx(5, abs=1e-3)


def test_nyus_14_joints_and_their_parts():
    parts, native = JOINT_SETS['nyu']
    assert native == NYU_EVALUATION and len(parts) == 14
    found = {NYU_JOINTS[index]: numbers for index, numbers in zip(native, parts)}
    finger = JOINT_INDEX['little_mcp']
    assert found['F1_KNU3_A'] == (finger + 3,)  # the tip's
    assert found['F1_KNU2_B'] == (finger + 1, finger + 2)  # the proximal and the middle one
    assert (found['TH_KNU3_A'], found['TH_KNU3_B'], found['TH_KNU2_B']) == ((4,), (3, 4), (2, 3))
    assert {found[f'PALM_{i}'] for i in (1, 2, 3)} == {PALM_PARTS}
    assert NYUDataset.METAINFO['native_evaluation'] == native


@BOTH
def test_bad_input_is_named(head_type, cube_samples):
    with pytest.raises(ValueError, match=rf"{head_type.__name__}\(joints=.*: there is no 'nyu14'.*nyu"):
        head_of(head_type, joints='nyu14')
    del cube_samples[2].depth_cube
    with pytest.raises(ValueError, match="sample 2 has no 'depth_cube'"):
        head_of(head_type).joints_of(torch.zeros(4, 21, 3), cube_samples)
    del cube_samples[1].gt_instances.keypoints_cam_native
    with pytest.raises(ValueError, match="sample 1 has no 'keypoints_cam_native'.*own joints"):
        head_of(head_type, joints='nyu').encode_samples(cube_samples, torch.device('cpu'))
