import numpy as np
import pytest
import torch
from mmengine.structures import InstanceData
from mmpose.structures import PoseDataSample

from handkd.models.targets import stack_joints


def sample(value, **meta):
    one = PoseDataSample(metainfo=meta)
    one.gt_instances = InstanceData(
        keypoints_cam=np.full((1, 21, 3), value), keypoints_valid=np.full((1, 21), value > 1, np.float32)
    )
    return one


def test_samples_are_stacked_in_order():
    joints, valid = stack_joints([sample(1.0), sample(2.0)], torch.device('cpu'))
    assert joints.dtype == valid.dtype == torch.float32
    assert joints.shape == (2, 21, 3) and joints[:, 0, 0].tolist() == [1, 2] and valid[:, 5].tolist() == [0, 1]


@pytest.mark.parametrize(('meta', 'name'), [(dict(img_path='a.png'), r"'a\.png'"), (dict(img_id=17), '17')])
def test_the_sample_without_joints_is_named(meta, name):
    bad = PoseDataSample(metainfo=meta)
    bad.gt_instances = InstanceData(keypoints=np.zeros((1, 21, 2)))
    with pytest.raises(ValueError, match=f'{name} has no .keypoints_cam.*keypoints'):
        stack_joints([sample(1.0), bad], torch.device('cpu'))
