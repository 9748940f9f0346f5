"""The registered metric of 2D joints: pixels of the original image, by Zimmermann and Brox's rule."""

import numpy as np
import pytest
from mmengine.structures import InstanceData
from mmpose.structures import PoseDataSample

from handkd.evaluation import HandPixelMetric, HandPredictions
from handkd.hand import JOINTS, TIPS
from handkd.registry import METRICS

RNG = np.random.default_rng(0)
TARGET = RNG.uniform(10, 60, (6, 1, 21, 2))
PRED = TARGET + RNG.normal(size=TARGET.shape) * np.linspace(0.5, 6, 21)[:, None]
VISIBLE = RNG.random((6, 1, 21)) < 0.7
VISIBLE[:, :, 20] = False
VALID = RNG.random((6, 1, 21)) < 0.9
WARPS = [
    np.array([[a * np.cos(t), -a * np.sin(t), x], [a * np.sin(t), a * np.cos(t), y], [0, 0, 1]])
    for a, t, x, y in zip(RNG.uniform(0.2, 3, 6), RNG.uniform(-3, 3, 6), *RNG.uniform(-50, 50, (2, 6)))
]


def make_sample(i: int, meta: dict | None = None, **labels) -> dict:
    """A sample with 2D labels and predictions alone: none in space."""
    sample = PoseDataSample(metainfo=dict(img_id=i) if meta is None else meta)
    labels = dict(keypoints=TARGET[i], keypoints_valid=np.ones((1, 21)), keypoints_visible=np.ones((1, 21))) | labels
    sample.gt_instances = InstanceData(**{key: np.float32(value) for key, value in labels.items()})
    sample.pred_instances = InstanceData(keypoints=np.float32(PRED[i]), keypoint_scores=np.ones((1, 21)))
    return sample.to_dict()


def evaluate(samples: list[dict], dataset_meta: dict | None = None, **kwargs) -> dict:
    metric = METRICS.build(dict(type='HandPixelMetric', **kwargs))
    metric.dataset_meta = dataset_meta
    metric.process({}, samples)
    return metric.evaluate(len(samples))


@pytest.mark.parametrize('visible_only', [True, False])
def test_numbers_are_those_of_zimmermann_and_brox(visible_only):
    """Against their EvalUtil: each joint's mean, median and curve over its samples, then the mean over the joints."""
    samples = [
        make_sample(i, dict(img_id=i, warp_matrix=WARPS[i]), keypoints_visible=VISIBLE[i], keypoints_valid=VALID[i])
        for i in range(6)
    ]
    errors = [[] for _ in JOINTS]
    for i in range(6):
        scale = np.sqrt(np.linalg.det(WARPS[i][:2, :2]))  # px of the crop a px of the original image
        for joint in range(21):
            if VALID[i, 0, joint] and (VISIBLE[i, 0, joint] or not visible_only):
                errors[joint].append(np.sqrt(((PRED[i, 0, joint] - TARGET[i, 0, joint]) ** 2).sum()) / scale)
    thresholds = np.linspace(0, 30, 20)
    means, medians, areas = [], [], []
    for column in filter(len, errors):
        means.append(np.mean(column))
        medians.append(np.median(column))
        curve = np.array([np.mean(np.array(column) <= t) for t in thresholds])
        areas.append(((curve[1:] + curve[:-1]) / 2).mean())
    name = 'px_21j-visible' if visible_only else 'px_21j'
    assert evaluate(samples, visible_only=visible_only) == pytest.approx(
        {
            f'{name}/EPE_mean': np.mean(means),
            f'{name}/EPE_median': np.mean(medians),
            f'{name}/AUC_0-30_trapz20': np.mean(areas),
        },
        rel=1e-4,
    )


def test_errors_are_in_pixels_of_the_original_image():
    sample = make_sample(0)
    sample['pred_instances']['keypoints'] = sample['gt_instances']['keypoints'] + np.float32([6, 8])
    assert evaluate([sample])['px_21j-visible/EPE_mean'] == pytest.approx(10)
    sample['warp_matrix'] = np.array([[0, -4.0, 500], [4, 0, -100], [0, 0, 1]])
    numbers = evaluate([sample])
    assert numbers['px_21j-visible/EPE_mean'] == pytest.approx(2.5)
    # Linearly from 0 at the second to 1 at the third of 20 thresholds up to 30 px, 2.5 px lying between them.
    assert numbers['px_21j-visible/AUC_0-30_trapz20'] == pytest.approx(17.5 / 19)


def test_fingertips_alone_are_measured(tmp_path):
    """Dexter+Object: what has no label is 0 and not valid, whatever the network says there."""
    valid = np.isin(np.arange(21), TIPS)[None]
    sample = make_sample(0, keypoints=np.where(valid[..., None], TARGET[0], 0), keypoints_valid=valid)
    sample['pred_instances']['keypoints'] = np.where(valid[..., None], TARGET[0] + (3, 4), 1e6)
    numbers = evaluate([sample], dump=str(tmp_path / 'p.npz'))
    assert numbers['px_21j-visible/EPE_mean'] == pytest.approx(5, abs=1e-4)
    assert HandPredictions.load(tmp_path / 'p.npz').valid.tolist() == valid.tolist()


def test_chosen_joints_and_a_palm_at_joint_0_are_named():
    sample = make_sample(0)
    sample['pred_instances']['keypoints'] = TARGET[0] + (3, 4)
    sample['pred_instances']['keypoints'][0, 0] += 100
    tips = [JOINTS[i] for i in TIPS]
    numbers = evaluate([sample], dict(joint0='palm'), joints=tips, visible_only=False, auc=(0, 8, 3), prefix='test')
    assert numbers == pytest.approx(
        {
            'test/px_tips-of-21j-joint0=palm/EPE_mean': 5,
            'test/px_tips-of-21j-joint0=palm/EPE_median': 5,
            'test/px_tips-of-21j-joint0=palm/AUC_0-8_trapz3': 0.25,
        },
        abs=1e-4,
    )
    with pytest.raises(ValueError, match="no joint named 'wrist' among the 21j-joint0=palm"):
        evaluate([sample], dict(joint0='palm'), joints=['wrist'])


def test_dump_holds_pixels_of_the_original_image(tmp_path):
    evaluate([make_sample(i, dict(img_id=i, warp_matrix=WARPS[i])) for i in range(6)], dump=str(tmp_path / 'p.npz'))
    saved = HandPredictions.load(tmp_path / 'p.npz')
    assert (saved.protocol, saved.unit, saved.img_ids.tolist()) == ('px_21j-visible', 'px', [0, 1, 2, 3, 4, 5])
    for points, expected in ((saved.pred, PRED), (saved.target, TARGET)):
        there = [(np.append(p, np.ones((21, 1)), 1) @ warp.T)[:, :2] for p, warp in zip(points, WARPS)]
        np.testing.assert_allclose(there, expected[:, 0], atol=1e-4)


def test_bad_input_is_named():
    with pytest.raises(ValueError, match="did you mean 'index_tip'"):
        HandPixelMetric(joints=['index_tp'])
    with pytest.raises(ValueError, match='AUC needs 0 <= low < high'):
        HandPixelMetric(auc=(30, 0, 20))
    lacking = make_sample(4)
    del lacking['gt_instances']['keypoints_visible']
    with pytest.raises(
        ValueError, match="img_id 4: the ground truth has no 'keypoints_visible'.*HandPixelMetric needs"
    ):
        evaluate([lacking])
    sample = make_sample(3)
    sample['pred_instances'] = dict(keypoints_xyz=np.zeros((1, 21, 3)))
    with pytest.raises(
        ValueError, match="img_id 3: the prediction has no 'keypoints' among .*HandPixelMetric needs it"
    ):
        evaluate([sample])
