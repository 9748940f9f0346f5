import copy

import numpy as np
import pytest
import torch

from handkd.models.heads import Heatmap25DHead
from handkd.models.heads.heatmap_25d_head import soft_pose
from handkd.registry import MODELS

CODEC = dict(type='Latent25D', input_size=64)
LOSS = dict(type='PoseL1Loss', depth_weight=0.3)


def seeded(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def loop_pose(maps: np.ndarray, beta: np.ndarray) -> np.ndarray:
    """Iqbal et al. 2018, cell by cell: (x, y, Z^r) as the mean under the softmax of beta times a map."""
    batch, double, height, width = maps.shape
    pose = np.zeros((batch, double // 2, 3))
    for b in range(batch):
        for k in range(double // 2):
            weights = {
                (row, col): np.exp(beta[k] * maps[b, k, row, col]) for row in range(height) for col in range(width)
            }
            total = sum(weights.values())
            for (row, col), weight in weights.items():
                place = ((col + 0.5) / width * 2 - 1, (row + 0.5) / height * 2 - 1)
                pose[b, k] += weight / total * np.array([*place, maps[b, double // 2 + k, row, col]])
    return pose


def test_poses_are_means_under_a_softmax():
    maps, beta = seeded(2, 42, 3, 5), torch.linspace(0.5, 12, 21)
    found = soft_pose(maps, beta)
    np.testing.assert_allclose(found, loop_pose(maps.double().numpy(), beta.numpy()), atol=1e-5)
    assert soft_pose(maps.bfloat16(), beta).dtype == torch.float32


@pytest.mark.parametrize(('row', 'col'), [(0, 0), (3, 9), (7, 15)])
def test_one_high_cell_is_its_centre_and_its_depth(row, col):
    maps = torch.zeros(1, 42, 8, 16)
    maps[0, 4, row, col] = 50
    maps[0, 21 + 4, row, col] = -1.5
    pose = soft_pose(maps, torch.full((21,), 10.0))
    expected = torch.tensor([(col + 0.5) / 8 - 1, (row + 0.5) / 4 - 1, -1.5])
    torch.testing.assert_close(pose[0, 4], expected)
    torch.testing.assert_close(pose[0, 5], torch.zeros(3), atol=1e-6, rtol=0)
    head = Heatmap25DHead(dict(CODEC, input_size=128), loss=LOSS)
    pixel = head.codec.pixels(pose)[0, 4]  # a cell of the map is 8 px wide and 16 high
    torch.testing.assert_close(pixel, torch.tensor([8 * col + 3.5, 16 * row + 7.5]), atol=1e-4, rtol=0)


def test_temperatures_are_learned_and_each_joint_has_its_own():
    head = Heatmap25DHead(CODEC, num_stages=2, loss=LOSS)
    assert head.beta.shape == (2, 21) and (head.beta == 10).all()
    maps = seeded(1, 42, 4, 4)
    head([maps, maps])[0][0, 3, 0].backward()
    assert head.beta.grad.nonzero().tolist() == [[0, 3]]


def test_the_default_temperature_moves_predictions_of_an_untrained_network_off_the_centre():
    torch.manual_seed(0)
    network = MODELS.build(dict(type='HandUNet', channels=8, num_convs=1, strided=True))
    with torch.no_grad():
        maps = network(seeded(8, 3, 64, 64))
    spread = {}
    for beta in (1.0, 10.0):
        (pose,) = Heatmap25DHead(CODEC, beta=beta, loss=LOSS)(maps)
        spread[beta] = pose[..., :2].std(0).mean().item()
    assert spread[1.0] < 0.05 and spread[10.0] > 0.1


def test_each_stage_has_a_pose_whose_root_is_at_depth_0():
    head = Heatmap25DHead(CODEC, num_stages=2, loss=LOSS)
    stages = (seeded(2, 42, 4, 4), seeded(2, 42, 4, 4, seed=1))
    poses = head(stages)
    for pose, maps in zip(poses, stages):
        expected = soft_pose(maps, torch.full((21,), 10.0))
        assert (expected[:, 0, 2] != 0).all() and (pose[:, 0, 2] == 0).all()
        expected[:, 0, 2] = 0
        assert torch.equal(pose, expected)
    assert head.pose_of(poses) is poses[1]


def test_every_stage_has_its_loss_and_the_hands_are_learned_once(seen_batch):
    samples = seen_batch['data_samples']
    head = Heatmap25DHead(CODEC, num_stages=3, loss=LOSS)
    stages = [seeded(4, 42, 4, 4, seed=i) for i in range(3)]
    losses = head.loss(stages, samples)
    assert set(losses) == {'loss_reg', 'loss_reg_stage1', 'loss_reg_stage2'}
    for name, pose in zip(('loss_reg_stage1', 'loss_reg_stage2', 'loss_reg'), head(stages)):
        assert losses[name].item() == pytest.approx(head.joint_loss(pose, samples).item())
    assert head.bones.count == 4
    alone = Heatmap25DHead(CODEC, loss=LOSS)
    assert alone.loss(stages[2:], samples).keys() == {'loss_reg'}


def test_the_last_stage_is_the_prediction(seen_batch):
    head = Heatmap25DHead(CODEC, num_stages=2, loss=LOSS)
    stages = [seeded(4, 42, 4, 4, seed=i) for i in range(2)]
    results = head.predict(stages, seen_batch['data_samples'])
    torch.testing.assert_close(results['keypoints'], head.codec.pixels(head(stages)[1]))


@pytest.mark.parametrize('shapes', [[(1, 42, 4, 4)], [(1, 42, 4, 4), (1, 21, 4, 4)], [(1, 42, 4, 4)] * 3])
def test_maps_of_another_number_are_refused(shapes):
    head = Heatmap25DHead(CODEC, num_stages=2, loss=LOSS)
    with pytest.raises(ValueError, match=r'takes 42 maps of 2 stages, found \[\(1, 42, 4, 4\).*num_stages must fit'):
        head([torch.zeros(shape) for shape in shapes])


def test_there_is_at_least_one_stage():
    with pytest.raises(ValueError, match='num_stages must be at least 1, found 0'):
        Heatmap25DHead(CODEC, num_stages=0)


def test_a_network_learns_and_predicts(seen_batch):
    torch.manual_seed(0)
    network = MODELS.build(
        dict(
            type='HandPoseEstimator',
            backbone=dict(type='HandUNet', channels=4, num_convs=1, strided=True, num_stages=2),
            head=dict(type='Heatmap25DHead', codec=CODEC, num_stages=2, loss=LOSS),
        )
    )
    data = network.data_preprocessor(copy.deepcopy(seen_batch), True)
    optimizer = torch.optim.Adam(network.parameters(), 0.02)
    totals = []
    for _ in range(8):
        optimizer.zero_grad()
        total = sum(network.train()(**data, mode='loss').values())
        total.backward()
        optimizer.step()
        totals.append(total.item())
    assert totals[-1] < 0.8 * totals[0]
    assert network.head.beta.grad.abs().min() > 0
    for sample in network.eval().test_step(seen_batch):
        assert sample.pred_instances.keypoints_cam.shape == (1, 21, 3)
        assert sample.pred_instances.keypoints.shape == (1, 21, 2)
