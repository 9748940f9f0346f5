"""The registered metric: numbers under their protocol's name, on samples as MMEngine passes them."""

import numpy as np
import pytest
from mmengine.structures import InstanceData
from mmpose.structures import PoseDataSample

from handkd.datasets.readers.nyu import NYU_EVALUATION, NYUDataset
from handkd.evaluation import HandKeypointMetric, HandPredictions, find_protocol, n_mpjpe
from handkd.hand import JOINTS
from handkd.registry import METRICS

TARGET = np.random.default_rng(0).normal(size=(5, 21, 3)) * 30 + (10, -20, 500)
NAME = 'rel-middle_mcp_gt-scale_21j'


def make_sample(i: int, offset: tuple = (0, 3, 4), **pred) -> dict:
    """A sample whose normalised prediction is off by ``offset`` mm at every joint, the root included."""
    target = TARGET[i : i + 1]
    root, scale = target[:, [9]], np.linalg.norm(target[0, 9] - target[0, 0])
    sample = PoseDataSample(metainfo=dict(img_id=i))
    sample.gt_instances = InstanceData(keypoints_cam=target.astype(np.float32), keypoints_valid=np.ones((1, 21)))
    pred = pred or dict(keypoints_xyz=((target - root + offset) / scale).astype(np.float32))
    sample.pred_instances = InstanceData(**pred)
    return sample.to_dict()


def evaluate(samples: list[dict], dataset_meta: dict | None = None, **kwargs) -> dict:
    metric = METRICS.build(dict(type='HandKeypointMetric', **kwargs))
    metric.dataset_meta = dataset_meta
    metric.process({}, samples)
    return metric.evaluate(len(samples))


def test_error_at_the_true_scale_counts_the_root_joint():
    numbers = evaluate([make_sample(i, (0, 15, 20)) for i in range(5)], zb_legacy=True)
    assert set(numbers) == {
        f'{NAME}/{k}' for k in ('EPE_mean', 'EPE_median', 'AUC_20-50_trapz100', 'AUC_0-50_zb_legacy20')
    }
    assert numbers[f'{NAME}/EPE_mean'] == pytest.approx(25, abs=1e-4)
    assert numbers[f'{NAME}/EPE_median'] == pytest.approx(25, abs=1e-4)
    assert numbers[f'{NAME}/AUC_0-50_zb_legacy20'] == pytest.approx(9.5 / 11)


def test_at_the_true_depth_and_scale_nothing_is_taken_away():
    """EKD's own protocol: a hand that is off as a whole within the image is off, though its pose is right."""
    shift = np.array([12.0, -5.0, 0.0])
    samples = [make_sample(i, keypoints_cam_gt_depth=TARGET[i : i + 1] + shift) for i in range(5)]
    numbers = evaluate(samples, root=None, scale='gt', prefix='gt-depth')
    assert numbers['gt-depth/abs_21j/EPE_mean'] == pytest.approx(13, abs=1e-4)
    unknown = make_sample(3, keypoints_cam_gt_depth=np.full((1, 21, 3), np.nan))
    with pytest.raises(ValueError, match='img_id 3: its root or its scale bone has no label'):
        evaluate([samples[0], unknown], root=None, scale='gt')
    with pytest.raises(ValueError, match='keypoints_cam_gt_depth'):
        evaluate([make_sample(0)], root=None, scale='gt')


def test_truth_in_metres_is_refused_and_tiny_predictions_are_not():
    samples = [make_sample(i, keypoints_cam=TARGET[i : i + 1] / 1000) for i in range(5)]
    settings = dict(root='wrist', scale='pred')
    assert evaluate(samples, **settings)['rel-wrist_pred-scale_21j/EPE_mean'] > 20
    for sample in samples:
        sample['gt_instances']['keypoints_cam'] = sample['gt_instances']['keypoints_cam'] / 1000
    with pytest.raises(ValueError, match=r"data set 'mine' are not in mm: in keypoints_cam the median bone .* by 1000"):
        evaluate(samples, dict(dataset_name='mine'), **settings)


def test_joints_without_label_do_not_count():
    sample = make_sample(0)
    sample['gt_instances']['keypoints_valid'][0, 3] = 0
    sample['pred_instances']['keypoints_xyz'][0, 3] = 1e6
    assert evaluate([sample])[f'{NAME}/EPE_mean'] == pytest.approx(5, abs=1e-4)


def test_scale_pred_takes_millimetres_and_moves_the_root():
    off = TARGET[:1] + (0, 3, 4)
    off[:, 5] += (0, 0, 21)
    numbers = evaluate([make_sample(0, keypoints_cam=off)], scale='pred', root='wrist')
    assert numbers['rel-wrist_pred-scale_21j/EPE_mean'] == pytest.approx(1, abs=1e-4)


def test_dump_holds_what_was_measured(tmp_path):
    path = tmp_path / 'predictions.npz'
    evaluate([make_sample(i) for i in range(5)], dump=str(path))
    saved = HandPredictions.load(path)
    assert saved.protocol == NAME
    assert saved.img_ids.tolist() == [0, 1, 2, 3, 4]
    np.testing.assert_allclose(saved.pred - saved.target, np.broadcast_to((0, 3, 4), (5, 21, 3)), atol=1e-3)


def test_other_alignments_stand_beside_the_first_under_their_own_names():
    target = TARGET[:1]
    turned = 0.5 * target[..., [1, 2, 0]] + 100
    root, scale = turned[:, [9]], np.linalg.norm(target[0, 9] - target[0, 0])
    sample = make_sample(0, keypoints_xyz=(turned - root) / scale, keypoints_cam=turned)
    numbers = evaluate([sample], also=('n', 'pa', 'root', 'absolute'))
    assert list(numbers)[0] == f'{NAME}/EPE_mean'
    assert numbers['pa_21j/EPE_mean'] == pytest.approx(0, abs=1e-4)
    assert numbers['abs_21j/EPE_mean'] == pytest.approx(np.linalg.norm(turned - target, axis=-1).mean(), abs=1e-4)
    shifted = turned - root + target[:, [9]]
    assert numbers['rel-middle_mcp_pred-scale_21j/EPE_mean'] == pytest.approx(
        np.linalg.norm(shifted - target, axis=-1).mean(), abs=1e-4
    )
    assert numbers['rel-middle_mcp_n-scale_21j/EPE_mean'] == pytest.approx(n_mpjpe(turned, target, 9), abs=1e-3)
    assert evaluate([sample], prefix='test')[f'test/{NAME}/EPE_mean'] == pytest.approx(numbers[f'{NAME}/EPE_mean'])


def test_error_in_the_plane_and_shares_of_frames_on_request():
    samples = [make_sample(i, keypoints_cam=TARGET[[i]] + (3, 4, 12)) for i in range(4)]  # 5 mm in x and y, 13 in all
    for sample in samples[1:3]:
        sample['pred_instances']['keypoints_cam'][0, 7] += (27, 36, 100)  # one joint far away: 50 mm in x and y
    samples[2]['gt_instances']['keypoints_valid'][0, 7] = 0  # it does not count
    plain = evaluate(samples, root=None, scale='pred', also=('pa',))
    numbers = evaluate(samples, root=None, scale='pred', also=('pa',), plane=True, within=(12.9, 13.1, 500))
    new = {name: value for name, value in numbers.items() if name not in plain}
    assert {name: value for name, value in numbers.items() if name in plain} == plain
    assert new == pytest.approx(
        {
            'abs_21j/EPE_xy_mean': (20 * 5 + (5 + 50 + 5) / 3) / 21,  # of each joint, then of all
            'abs_21j/within_12.9': 0,
            'abs_21j/within_13.1': 0.75,
            'abs_21j/within_500': 1,
        },
        abs=1e-4,
    )
    with pytest.raises(ValueError, match=r'within must be positive distances in mm, found \(20, 0\)'):
        HandKeypointMetric(within=(20, 0))


def test_fingertips_alone_are_measured_without_a_root():
    tips = [4, 8, 12, 16, 20]
    samples = [make_sample(i, keypoints_cam=TARGET[[i]] + (0, 3, 4)) for i in range(5)]
    for sample in samples:
        sample['gt_instances']['keypoints_valid'][:] = 0
        sample['gt_instances']['keypoints_valid'][0, tips] = 1
        hidden = np.setdiff1d(np.arange(21), tips)
        sample['gt_instances']['keypoints_cam'][0, hidden] = 0
        sample['pred_instances']['keypoints_cam'][0, hidden] = 1e6
    numbers = evaluate(samples, root=None, scale='pred', also=('pa',))
    assert numbers['abs_21j/EPE_mean'] == pytest.approx(5, abs=1e-4)
    assert numbers['pa_21j/EPE_mean'] == pytest.approx(0, abs=1e-4)
    for sample in samples:
        sample['pred_instances']['keypoints_xyz'] = sample['pred_instances']['keypoints_cam'] / 70
    assert evaluate(samples, root=None, scale=None)['pa_21j/EPE_mean'] == pytest.approx(0, abs=1e-4)
    with pytest.raises(ValueError, match='img_id 0: .* needs a label of wrist and middle_mcp, but .*abs_21j or pa_21j'):
        evaluate(samples)


def test_visible_and_chosen_joints_count_alone(tmp_path):
    sample = make_sample(0, (0, 0, 0))
    sample['pred_instances']['keypoints_xyz'][0, 4] += 10
    sample['gt_instances']['keypoints_visible'] = np.ones((1, 21))
    sample['gt_instances']['keypoints_visible'][0, [4, 9]] = 0  # the root still has a label
    assert evaluate([sample])[f'{NAME}/EPE_mean'] > 10
    numbers = evaluate([sample], visible_only=True, dump=str(tmp_path / 'p.npz'))
    assert numbers[f'{NAME}-visible/EPE_mean'] == pytest.approx(0, abs=1e-4)
    saved = HandPredictions.load(tmp_path / 'p.npz')
    assert saved.protocol == f'{NAME}-visible' and saved.valid.sum() == 19
    numbers = evaluate([sample], joints=('wrist', 'thumb_cmc'))
    assert numbers['rel-middle_mcp_gt-scale_wrist+thumb_cmc-of-21j/EPE_mean'] == pytest.approx(0, abs=1e-4)


def test_a_palm_at_joint_0_is_named_in_keys_and_files(tmp_path):
    meta = dict(dataset_name='stb', joint0='palm')
    numbers = evaluate([make_sample(0)], meta, dump=str(tmp_path / 'p.npz'))
    assert numbers[f'{NAME}-joint0=palm/EPE_mean'] == pytest.approx(5, abs=1e-4)
    assert HandPredictions.load(tmp_path / 'p.npz').protocol == f'{NAME}-joint0=palm'
    cam = make_sample(0, keypoints_cam=TARGET[:1])
    assert 'rel-palm_pred-scale_21j-joint0=palm/EPE_mean' in evaluate([cam], meta, root='palm', scale='pred')
    with pytest.raises(ValueError, match="no joint named 'wrist' among the 21j-joint0=palm"):
        evaluate([cam], meta, root='wrist', scale='pred')
    other = dict(dataset_name='nyu', joint0='palm_3')
    assert f'{NAME}-joint0=palm_3/EPE_mean' in evaluate([make_sample(0)], other)
    assert find_protocol(f'{NAME}-joint0=palm_3').joints == ('palm_3', *JOINTS[1:])


def test_the_14_joints_of_nyu_are_measured_as_the_data_set_labels_them():
    truth = np.random.default_rng(1).normal(size=(1, 36, 3)) * 40 + (10, -20, 500)
    moved = truth[:, NYU_EVALUATION] + (0, 0, 12)
    moved[:, -1] += (0, 9, 0)  # PALM_3
    sample = make_sample(0, keypoints_cam_native=moved)
    sample['gt_instances']['keypoints_cam_native'] = truth
    options = dict(native=True, scale='pred', dataset_meta=NYUDataset.METAINFO)
    numbers = evaluate([sample], root=None, also=['pa'], joint_table=True, **options)
    (absolute,) = (name for name in numbers if name.startswith('abs') and 'EPE_mean' in name)
    assert '14j' in absolute and numbers[absolute] == pytest.approx((13 * 12 + 15) / 14)
    assert 0 < numbers['pa_14j/EPE_mean'] < 2
    numbers = evaluate([sample], root='PALM_3', **options)
    assert numbers['rel-PALM_3_pred-scale_14j/EPE_mean'] == pytest.approx(13 * 9 / 14)
    numbers = evaluate([sample], root=None, joints=['PALM_3'], **options)
    assert [value for name, value in numbers.items() if 'EPE_mean' in name] == pytest.approx([15])


def test_the_best_scale_is_n_mpjpe():
    # p = (a g + e) / bone around the root: the factor is <p, g> / <p, p>, whatever the unit of p.
    samples, wanted = [], []
    for i in range(5):
        truth = TARGET[i] - TARGET[i, 0]
        pose = 0.7 * truth + np.random.default_rng(i).normal(0, 10, truth.shape)
        pose -= pose[0]
        samples.append(make_sample(i, keypoints_xyz=(pose[None] / 95.0 + 3.0).astype(np.float32)))
        factor = (pose * truth).sum() / (pose * pose).sum()
        wanted.append(np.linalg.norm(factor * pose - truth, axis=1).mean())
    numbers = evaluate(samples, root='wrist', scale='best')
    assert numbers['rel-wrist_n-scale_21j/EPE_mean'] == pytest.approx(np.mean(wanted), rel=1e-4)


def test_bad_input_is_named():
    with pytest.raises(ValueError, match="native=True needs scale='pred'.*found scale='gt'"):
        HandKeypointMetric(native=True)
    with pytest.raises(ValueError, match="data set 'rhd' has no joints of its own"):
        evaluate([make_sample(0)], dict(dataset_name='rhd'), native=True, root=None, scale='pred')
    with pytest.raises(ValueError, match="scale must be 'gt', 'pred', 'best' or None, found 'true'"):
        HandKeypointMetric(scale='true')
    with pytest.raises(ValueError, match="did you mean 'middle_mcp'"):
        HandKeypointMetric(root='middle_mpc')
    with pytest.raises(ValueError, match="scale must be 'gt', 'pred' or 'best'.*found root=None, scale='best'"):
        HandKeypointMetric(root=None, scale='best')
    with pytest.raises(ValueError, match="img_id 2: the prediction has no 'keypoints_xyz' among"):
        evaluate([make_sample(2, keypoints_cam=TARGET[:1])])
    with pytest.raises(ValueError, match='img_id 3: the predicted keypoints_xyz are not finite'):
        evaluate([make_sample(3, (0, np.nan, 0))])


def test_single_and_interacting_hands_are_reported_apart_and_dumped(tmp_path):
    samples = [make_sample(i, keypoints_cam=TARGET[i : i + 1] * (1.1 if i < 2 else 1.3)) for i in range(5)]
    for i, sample in enumerate(samples):
        sample |= dict(hand_type='right' if i < 2 else 'interacting', hand_side='right' if i < 4 else 'left')
    options = dict(root='wrist', scale='pred', auc=(0, 50, 100))
    numbers = evaluate(samples, dump=str(tmp_path / 'p.npz'), **options)
    name = 'rel-wrist_pred-scale_21j'
    assert numbers[f'{name}/EPE_mean_single'] == pytest.approx(evaluate(samples[:2], **options)[f'{name}/EPE_mean'])
    single, every, both = (numbers[f'{name}/EPE_mean_{kind}'] for kind in ('single', 'all', 'interacting'))
    assert single < every < both
    back = HandPredictions.load(tmp_path / 'p.npz')
    assert back.hand_type.tolist() == ['right'] * 2 + ['interacting'] * 3 and back.hand_side[4] == 'left'
    mixed = [samples[0], make_sample(3, keypoints_cam=TARGET[3:4])]  # a set that does not say it
    assert f'{name}/EPE_mean_single' not in evaluate(mixed, **options)
