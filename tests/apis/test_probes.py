"""Linear maps find what is in a representation, and nothing else."""

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.structures import InstanceData
from mmpose.structures import PoseDataSample
from torch import nn

from handkd.apis.probes import HELD_OUT, STRENGTHS, _build_untrained, find_others, fit_linear, probe_table
from handkd.apis.trained import TrainedNetwork
from handkd.datasets import ReproducibleDataset
from handkd.datasets.views import Captures
from handkd.evaluation import n_mpjpe
from handkd.models.backbones import Latents
from handkd.registry import DATASETS, MODELS


def hidden_pack(results):
    sample = PoseDataSample(metainfo=dict(img_id=results['img_id']))
    sample.gt_instances = InstanceData(
        keypoints_cam=results['joints'].astype(np.float32), keypoints_valid=results['valid']
    )
    return dict(inputs=dict(rgb=torch.from_numpy(results['img'])), data_samples=sample)


@DATASETS.register_module()
class WrittenHands(ReproducibleDataset):
    """Images whose pixels are the pose itself; every tenth hand, or another share, lacks the label of a joint."""

    def __init__(self, start=0, length=120, every=10):
        super().__init__([hidden_pack])
        self.start, self.length, self.every = start, length, every

    def __len__(self):
        return self.length

    def captures(self):
        zeros = np.zeros(self.length, int)
        return Captures(zeros, zeros, np.arange(self.length), zeros, zeros, ('a',))

    def view_groups(self):
        return np.arange(self.length)[:, None]

    def get_data_info(self, index):
        rng = np.random.default_rng(self.start + index)
        joints = rng.normal(size=(1, 21, 3)) * 40 + rng.normal(size=3) * 300
        image = np.zeros((3, 8, 8), np.uint8)
        image.reshape(-1)[:63] = np.round((joints - joints[:, :1]).reshape(-1) / 4 + 128).clip(0, 255)
        valid = np.ones((1, 21), np.float32)
        if index % self.every == self.every - 1:
            valid[0, 5] = 0
            joints[0, 5] = 0
        return dict(img_id=index, joints=joints, img=image, valid=valid)


@MODELS.register_module()
class ReadingEncoder(nn.Module):
    """L_app is always the same, and L_3D is the pose, scaled and moved; or the other way round."""

    def __init__(self, leaks=False, frozen='all'):
        super().__init__()
        self.leaks, self.offset = leaks, nn.Parameter(torch.zeros(1))

    def forward(self, images):
        pose = 3.0 * images.flatten(1)[:, :63] - 50.0
        constant = torch.full((len(images), 7), 0.7)
        return Latents(pose, constant) if self.leaks else Latents(constant, pose)


@MODELS.register_module()
class BlindEncoder(nn.Module):
    """A backbone that gives no latents."""

    def forward(self, images):
        return images


def network(tmp_path, label='net', **options):
    model = dict(
        type='HandPoseEstimator',
        backbone=dict(type='ReadingEncoder') | options,
        head=dict(type='GlobalAveragePooling'),
        data_preprocessor=dict(type='HandDataPreprocessor', rgb=None, bgr_to_rgb=False),
    )
    torch.save({'state_dict': MODELS.build(model).state_dict()}, tmp_path / f'{label}.pth')
    train = dict(type='LabelBudget', dataset=dict(type='WrittenHands'), number=1)
    test = dict(type='WrittenHands', start=1000, length=40)
    cfg = dict(model=model, train_dataloader=dict(dataset=train), test_dataloader=dict(dataset=test))
    return TrainedNetwork(label, Config(cfg), tmp_path / f'{label}.pth')


def column(table, label):
    return [row[table.headers.index(label)] for row in table.rows]


def test_the_pose_is_found_where_it_is_and_nowhere_else(tmp_path):
    """The labels of the whole set are used, though the network had one; hands that lack a label are not."""
    table = probe_table([network(tmp_path), network(tmp_path, 'leaky', leaks=True)])
    assert [row[0] for row in table.rows] == [
        'chance: the mean pose', 'from L_app of another moment', 'from L_app', 'from L_3D', 'images: fitted / tested',
    ]  # fmt: skip
    chance, other, app, points, images = column(table, 'net')
    assert images == '108 / 36'
    poses = {}
    for name, start, length in (('train', 0, 120), ('test', 1000, 40)):
        dataset = WrittenHands(start, length)
        joints = np.concatenate([dataset.get_data_info(i)['joints'] for i in range(length) if i % 10 != 9])
        poses[name] = joints - joints[:, :1]
    mean = np.broadcast_to(poses['train'].mean(0), poses['test'].shape)
    assert chance == app == f'{n_mpjpe(mean, poses["test"]):.2f}'
    assert float(points) < 4 < 20 < float(chance)  # pixels are in steps of 4 mm
    assert other == chance
    # Appearances that are the poses: that of another moment is the pose of another moment, which tells nothing here.
    leaks = column(table, 'leaky')
    assert [leaks[0], *leaks[2:4]] == [chance, points, app]
    assert float(leaks[1]) > 0.95 * float(chance)


def test_other_moments_are_of_the_same_hand_at_another_time():
    track, frame = np.repeat([4, 7], 6), np.tile([0, 0, 1, 1, 2, 2], 2)
    others = find_others(track, frame)
    assert (track[others] == track).all() and (frame[others] != frame).all()
    assert len(set(others.tolist())) > 4
    with pytest.raises(ValueError, match='a hand is seen at one time only'):
        find_others(np.array([0, 0, 1]), np.array([3, 4, 3]))


def test_some_images_and_the_untrained_encoder(tmp_path):
    run = network(tmp_path)
    table = probe_table([run], num=30, untrained=True)
    assert list(table.headers) == ['N-MPJPE (mm)', 'net', 'net, untrained']
    assert column(table, 'net') == column(table, 'net, untrained')  # it has nothing to learn
    fitted, tested = map(int, column(table, 'net')[-1].split(' / '))
    assert fitted <= 30 and tested <= 30


def test_an_untrained_encoder_has_random_weights_and_fitting_statistics(tmp_path):
    model = dict(
        type='HandPoseEstimator',
        backbone=dict(
            type='GeometryEncoder', depth=18, input_size=64, base_channels=4, frozen='all', checkpoint='gone'
        ),
        head=dict(type='GlobalAveragePooling'),
    )
    rig = dict(
        type='StudioRigDataset', split='train', subjects=1, sequences=1, frames=4, views=2, resolution=64,
        pipeline=[dict(type='PackHandInputs')],
    )  # fmt: skip
    module = _build_untrained(TrainedNetwork('net', Config(dict(model=model)), 'gone'), Config(rig))
    norm = module.backbone.bn1
    assert not module.training and norm.num_batches_tracked == 1
    assert (norm.running_mean != 0).all() and (norm.running_var != 1).all()


def test_encoders_without_latents_and_sets_without_labels_are_named(tmp_path):
    with pytest.raises(ValueError, match='blind: its backbone must be a GeometryEncoder, found BlindEncoder'):
        run = network(tmp_path, 'blind')
        run.cfg.model.backbone = dict(type='BlindEncoder')
        torch.save({'state_dict': {}}, run.checkpoint)
        probe_table([run])
    run = network(tmp_path)
    run.cfg.train_dataloader.dataset.dataset.length = 12
    with pytest.raises(ValueError, match='a linear map needs at least 10 samples, found 5'):
        probe_table([run], num=6)
    with pytest.raises(ValueError, match='one time only, so there is no other moment: use more images'):
        probe_table([run], num=1)
    run.cfg.train_dataloader.dataset.dataset.every = 1
    with pytest.raises(ValueError, match='net: none of 12 images of WrittenHands has labels of all joints'):
        probe_table([run])


def direct_ridge(features, targets, strength):
    """The textbook's formula on standardised features, sample by sample."""
    mean, std = features.mean(0), features.std(0)
    x, y = (features - mean) / std, targets - targets.mean(0)
    weights = np.linalg.inv(x.T @ x + strength * len(x) * np.eye(x.shape[1])) @ x.T @ y
    return weights / std[:, None], targets.mean(0) - (mean / std) @ weights


def test_the_map_is_ridge_regression_of_the_strength_that_holds_out_best():
    rng = np.random.default_rng(0)
    features = rng.normal(size=(60, 30)) * rng.uniform(0.1, 10, 30) + rng.normal(size=30)
    targets = features @ rng.normal(size=(30, 2)) + 30 * rng.normal(size=(60, 2))
    split = 60 - round(HELD_OUT * 60)
    errors = []
    for strength in STRENGTHS:
        weights, offset = direct_ridge(features[:split], targets[:split], strength)
        errors.append(((features[split:] @ weights + offset - targets[split:]) ** 2).mean())
    best = int(np.argmin(errors))
    assert 0 < best < len(STRENGTHS) - 1  # noise makes some strength worth while
    weights, offset = fit_linear(features, targets)
    expected = direct_ridge(features, targets, STRENGTHS[best])
    np.testing.assert_allclose(weights, expected[0], rtol=1e-6)
    np.testing.assert_allclose(offset, expected[1], rtol=1e-6)


def test_features_that_are_constant_or_twice_there_do_no_harm():
    rng = np.random.default_rng(1)
    known = rng.normal(size=(50, 4))
    targets = known @ rng.normal(size=(4, 3)) + [1, 2, 3]
    features = np.concatenate([known, known, np.full((50, 2), 9.0)], 1)
    weights, offset = fit_linear(features, targets)
    np.testing.assert_allclose(features @ weights + offset, targets, atol=1e-4)
    weights, offset = fit_linear(np.ones((50, 3)), targets)
    np.testing.assert_allclose(np.ones((1, 3)) @ weights + offset, targets.mean(0)[None])
