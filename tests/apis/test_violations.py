"""Hands that no hand can make are found, counted and shown as it is said."""

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.evaluator import Evaluator
from torch import nn

from handkd.apis import violations
from handkd.apis.trained import TrainedNetwork
from handkd.apis.violations import find_limits, violation_sheet
from handkd.geometry import AngleLimits, joint_angles
from handkd.registry import DATASETS, MODELS, TRANSFORMS

IMAGES = 7
PACK = dict(type='PackHandInputs', modalities=['rgb'])
TEST_SET = dict(type='StudioDataset', split='test', length=IMAGES, modalities=['rgb'], pipeline=[PACK])


@MODELS.register_module()
class FoldedHead(nn.Module):
    """Predicts the truth, but on some images the tip of the index finger folds back along the bone before it."""

    def __init__(self, images=()):
        super().__init__()
        self.images = images

    def predict(self, feats, data_samples):
        joints = np.concatenate([sample.gt_instances.keypoints_cam for sample in data_samples]).astype(np.float64)
        for hand, sample in zip(joints, data_samples):
            if sample.img_id in self.images:
                hand[8] = hand[6]
        unit = np.linalg.norm(joints[:, 9] - joints[:, 0], axis=-1)[:, None, None]
        return dict(keypoints_xyz=torch.from_numpy((joints - joints[:, 9:10]) / unit))


@TRANSFORMS.register_module()
class ForgetSide:
    """Leaves out which hand it is."""

    def __call__(self, results):
        return {key: value for key, value in results.items() if key != 'hand_side'}


def network(tmp_path, label, images, **settings):
    """A network that folds the index on some images."""
    torch.save({'state_dict': {}}, tmp_path / 'iter_1.pth')
    head = dict(type='FoldedHead', images=images)
    model = dict(type='HandPoseEstimator', backbone=dict(type='GlobalAveragePooling'), head=head)
    loader = dict(dataset=TEST_SET | settings)
    cfg = dict(model=model, test_dataloader=loader, test_evaluator=dict(type='HandKeypointMetric'))
    return TrainedNetwork(label, Config(cfg), tmp_path / 'iter_1.pth')


@pytest.fixture
def hands():
    """The true hands of the test set, and which are left ones."""
    samples = [item['data_samples'] for item in DATASETS.build(TEST_SET)]
    joints = np.concatenate([sample.gt_instances.keypoints_cam for sample in samples]).astype(np.float64)
    return joints, np.array([sample.hand_side == 'left' for sample in samples])


@pytest.fixture
def limits(hands):
    """What the true hands do, and a hundredth more."""
    joints, left = map(torch.from_numpy, hands)
    exact = AngleLimits.of(*(found.numpy() for found in joint_angles(joints, left)))
    return AngleLimits((exact.low - 0.01).clip(-1), (exact.high + 0.01).clip(max=1))


@pytest.fixture
def shown(monkeypatch):
    """What is handed to the sheet."""
    calls = {}

    def record(labels, predictions, samples, violated):
        images = [[item['data_samples'].img_id for item in items] for items in samples]
        calls.update(labels=labels, ids=[r.img_ids.tolist() for r in predictions], images=images, violated=violated)
        return original(labels, predictions, samples, violated)

    original = violations.prediction_sheet
    monkeypatch.setattr(violations, 'prediction_sheet', record)
    return calls


def test_the_images_are_those_where_the_first_network_is_wrong(tmp_path, limits, shown):
    networks = [network(tmp_path, 'baseline', (1, 2, 4, 5, 6)), network(tmp_path, 'student', (0, 4))]
    picture = violation_sheet(networks, limits, num=3)
    assert shown['images'] == shown['ids'] == [[1, 4, 6]] * 2  # first, middle and last of five
    assert [angles.sum((1, 2)).tolist() for angles in shown['violated']] == [[1, 1, 1], [0, 1, 0]]
    assert picture.caption.startswith(
        'Images with an angle out of bounds, of 7: baseline 5, student 2; shown are 3 of those of baseline. '
    )
    violation_sheet(networks[::-1], limits, num=3)
    assert shown['labels'] == ['student', 'baseline'] and shown['ids'] == [[0, 4]] * 2  # there are no more


def test_the_metric_counts_the_same_images(tmp_path, limits):
    limits.write(tmp_path / 'hands.json')
    net = network(tmp_path, 'baseline', (1, 2, 4, 5, 6))
    evaluator = Evaluator([dict(type='HandAngleMetric', limits=str(tmp_path / 'hands.json'))])
    evaluator.process(net.build().test_step(pseudo_collate([*DATASETS.build(TEST_SET)])))
    numbers = evaluator.evaluate(IMAGES)
    assert numbers['angles-hands/violation_frequency'] == pytest.approx(5 / IMAGES)
    assert violation_sheet([net], limits).caption.startswith('Images with an angle out of bounds, of 7: baseline 5;')


def test_the_images_are_those_that_are_named(tmp_path, limits, shown):
    networks = [network(tmp_path, 'baseline', (1,))]
    picture = violation_sheet(networks, limits, indices=[3, 1])
    assert shown['images'] == shown['ids'] == [[3, 1]]
    assert picture.caption.startswith('Images with an angle out of bounds, of 7: baseline 1; shown are images 3, 1. ')
    violation_sheet([network(tmp_path, 'perfect', ())], limits, indices=[0])
    with pytest.raises(ValueError, match='perfect has no angle out of bounds on any of 7 images: name some'):
        violation_sheet([network(tmp_path, 'perfect', ())], limits)


def test_each_network_predicts_the_test_set_once(tmp_path, limits, monkeypatch):
    seen = []
    predict = FoldedHead.predict
    monkeypatch.setattr(
        FoldedHead,
        'predict',
        lambda self, f, samples: seen.extend(s.img_id for s in samples) or predict(self, f, samples),
    )
    violation_sheet([network(tmp_path, 'baseline', (1,)), network(tmp_path, 'student', (1,))], limits)
    assert seen == [*range(IMAGES)] * 2


def test_what_does_not_go_together_is_named(tmp_path, limits):
    baseline = network(tmp_path, 'baseline', (1,))
    with pytest.raises(ValueError, match='baseline and other have test sets of 7 and 6 images'):
        violation_sheet([baseline, network(tmp_path, 'other', (1,), length=6)], limits)
    with pytest.raises(ValueError, match='no test image 7: indices must be from 0 to 6'):
        violation_sheet([baseline], limits, indices=[7])
    plain = network(tmp_path, 'plain', (1,), pipeline=[dict(type='ForgetSide'), PACK])
    with pytest.raises(ValueError, match=r"plain: test image 0 needs a hand_side of \('left', 'right'\), found None"):
        violation_sheet([plain], limits)


def test_the_limits_are_those_of_the_metric(tmp_path):
    net = network(tmp_path, 'baseline', ())
    with pytest.raises(ValueError, match='baseline: its config has no HandAngleMetric'):
        find_limits(net)
    net.cfg.test_evaluator = [dict(type='HandKeypointMetric'), dict(type='handkd.HandAngleMetric', limits='a.json')]
    assert find_limits(net) == 'a.json'
    net.cfg.test_evaluator = dict(type='HandAngleMetric', limits='b.json')
    assert find_limits(net) == 'b.json'
