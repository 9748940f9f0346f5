import numpy as np
import pytest
import torch

from handkd.datasets.nyu import NYU_EVALUATION, NYU_JOINTS, NYUDataset
from handkd.evaluation import HandKeypointMetric
from handkd.geometry import unproject
from handkd.hand import JOINT_INDEX, JOINTS, PALM_PARTS
from handkd.models import JointInceptionHead
from handkd.models.heads.joint_inception_head import JOINT_SETS
from handkd.models.part_masks import part_masks

CODEC = dict(type='MetricCube', input_size=48)


@pytest.fixture
def cube_batch(seen_batch):
    """Samples with cameras, cubes and NYU's joints, and what SegmentedDepth gives of them."""
    rng = np.random.default_rng(1)
    for i, sample in enumerate(seen_batch['data_samples']):
        sample.set_metainfo(dict(depth_cube=(480.0 + 10 * i, 300.0 - 20 * i)))
        sample.gt_instances.keypoints_cam_native = rng.normal(size=(1, 36, 3)).astype(np.float32) * 60 + np.float32(
            [0, 0, 500]
        )
    parts = torch.from_numpy(rng.integers(0, 21, size=(4, 1, 12, 12)).astype(np.uint8))
    parts = parts.repeat_interleave(4, 2).repeat_interleave(4, 3)
    return seen_batch['data_samples'], (torch.randn(4, 1, 24, 24), parts)


def center_of(sample):
    return unproject(np.array([23.5, 23.5]), np.array(sample.depth_cube[0]), sample.camera)


def head_of(**options):
    torch.manual_seed(0)
    return JointInceptionHead(CODEC, hidden=8, **options)


def test_joints_come_in_mm_from_the_cube_alone(cube_batch):
    samples, _ = cube_batch
    pose = torch.randn(4, 21, 3)
    for sample in samples:
        del sample.gt_instances
    found = head_of().joints_of(pose, samples)
    assert set(found) == {'keypoints_cam'}
    for i, sample in enumerate(samples):
        expected = pose[i].numpy() * sample.depth_cube[1] / 2 + center_of(sample)
        np.testing.assert_allclose(found['keypoints_cam'][i], expected, rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize('joints', ['hand', 'nyu'])
def test_the_true_pose_is_measured_as_no_error(cube_batch, joints):
    samples, _ = cube_batch
    head = head_of(joints=joints)
    target, valid = head.encode_samples(samples, torch.device('cpu'))
    assert target.shape == (4, len(JOINT_SETS[joints].parts), 3) and (valid == 1).all()
    ((name, found),) = head.joints_of(target, samples).items()
    truth = np.concatenate([sample.gt_instances[name] for sample in samples])
    np.testing.assert_allclose(found, truth if joints == 'hand' else truth[:, NYU_EVALUATION], rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize(('joints', 'key'), [('hand', 'keypoints_cam'), ('nyu', 'keypoints_cam_native')])
def test_the_metric_of_joints_measures_it_in_mm(cube_batch, joints, key):
    samples, _ = cube_batch
    head, metric = head_of(joints=joints), HandKeypointMetric(root=None, scale='pred', native=joints == 'nyu')
    metric.dataset_meta = NYUDataset.METAINFO
    target, _ = head.encode_samples(samples, torch.device('cpu'))
    moved = head.joints_of(target, samples)[key] + torch.tensor([3.0, 0.0, 4.0])
    pairs = zip(samples, moved)
    metric.process(
        {},
        [
            dict(gt_instances=dict(sample.gt_instances.items()), pred_instances={key: pose[None].numpy()})
            for sample, pose in pairs
        ],
    )
    (error,) = (value for name, value in metric.compute_metrics(metric.results).items() if 'EPE_mean' in name)
    assert error == pytest.approx(5, abs=1e-3)


def test_the_loss_sums_squares_of_labelled_joints_and_counts_the_masks(cube_batch):
    samples, feats = cube_batch
    samples[0].gt_instances.keypoints_valid = np.isin(np.arange(21), (3, 4), invert=True)[None].astype(np.float32)
    feats[1][0] = 0  # nothing is found in one image
    head = head_of().eval()
    losses, pose = head.loss(feats, samples), head(feats).detach().numpy()
    squares = []
    for i, sample in enumerate(samples):
        labels = sample.gt_instances
        truth = (labels.keypoints_cam[0] - center_of(sample)) / (sample.depth_cube[1] / 2)
        squares.append((((pose[i] - truth) ** 2).sum(1) * labels.keypoints_valid[0]).sum())
    assert losses['loss_reg'].item() == pytest.approx(np.mean(squares), rel=1e-4)
    assert losses['masks_empty'] >= 1 / 4 and set(losses) == {'loss_reg', 'masks_unopened', 'masks_empty'}


def test_each_joint_sees_its_own_parts_and_without_a_map_all_of_the_depth(cube_batch):
    _, (depth, parts) = cube_batch
    head = head_of().eval()
    masks = part_masks(parts, head.table, 12).masks
    assert torch.equal(head((depth, parts)), head.networks(depth, masks))
    assert torch.equal(head((depth, None)), head.networks(depth, torch.ones_like(masks)))
    other = parts.clone()
    other[parts == 4] = 0  # the thumb's tip
    changed = (head((depth, other)) != head((depth, parts))).any(2).any(0)
    assert [JOINTS[j] for j in torch.nonzero(changed)[:, 0]] == ['thumb_ip', 'thumb_tip']


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


@pytest.mark.parametrize('joints', ['hand', 'nyu'])
@pytest.mark.parametrize('shared', [True, False])
def test_training_lowers_the_loss(cube_batch, joints, shared):
    samples, feats = cube_batch
    head = head_of(joints=joints, shared=shared)
    optimizer = torch.optim.Adam(head.parameters(), 0.02)
    history = []
    for _ in range(10):
        loss = head.loss(feats, samples)['loss_reg']
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        history.append(loss.item())
    assert history[-1] < 0.7 * history[0]


def test_bad_input_is_named(cube_batch):
    samples, (depth, parts) = cube_batch
    with pytest.raises(ValueError, match="no joints 'nyu14'.*nyu"):
        head_of(joints='nyu14')
    with pytest.raises(ValueError, match='opening must be odd, found 2'):
        head_of(opening=2)
    with pytest.raises(ValueError, match=r'found \(1, 12, 12\): the crop must have 48x48'):
        head_of()((depth[..., ::2, ::2], parts))
    del samples[2].depth_cube
    with pytest.raises(ValueError, match="sample 2 has no 'depth_cube'"):
        head_of().joints_of(torch.zeros(4, 21, 3), samples)
    del samples[1].gt_instances.keypoints_cam_native
    with pytest.raises(ValueError, match="sample 1 has no 'keypoints_cam_native'.*own joints"):
        head_of(joints='nyu').encode_samples(samples, torch.device('cpu'))
