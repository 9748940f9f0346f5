import pytest
import torch
from mmengine.structures import InstanceData
from mmpose.structures import PoseDataSample

from handkd.models.distillers import DistillContext, ResponseDistiller


class Difference(ResponseDistiller):
    def forward(self, context):
        student, teacher = self.outputs(context)[0]
        return dict(difference=self.weighted_mean(student - teacher, context))


def sample(weights, **meta):
    one = PoseDataSample(metainfo=meta)
    one.gt_instance_labels = InstanceData(keypoint_weights=torch.tensor([weights]))
    return one


@pytest.mark.parametrize(('use_target_weight', 'expected'), [(False, (0.5 * (1 + 2) + 3 + 4) / 4), (True, (1 + 4) / 4)])
def test_the_mean_has_the_weights_of_samples_and_if_asked_of_joints(use_target_weight, expected):
    samples = [sample([2.0, 0.0], loss_weight=0.5), sample([0.0, 1.0])]
    outputs = dict(out=torch.tensor([[1.0, 2.0], [3.0, 4.0]])), dict(big=dict(head=torch.zeros(2, 2)))
    distiller = Difference('big', 'out', 'head', weight=10.0, use_target_weight=use_target_weight)
    assert (distiller.student_taps, distiller.teacher_taps) == (('out',), dict(big=('head',)))
    assert distiller(DistillContext(*outputs, {}, samples))['difference'].item() == pytest.approx(10 * expected)
