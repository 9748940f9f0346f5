"""The registered metric of angles out of bounds, on hands whose angles are known."""

import numpy as np
import pytest
from mmengine.structures import InstanceData
from mmpose.structures import PoseDataSample

from handkd.evaluation import HandAngleMetric
from handkd.geometry import AngleLimits, axis_angle_to_matrix
from handkd.hand import FINGERS, JOINTS, finger_joints
from handkd.registry import METRICS
from handkd.studio import StudioDataset


def bent_hand(side: str = 'right', **bends: float) -> np.ndarray:
    """A flat hand (1, 21, 3), mm, whose joints are bent towards the palm: name -> degrees, at index to little."""
    joints = np.zeros((21, 3))
    for finger, x in zip(FINGERS, (50, 30, 10, -10, -30)):
        for step, joint in enumerate(finger_joints(finger)):
            joints[joint] = (x, -90 - 25 * step, 0)
    for joint, degrees in bends.items():
        base = JOINTS.index(joint)
        moved = [j for j in finger_joints(joint.split('_')[0]) if j > base]
        rotation = axis_angle_to_matrix(np.array([np.radians(degrees), 0, 0]))
        joints[moved] = (joints[moved] - joints[base]) @ rotation.T + joints[base]
    return (joints * (1 if side == 'right' else -1, 1, 1) + (0, 0, 500))[None]


def make_sample(pred: np.ndarray, truth: np.ndarray | None = None, side: str | None = 'right', **labels) -> dict:
    sample = PoseDataSample(metainfo=dict(img_id=7) | ({} if side is None else dict(hand_side=side)))
    truth = bent_hand(side or 'right') if truth is None else truth
    labels = dict(keypoints_cam=truth, keypoints_valid=np.ones((1, 21))) | labels
    sample.gt_instances = InstanceData(**{key: np.float32(value) for key, value in labels.items()})
    sample.pred_instances = InstanceData(keypoints_xyz=np.float32((pred - pred[:, [9]]) / 90))
    return sample.to_dict()


@pytest.fixture
def limits(tmp_path):
    """A file that allows 45 degrees towards the palm at each joint, none backwards, and 10 to the sides."""
    low = np.tile([-np.sin(np.radians(10)), 0, np.sqrt(0.5), np.sqrt(0.5)], (5, 1)) - 1e-5
    high = np.tile([np.sin(np.radians(10)), np.sqrt(0.5), 1, 1], (5, 1)) + 1e-7
    AngleLimits(low, high).write(tmp_path / 'some.json')
    return str(tmp_path / 'some.json')


def evaluate(limits: str, samples: list[dict], **settings) -> dict:
    metric = METRICS.build(dict(type='HandAngleMetric', limits=limits, **settings))
    metric.process({}, samples)
    return metric.evaluate(len(samples))


@pytest.mark.parametrize('side', ['left', 'right'])
def test_hands_and_angles_out_of_bounds_are_counted(limits, side):
    hands = [
        bent_hand(side),
        bent_hand(side, index_mcp=40, ring_pip=44, thumb_mcp=30),
        bent_hand(side, index_mcp=50),
        bent_hand(side, index_mcp=-5, little_pip=60, middle_dip=46),
    ]
    truths = [hands[0], hands[0], hands[2], hands[0]]
    assert evaluate(limits, [make_sample(*pair, side) for pair in zip(hands, truths)]) == pytest.approx(
        {
            'angles-some/violation_frequency': 2 / 4,
            'angles-some/violation_rate': 4 / 80,
            'angles-some/labels_violation_frequency': 1 / 4,
        }
    )


def test_the_other_side_bends_the_other_way(limits):
    hand = bent_hand('right', index_mcp=30)
    assert evaluate(limits, [make_sample(hand, side='right')])['angles-some/violation_frequency'] == 0
    assert evaluate(limits, [make_sample(hand, side='left')])['angles-some/violation_frequency'] == 1


def test_a_hair_beyond_a_bound_does_not_count(tmp_path):
    def limits(slack):
        bound = np.cos(np.radians(60))
        low = np.full((5, 4), -1.0)
        low[1, 2] = bound + slack
        AngleLimits(low, np.ones((5, 4))).write(tmp_path / 'one.json')
        return str(tmp_path / 'one.json')

    sample = make_sample(bent_hand(index_pip=60))
    sample['pred_instances']['keypoints_xyz'] = bent_hand(index_pip=60)  # float64
    assert evaluate(limits(0.9e-6), [sample])['angles-one/violation_frequency'] == 0
    assert evaluate(limits(1.1e-6), [sample])['angles-one/violation_frequency'] == 1


def test_labels_count_where_all_joints_have_one(limits):
    broken = bent_hand(index_pip=90)
    valid = np.ones((1, 21))
    valid[0, 20] = 0
    numbers = evaluate(limits, [make_sample(broken, broken), make_sample(broken, broken, keypoints_valid=valid)])
    assert numbers['angles-some/labels_violation_frequency'] == 1.0
    numbers = evaluate(limits, [make_sample(broken), make_sample(broken, broken, keypoints_valid=valid)])
    assert numbers['angles-some/labels_violation_frequency'] == 0.0
    numbers = evaluate(limits, [make_sample(broken, broken, keypoints_valid=valid)])
    assert numbers == {'angles-some/violation_frequency': 1.0, 'angles-some/violation_rate': 1 / 20}
    alone = make_sample(broken)
    del alone['gt_instances']['keypoints_cam']
    assert evaluate(limits, [alone]) == numbers, 'a set with labels in 2D alone'


def test_joints_that_coincide_break_no_rule(limits):
    numbers = evaluate(limits, [make_sample(np.zeros((1, 21, 3)))])
    assert numbers['angles-some/violation_frequency'] == 0


def test_labels_of_a_set_keep_its_own_limits(tmp_path):
    """The studio's hands, through what PackHandInputs makes of them, against the limits of these very hands."""
    from handkd.artifacts.angle_limits import gather_limits

    settings = dict(split='train', length=60)
    gather_limits(dict(type='StudioDataset', **settings)).write(tmp_path / 'studio.json')
    dataset = StudioDataset(**settings, modalities=('depth',))
    hands = [dataset.get_data_info(i) for i in range(60)]
    samples = [make_sample(hand['keypoints_cam'], hand['keypoints_cam'], hand['hand_side']) for hand in hands]
    for sample, hand in zip(samples, hands):
        sample['pred_instances']['keypoints_xyz'] = 0.01 * (hand['keypoints_cam'] - hand['keypoints_cam'][:, [5]])
    numbers = evaluate(str(tmp_path / 'studio.json'), samples)
    assert numbers['angles-studio/labels_violation_frequency'] == 0
    for sample in samples:
        sample['pred_instances']['keypoints_xyz'] = -np.float64(sample['pred_instances']['keypoints_xyz'])
    assert evaluate(str(tmp_path / 'studio.json'), samples)['angles-studio/violation_frequency'] == 1, 'mirrored'


def test_the_table_and_the_prefix(limits, monkeypatch):
    logged = []
    monkeypatch.setattr('handkd.evaluation.angle_metric.print_log', lambda text, logger: logged.append(text))
    samples = [make_sample(bent_hand(little_dip=60), bent_hand(thumb_cmc=60)), make_sample(bent_hand())]
    numbers = evaluate(limits, samples, prefix='test', angle_table=True)
    assert list(numbers)[0] == 'test/angles-some/violation_frequency'
    head, angles, thumb, *_, little = logged[0].splitlines()
    assert head == 'angles-some, percent of predictions out of bounds, and of labels in brackets:'
    assert angles.split() == ['theta0', 'theta1', 'theta2', 'theta3']
    assert thumb.split()[:5] == ['thumb', '0.00', '(0.00)', '0.00', '(50.00)']
    assert little.split()[-2:] == ['50.00', '(0.00)']


def test_bad_input_is_named(limits, tmp_path):
    with pytest.raises(FileNotFoundError, match=r'lm\.json: gather them with `handkd limits'):
        HandAngleMetric(str(tmp_path / 'lm.json'))
    with pytest.raises(ValueError, match="img_id 7: 'hand_side' must be one of .*found None: HandAngleMetric needs it"):
        evaluate(limits, [make_sample(bent_hand(), side=None)])
    sample = make_sample(bent_hand())
    sample['pred_instances']['keypoints_xyz'][0, 3, 1] = np.nan
    with pytest.raises(ValueError, match='img_id 7: the predicted keypoints_xyz are not finite: the training diverged'):
        evaluate(limits, [sample])
    sample['pred_instances'] = dict(keypoints=np.zeros((1, 21, 2)))
    with pytest.raises(ValueError, match="img_id 7: the prediction has no 'keypoints_xyz'.*HandAngleMetric needs it"):
        evaluate(limits, [sample])
    with pytest.raises(ValueError, match='HandAngleMetric has nothing to evaluate'):
        HandAngleMetric(limits).compute_metrics([])


def test_limits_of_hands_with_another_joint0_are_refused(tmp_path):
    path = str(tmp_path / 'lm.json')
    AngleLimits(np.full((5, 4), -1.0), np.ones((5, 4)), dict(joint0='palm')).write(path)
    metric = METRICS.build(dict(type='HandAngleMetric', limits=path))
    with pytest.raises(ValueError, match=r"lm\.json.*'palm', but here it is 'wrist'"):
        metric.process({}, [make_sample(bent_hand())])
    metric.dataset_meta = dict(joint0='palm')
    metric.process({}, [make_sample(bent_hand())])
