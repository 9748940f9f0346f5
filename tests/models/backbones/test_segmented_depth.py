import pytest
import torch
from torch.nn import functional as F

from handkd.models import CheckpointError, SegmentedDepth
from handkd.models.backbones.local_contrast import local_contrast
from handkd.models.subtracted_depth import subtracted_depth
from handkd.registry import MODELS

SEGMENTATION = dict(
    type='HandPoseEstimator',
    modality='depth',
    backbone=dict(type='DensePatchNet', channels=(4, 4, 4), hidden=(6, 6)),
    head=dict(type='PartSegmentationHead', in_channels=6),
)


@pytest.fixture
def checkpoint(tmp_path):
    torch.manual_seed(3)
    torch.save(dict(state_dict=MODELS.build(SEGMENTATION).state_dict()), tmp_path / 'parts.pth')
    return str(tmp_path / 'parts.pth')


@pytest.fixture
def images():
    images = torch.rand(2, 1, 48, 48, generator=torch.Generator().manual_seed(0)) * 2 - 1
    images[:, :, :10] = 1
    return images


def test_depth_is_normalised_and_halved(images):
    depth, parts, _ = SegmentedDepth()(images)
    assert parts is None
    normal = local_contrast(images)
    torch.testing.assert_close(depth, F.interpolate(normal, scale_factor=0.5, mode='area'))


def test_without_normalisation_depth_is_halved_alone_and_the_background_is_0(images):
    depth, _, added = SegmentedDepth(contrast=None)(images)
    torch.testing.assert_close(depth, F.interpolate(images, scale_factor=0.5, mode='area') - 1)
    assert not depth[:, :, :5].any() and added is None


def test_what_is_added_to_z_is_what_was_subtracted(images):
    assert torch.equal(SegmentedDepth()(images)[2], subtracted_depth(images, 'local', 9))
    assert torch.equal(SegmentedDepth(contrast=5)(images)[2], subtracted_depth(images, 'local', 5))
    for contrast in (9, None):
        found = SegmentedDepth(contrast=contrast, added='hand')(images)[2]
        assert torch.equal(found, subtracted_depth(images, 'hand'))
        assert SegmentedDepth(contrast=contrast, added='cube')(images)[2] is None
    with pytest.raises(ValueError, match=r"SegmentedDepth\(added=.*: there is no 'locl'; did you mean 'local'"):
        SegmentedDepth(added='locl')
    with pytest.raises(ValueError, match="added='local' needs the box of contrast, found None"):
        SegmentedDepth(contrast=None, added='local')


def test_parts_are_those_that_the_trained_network_predicts(images, checkpoint):
    net = SegmentedDepth(SEGMENTATION, checkpoint)
    net.init_weights()
    trained = MODELS.build(SEGMENTATION)
    trained.load_state_dict(torch.load(checkpoint)['state_dict'])
    depth, parts, _ = net.train()(images)
    expected = trained.head.part_map(trained.backbone(images))
    assert torch.equal(parts, expected) and not parts[:, :, :10].any() and (parts[:, :, 10:] > 0).all()
    assert not net.segmentation.training and not any(p.requires_grad for p in net.parameters())
    again = SegmentedDepth(SEGMENTATION)  # no file: the weights are in the whole network's checkpoint
    again.load_state_dict(net.state_dict())
    assert torch.equal(again(images)[1], parts)


def test_a_training_needs_a_checkpoint_that_fits(checkpoint):
    with pytest.raises(ValueError, match='has no checkpoint: train it first'):
        SegmentedDepth(SEGMENTATION).init_weights()
    with pytest.raises(ValueError, match='no segmentation network to go to'):
        SegmentedDepth(None, checkpoint)
    wider = SEGMENTATION | dict(backbone=dict(type='DensePatchNet', channels=(4, 4, 5), hidden=(6, 6)))
    with pytest.raises(CheckpointError, match='the segmentation network'):
        SegmentedDepth(wider, checkpoint).init_weights()
    SegmentedDepth().init_weights()  # nothing to load
