"""What the metrics of joints share: the table, the file, several processes, errors."""

import os

import numpy as np
import pytest
import torch
import torch.distributed
import torch.multiprocessing

from handkd.evaluation import HandKeypointMetric, HandPixelMetric, HandPredictions

BOTH = pytest.mark.parametrize('metric_class', [HandKeypointMetric, HandPixelMetric])
POSE = np.random.default_rng(0).normal(size=(1, 21, 3)) * 30 + (0, 0, 500)
UNIT = {HandKeypointMetric: np.linalg.norm(POSE[0, 9] - POSE[0, 0]), HandPixelMetric: 1.0}
"""What a prediction that is off by 1 is off by in the metric's numbers."""


def make_sample(i: int = 0, offset: float = 0.0) -> dict:
    """A sample for either metric, off by ``offset`` at every joint: px, or units of the hand's scale."""
    xyz = (POSE - POSE[:, [9]]) / UNIT[HandKeypointMetric]
    return dict(
        img_id=i,
        gt_instances=dict(
            keypoints=POSE[..., :2].copy(), keypoints_cam=POSE, keypoints_valid=np.ones((1, 21)),
            keypoints_visible=np.ones((1, 21)),
        ),
        pred_instances=dict(keypoints=POSE[..., :2] + (offset, 0), keypoints_xyz=xyz + (offset, 0, 0)),
    )  # fmt: skip


def evaluate(metric, samples: list[dict]) -> dict:
    metric.process({}, samples)
    return metric.evaluate(len(samples))


@BOTH
def test_table_of_each_joint_on_request(metric_class, monkeypatch):
    logged = []
    monkeypatch.setattr('handkd.evaluation.joint_metric.print_log', lambda text, logger: logged.append(text))
    sample = make_sample()
    sample['pred_instances']['keypoints'][0, 4, 0] += 1
    sample['pred_instances']['keypoints_xyz'][0, 4, 0] += 1
    sample['gt_instances']['keypoints_valid'][0, 7] = 0
    evaluate(metric_class(), [sample])
    assert logged == []
    metric = metric_class(joint_table=True)
    evaluate(metric, [sample])
    lines = logged[0].splitlines()
    unit = 'px' if metric_class is HandPixelMetric else 'mm'
    assert lines[0] == f'{metric.protocol_name}, each joint in {unit}:'
    row = next(line for line in lines if line.startswith('thumb_tip')).split()
    assert row == ['thumb_tip', f'{UNIT[metric_class]:.3f}', f'{UNIT[metric_class]:.3f}', '1']
    assert next(line for line in lines if line.startswith('index_dip')).split() == ['index_dip', '-', '-', '0']


@BOTH
def test_bad_input_is_named(metric_class):
    name = metric_class.__name__
    with pytest.raises(ValueError, match=f'{name} has nothing to evaluate: the data set of this split is empty'):
        evaluate(metric_class(), [])
    unlabelled = make_sample()
    unlabelled['gt_instances']['keypoints_visible'][:] = 0
    with pytest.raises(ValueError, match='nothing to evaluate: no valid joint among 1 samples'):
        evaluate(metric_class(visible_only=True), [unlabelled])
    with pytest.raises(ValueError, match='hand.png: the predicted keypoints.* are not finite'):
        evaluate(metric_class(), [make_sample(3, np.nan) | dict(img_path='hand.png')])


def _evaluate_on_rank(rank: int, port: int, folder: str) -> None:
    os.environ.update(MASTER_ADDR='127.0.0.1', MASTER_PORT=str(port), RANK=str(rank), WORLD_SIZE='2')
    torch.distributed.init_process_group('gloo', rank=rank, world_size=2)
    metrics = {cls.__name__: cls(dump=f'{folder}/{cls.__name__}.npz') for cls in UNIT}
    numbers = {}
    for name, metric in metrics.items():
        metric.collect_dir = f'{folder}/parts_{name}'
        metric.process({}, [make_sample(i, i) for i in (0, 2, 4, 1, 3, 0)[3 * rank : 3 * rank + 3]])
        numbers |= metric.evaluate(5)
    torch.save(numbers, f'{folder}/numbers{rank}.pt')
    torch.distributed.destroy_process_group()


def test_two_processes_give_the_numbers_of_one(tmp_path):
    port = 20000 + os.getpid() % 20000
    torch.multiprocessing.spawn(_evaluate_on_rank, (port, str(tmp_path)), nprocs=2)
    alone = {}
    for cls in UNIT:
        alone |= evaluate(cls(), [make_sample(i, i) for i in range(5)])
    assert alone['px_21j-visible/EPE_mean'] == pytest.approx(2)
    for rank in range(2):
        assert torch.load(tmp_path / f'numbers{rank}.pt') == pytest.approx(alone)
    # The sampler deals samples out in turn and repeats one to fill up; the file holds each once, in the set's order.
    for cls in UNIT:
        assert HandPredictions.load(tmp_path / f'{cls.__name__}.npz').img_ids.tolist() == [0, 1, 2, 3, 4]


@BOTH
def test_several_sets_have_numbers_of_their_own_after_those_of_the_whole(metric_class, tmp_path):
    metric = metric_class(dump=str(tmp_path / 'all.npz'))
    metric.dataset_meta = dict(dataset_name='a+b+c', set_names=('a', 'b', 'c'))
    offsets = dict(a=[1.0, 3.0], b=[8.0])
    samples = [
        dict(make_sample(i, offset), set_name=name) for name, each in offsets.items() for i, offset in enumerate(each)
    ]
    numbers, key = evaluate(metric, samples), f'{metric.protocol_name}/EPE_mean'
    assert [numbers[f'{name}{key}'] for name in ('', 'a/', 'b/')] == pytest.approx(
        [UNIT[metric_class] * error for error in (4, 2, 8)]
    )
    assert list(numbers)[0] == key and f'c/{key}' not in numbers, 'no sample of it was evaluated'
    assert {name.removeprefix('b/') for name in numbers if name.startswith('b/')} < set(numbers)
    assert len(HandPredictions.load(tmp_path / 'all.npz').img_ids) == 3
    for sample in (make_sample(), dict(make_sample(), set_name='d')):
        with pytest.raises(ValueError, match="must name its set as 'set_name'.*JoinedDataset sets it"):
            metric.process({}, [sample])
