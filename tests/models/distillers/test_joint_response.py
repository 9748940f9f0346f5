import numpy as np
import pytest
import torch
from mmengine.structures import InstanceData
from mmpose.structures import PoseDataSample

from handkd.models.distillers import DistillContext, JointResponse
from handkd.models.heads.pmd_head import PMDPrediction


def context(student, teacher, samples=(), head=None):
    return DistillContext({'head': student}, {'big': {'head': teacher}}, {}, list(samples), head)


@pytest.mark.parametrize('norm', ['l1', 'l2'])
def test_the_distance_is_a_mean_over_joints_and_batch(norm):
    rng = np.random.default_rng(0)
    student, teacher = rng.normal(size=(2, 3, 4, 2))
    weights = np.float32([[1, 0, 1, 1], [0, 0, 1, 0], [1, 1, 1, 1]])
    samples = []
    for row in weights:
        sample = PoseDataSample()
        sample.gt_instances = InstanceData(keypoints_visible=row[None])
        samples.append(sample)
    power = 1 if norm == 'l1' else 2
    expected = (np.abs(student - teacher) ** power).sum(-1)
    pair = torch.tensor(student), torch.tensor(teacher)
    assert JointResponse('big', norm=norm)(context(*pair))['joints'].item() == pytest.approx(expected.mean(), rel=1e-5)
    weighted = JointResponse('big', norm=norm, weight=2.0, use_target_weight=True)(context(*pair, samples))['joints']
    assert weighted.item() == pytest.approx(2 * (expected * weights).mean(), rel=1e-5)


def test_the_pose_of_our_heads_is_read():
    class Head:
        @staticmethod
        def pose_of(output):
            return output.xyz

    student, teacher = (PMDPrediction(torch.full((2, 21, 3), value), torch.rand(2, 21, 3)) for value in (1.0, 3.0))
    assert JointResponse('big')(context(student, teacher, head=Head))['joints'] == 6


def test_joints_of_heads_with_heat_maps_or_deviations_are_read():
    rng = torch.Generator().manual_seed(0)
    student, teacher, maps = (torch.rand(2, 3, size, generator=rng) for size in (2, 2, 16))
    expected = JointResponse('big')(context(student, teacher))['joints']
    integral = [(joints, maps.view(2, 3, 4, 4)) for joints in (student, teacher)]
    rle = [torch.cat([joints, torch.rand(2, 3, 2, generator=rng)], 2) for joints in (student, teacher)]
    for pair in (integral, rle, (integral[0], rle[1])):
        assert JointResponse('big')(context(*pair))['joints'] == expected


def test_other_outputs_are_named():
    vectors = torch.zeros(2, 21, 8), torch.zeros(2, 21, 6)
    with pytest.raises(ValueError, match=r"gives \(\(2, 21, 8\), \(2, 21, 6\)\), and 'head' of 'big' .*SimCCResponse"):
        JointResponse('big')(context(vectors, vectors))
    with pytest.raises(ValueError, match=r"gives \(2, 21, 2\), and 'head' of 'big' \(2, 21, 3\), expected the same"):
        JointResponse('big')(context(torch.zeros(2, 21, 2), torch.zeros(2, 21, 3)))
    with pytest.raises(ValueError, match="there is no 'l3'"):
        JointResponse('big', norm='l3')
