"""The registered metric: numbers under their protocol's name, on samples as MMEngine passes them."""

import os

import numpy as np
import pytest
import torch
import torch.distributed
import torch.multiprocessing
from mmengine.structures import InstanceData
from mmpose.structures import PoseDataSample

from handkd.evaluation import HandKeypointMetric, HandPredictions
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


def evaluate(samples: list[dict], **kwargs) -> dict:
    metric = METRICS.build(dict(type='HandKeypointMetric', **kwargs))
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


def test_bad_input_is_named():
    with pytest.raises(ValueError, match="scale must be 'gt' or 'pred', found 'true'"):
        HandKeypointMetric(scale='true')
    with pytest.raises(ValueError, match="did you mean 'middle_mcp'"):
        HandKeypointMetric(root='middle_mpc')
    with pytest.raises(ValueError, match='nothing to evaluate: the data set of this split is empty'):
        evaluate([])
    with pytest.raises(ValueError, match="img_id 2: the prediction has no 'keypoints_xyz' among"):
        evaluate([make_sample(2, keypoints_cam=TARGET[:1])])
    with pytest.raises(ValueError, match='img_id 3: the predicted keypoints_xyz are not finite'):
        evaluate([make_sample(3, (0, np.nan, 0))])


def _evaluate_on_rank(rank: int, port: int, folder: str) -> None:
    os.environ.update(MASTER_ADDR='127.0.0.1', MASTER_PORT=str(port), RANK=str(rank), WORLD_SIZE='2')
    torch.distributed.init_process_group('gloo', rank=rank, world_size=2)
    metric = HandKeypointMetric(dump=f'{folder}/predictions.npz')
    metric.collect_dir = f'{folder}/parts'
    metric.process({}, [make_sample(i, (0, 0, i)) for i in (0, 2, 4, 1, 3, 0)[3 * rank : 3 * rank + 3]])
    numbers = metric.evaluate(5)
    torch.save(numbers, f'{folder}/numbers{rank}.pt')
    torch.distributed.destroy_process_group()


def test_two_processes_give_the_numbers_of_one(tmp_path):
    port = 20000 + os.getpid() % 20000
    torch.multiprocessing.spawn(_evaluate_on_rank, (port, str(tmp_path)), nprocs=2)
    alone = evaluate([make_sample(i, (0, 0, i)) for i in range(5)])
    for rank in range(2):
        assert torch.load(tmp_path / f'numbers{rank}.pt') == pytest.approx(alone)
    # The sampler deals samples out in turn and repeats one to fill up; the file holds each once, in the set's order.
    assert HandPredictions.load(tmp_path / 'predictions.npz').img_ids.tolist() == [0, 1, 2, 3, 4]
