import numpy as np
import pytest
import torch

from handkd.hand import JOINTS
from handkd.models import JointInceptionHead
from handkd.models.heads.part_masks import part_masks

CODEC = dict(type='MetricCube', input_size=48)


@pytest.fixture
def feats():
    """What SegmentedDepth gives of four images."""
    generator = torch.Generator().manual_seed(0)
    parts = torch.randint(21, (4, 1, 12, 12), dtype=torch.uint8, generator=generator)
    depth = torch.randn(4, 1, 24, 24, generator=generator)
    return depth, parts.repeat_interleave(4, 2).repeat_interleave(4, 3), torch.zeros(4, 1, 48, 48)


def head_of(**options):
    torch.manual_seed(0)
    return JointInceptionHead(CODEC, hidden=8, **options)


def test_the_loss_sums_squares_of_labelled_joints_and_counts_the_masks(cube_samples, cube_center, feats):
    samples = cube_samples
    samples[0].gt_instances.keypoints_valid = np.isin(np.arange(21), (3, 4), invert=True)[None].astype(np.float32)
    feats[1][0] = 0  # nothing is found in one image
    head = head_of().eval()
    losses, pose = head.loss(feats, samples), head(feats).detach().numpy()
    squares = []
    for i, sample in enumerate(samples):
        labels = sample.gt_instances
        truth = (labels.keypoints_cam[0] - cube_center(sample)) / (sample.depth_cube[1] / 2)
        squares.append((((pose[i] - truth) ** 2).sum(1) * labels.keypoints_valid[0]).sum())
    assert losses['loss_reg'].item() == pytest.approx(np.mean(squares), rel=1e-4)
    assert losses['masks_empty'] >= 1 / 4 and set(losses) == {'loss_reg', 'masks_unopened', 'masks_empty'}


def test_each_joint_sees_its_own_parts_and_without_a_map_all_of_the_depth(feats):
    depth, parts, added = feats
    head = head_of().eval()
    masks = part_masks(parts, head.table, 12).masks
    assert torch.equal(head((depth, parts, added)), head.networks(depth, masks))
    assert torch.equal(head((depth, None, added)), head.networks(depth, torch.ones_like(masks)))
    other = parts.clone()
    other[parts == 4] = 0  # the thumb's tip
    changed = (head((depth, other, added)) != head((depth, parts, added))).any(2).any(0)
    assert [JOINTS[j] for j in torch.nonzero(changed)[:, 0]] == ['thumb_ip', 'thumb_tip']


@pytest.mark.parametrize('with_parts', [True, False])
def test_the_subtracted_depth_is_added_to_z_where_a_joint_is_predicted(feats, with_parts):
    depth, parts, _ = feats
    parts = parts if with_parts else None
    head = head_of().eval()
    v, u = torch.meshgrid(torch.arange(48.0), torch.arange(48.0), indexing='ij')
    ramp = (0.3 * (u - 23.5) / 24 - 0.2 * (v - 23.5) / 24 + 0.1).expand(4, 1, 48, 48)
    alone, found = head((depth, parts, None)), head((depth, parts, ramp))
    edge = 47 / 48  # beyond the outermost pixels' centres they go on as they are
    x, y = alone[..., 0].clamp(-edge, edge), alone[..., 1].clamp(-edge, edge)
    assert torch.equal(found[..., :2], alone[..., :2])
    torch.testing.assert_close(found[..., 2], alone[..., 2] + 0.3 * x - 0.2 * y + 0.1)


@pytest.mark.parametrize('joints', ['hand', 'nyu'])
@pytest.mark.parametrize('shared', [True, False])
def test_training_lowers_the_loss(cube_samples, feats, joints, shared):
    head = head_of(joints=joints, shared=shared)
    optimizer = torch.optim.Adam(head.parameters(), 0.02)
    history = []
    for _ in range(10):
        loss = head.loss(feats, cube_samples)['loss_reg']
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        history.append(loss.item())
    assert history[-1] < 0.7 * history[0]


def test_bad_input_is_named(feats):
    depth, parts, added = feats
    with pytest.raises(ValueError, match='opening must be odd, found 2'):
        head_of(opening=2)
    with pytest.raises(ValueError, match=r'found \(1, 12, 12\): the crop must have 48x48'):
        head_of()((depth[..., ::2, ::2], parts, added))
