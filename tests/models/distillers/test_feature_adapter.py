import pytest
import torch
from mmpose.models.losses import FeaLoss

from handkd.models.distillers import DistillContext, FeatureAdapter, FeatureMimic


@pytest.mark.parametrize('channels', [4, 6])
def test_dwposes_feature_loss_is_mmposes(channels):
    """The same weights, value and gradients as the first stage of MMPose's DWPoseDistiller."""
    torch.manual_seed(0)
    student, teacher = torch.randn(3, channels, 5, 4, requires_grad=True), torch.randn(3, 6, 5, 4)
    theirs = FeaLoss('loss_fea', True, channels, 6, alpha_fea=0.01)
    adapter = dict(type='FeatureAdapter', in_channels=channels, out_channels=6)
    ours = FeatureMimic('backbone', teacher='big', norm='l2', weight=0.01, adapter=adapter)
    if channels != 6:
        ours.adapter.conv.load_state_dict(theirs.align.state_dict())
    value = ours(DistillContext({'backbone': (student,)}, {'big': {'backbone': (teacher,)}}, {}, []))['mimic']
    expected = theirs(student, teacher)
    torch.testing.assert_close(value, expected)
    first, second = (
        torch.autograd.grad(loss, [student, *part.parameters()]) for loss, part in ((value, ours), (expected, theirs))
    )
    for own, other in zip(first, second, strict=True):
        torch.testing.assert_close(own, other)


def test_a_linear_map_of_the_crop_is_the_same_in_another_size():
    ramp = (torch.arange(8) + 0.5) / 8
    for size in ((4, 4), (16, 16)):
        adapted = FeatureAdapter(1, 1)(ramp.expand(1, 1, 8, 8), torch.zeros(1, 1, *size))
        expected = (torch.arange(size[1]) + 0.5) / size[1]
        torch.testing.assert_close(adapted[..., 2:-2], expected.expand(1, 1, *size)[..., 2:-2], rtol=0, atol=1e-2)


def test_vectors_and_a_normalisation():
    torch.manual_seed(0)
    adapter = FeatureAdapter(3, 5, norm_cfg=dict(type='BN'))
    adapted = adapter(torch.randn(8, 3), torch.zeros(8, 5))
    torch.testing.assert_close(adapted.mean(0), torch.zeros(5), rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    ('student', 'teacher', 'message'),
    [
        ((2, 8, 4, 4), (2, 16, 4, 4), "have 8 channels and the teacher's 16: set in_channels=8, out_channels=16"),
        ((2, 3, 4, 4), (2, 5), r'are \(2, 3, 4, 4\) and the teacher\'s \(2, 5\), expected two maps'),
        ((2, 3, 4), (2, 5, 4), 'expected two maps'),
    ],
)
def test_other_shapes_are_named(student, teacher, message):
    with pytest.raises(ValueError, match=message):
        FeatureAdapter(3, 5)(torch.zeros(student), torch.zeros(teacher))
