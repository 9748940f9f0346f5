"""The constant predictor: the mean pose of a training set, measured on the test set under the config's protocols."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import numpy as np
from mmengine.config import Config
from mmengine.evaluator import Evaluator
from mmengine.structures import InstanceData
from torch.utils.data import Dataset
from tqdm import tqdm

from handkd.artifacts import ensure_artifacts
from handkd.datasets import seeded
from handkd.evaluation import HandKeypointMetric
from handkd.evaluation.joint_metric import JointMetric
from handkd.hints import ConfigError
from handkd.machine import cpu_model, source_commit, usable_cores
from handkd.registry import DATASETS, METRICS

from .result_logs import MEAN_POSE, ResultLog, command_of, config_name, write_log
from .stage_hashes import portable
from .stages import data_config, read_stages
from .trained import BATCH, spread_indices

_TAKEN = ('train_dataloader', 'test_dataloader', 'test_evaluator')
_NORMALISED = 'keypoints_xyz'


def mean_pose_metrics(cfg: Config, num: int = 4000) -> dict[str, float]:
    """Return the numbers of a predictor that answers every test image with the mean pose of the training set.

    The mean is taken joint by joint over the labels that its training pipeline gives: for ``HandPixelMetric`` in px of
    the network's input, for ``HandKeypointMetric`` in mm in the camera's frame; where that reads normalised joints,
    over joints relative to the root in units of the scale bone. Metrics that read anything else, such as joints at the
    true depth, are left out.

    Args:
        cfg: A config of one run.
        num: How many images of the training set are used, evenly spaced. Defaults to 4000.

    Returns:
        Metric name with its protocol -> value.

    Raises:
        ConfigError: If no metric of the test set takes a constant pose, or the training set lacks its labels.
    """
    test_set = DATASETS.build(cfg.test_dataloader.dataset)
    metrics = _joint_metrics(cfg, getattr(test_set, 'metainfo', {}))
    train_set = DATASETS.build(cfg.train_dataloader.dataset)
    labels = [item['data_samples'].gt_instances for item in _items(train_set, num, 'training set')]
    samples = [item['data_samples'] for item in _items(test_set, len(test_set), 'test set')]
    numbers: dict[str, float] = {}
    for metric in metrics:
        prediction = InstanceData(**_predict(metric, labels))
        for sample in samples:
            sample.pred_instances = prediction
        evaluator = Evaluator([metric])
        evaluator.process(samples)
        numbers |= evaluator.evaluate(len(samples))
    return numbers


def log_mean_pose(
    config: str, seeds: Sequence[int], folder: str | Path, options: dict | None = None, num: int = 4000
) -> Iterator[Path]:
    """Write the logs of the mean pose of an experiment's data: those of the stages with the role 'baseline'.

    A baseline with a number of annotations has a row of its own, ``mean_pose_<number>``.

    Args:
        config: A config with stages, as on the command line.
        seeds: The random seeds of the data.
        folder: The experiment's folder.
        options: Overrides for all stages. Defaults to None.
        num: How many images of the training set are used. Defaults to 4000.

    Yields:
        The files.

    Raises:
        ConfigError: If the config has no stages, or no baseline, or the data have no mean pose; see
            :func:`mean_pose_metrics`.
    """
    stages = read_stages(config, options)
    named = {stage.annotations: stage for stage in reversed(stages) if stage.role == 'baseline'}  # the first of each
    if not named:
        raise ConfigError(f"{config}: no stage has the role 'baseline', whose data give the mean pose")
    for number, stage in named.items():
        digest = mean_pose_hash(data_config(stage, 0), num)
        for seed in seeds:
            cfg = data_config(stage, seed)
            ensure_artifacts(cfg, 'train_dataloader', 'test_dataloader', 'test_evaluator')
            words = ['results', 'mean-pose', config_name(config), '--log', 'results/' + Path(folder).resolve().name]
            log = ResultLog(
                experiment=Path(folder).resolve().name,
                row=MEAN_POSE if number is None else f'{MEAN_POSE}_{number}',
                label='Mean pose',
                role=MEAN_POSE,
                annotations=number,
                config=config_name(config),
                config_hash=digest,
                options=portable(stage.options),
                command=command_of([*words, '--num', str(num)], seed, options),
                commit=source_commit() or None,
                machine=dict(cpu=cpu_model(), cores=usable_cores()),
                seed=seed,
                images=min(num, len(DATASETS.build(cfg.train_dataloader.dataset))),
                metrics=mean_pose_metrics(cfg, num),
                diverged=None,
            )
            yield write_log(log, folder)


def mean_pose_hash(cfg: Config, num: int) -> str:
    """Return a hash of all that decides the numbers of :func:`mean_pose_metrics`: both sets and the metrics.

    Args:
        cfg: The config, at seed 0 so that it is the same for every seed.
        num: How many images of the training set are used.
    """
    fields = [num, portable({key: value for key, value in cfg.to_dict().items() if key in _TAKEN})]
    return hashlib.sha256(json.dumps(fields, sort_keys=True, default=str).encode()).hexdigest()


def _joint_metrics(cfg: Config, meta: dict) -> list[JointMetric]:
    """Return the metrics of the test set that take a constant pose, for a data set with this meta information."""
    given = cfg.test_evaluator if isinstance(cfg.test_evaluator, (list, tuple)) else [cfg.test_evaluator]
    built = [METRICS.build(settings) for settings in given]
    taken = [metric for metric in built if isinstance(metric, JointMetric) and _field(metric) is not None]
    if not taken:
        names = ', '.join(type(metric).__name__ for metric in built)
        raise ConfigError(
            f'the test evaluator ({names}) takes no constant pose: the mean pose needs HandPixelMetric, or '
            'HandKeypointMetric without native=True and not at the true depth'
        )
    for metric in taken:
        metric.dump, metric.dataset_meta = None, meta
    return taken


def _field(metric: JointMetric) -> str | None:
    """Return the field of the prediction that a metric reads, if a constant pose can fill it."""
    key = metric.key if isinstance(metric, HandKeypointMetric) else 'keypoints'
    return key if key in ('keypoints', 'keypoints_cam', _NORMALISED) else None


def _items(dataset: Dataset, num: int, what: str) -> Iterator[dict]:
    indices = spread_indices(len(dataset), num)
    for start in tqdm(range(0, len(indices), BATCH), desc=what, leave=False, disable=None):
        batch = indices[start : start + BATCH]
        yield from (
            dataset.__getitems__(batch) if hasattr(dataset, '__getitems__') else map(partial(_item, dataset), batch)
        )


def _item(dataset: Dataset, index: int) -> dict:
    """Return a sample of a set that does not seed its augmentation, as sets of MMPose."""
    with seeded(index):
        return dataset[index]


def _predict(metric: JointMetric, labels: list[InstanceData]) -> dict[str, np.ndarray]:
    """Return the constant ``pred_instances``, each (1, 21, D)."""
    field = _field(metric)
    truth = 'keypoints' if field == 'keypoints' else 'keypoints_cam'
    labels = [instances for instances in labels if truth in instances]
    if not labels:
        raise ConfigError(f'no image of the training set has {truth!r}: no mean pose')
    joints = np.concatenate([np.asarray(instances[truth], np.float64) for instances in labels])
    valid = np.concatenate([np.asarray(instances.get('keypoints_valid', np.ones((1, 21)))) > 0 for instances in labels])
    prediction = {truth: _mean(joints, valid)}
    if field == _NORMALISED:
        root, bone = metric.protocol.root_indices, metric.protocol.bone_indices
        whole = valid[:, [*root, *bone]].all(1)
        joints, valid = joints[whole], valid[whole]
        relative = joints - joints[:, list(root)].mean(1, keepdims=True)
        length = np.linalg.norm(joints[:, bone[1]] - joints[:, bone[0]], axis=-1)
        prediction[field] = _mean(relative / length[:, None, None], valid)
    return prediction


def _mean(joints: np.ndarray, valid: np.ndarray) -> np.ndarray:
    """Return the mean over the labelled joints, shape (1, K, D), in their unit and frame.

    Args:
        joints: Shape (N, K, D), any unit, any frame.
        valid: Which have a label, shape (N, K), bool.
    """
    count = valid.sum(0)
    if not count.all():
        raise ConfigError(f'joint {int(np.argmin(count))} has no label in the training set: no mean pose')
    return (np.where(valid[..., None], joints, 0.0).sum(0) / count[:, None])[None]
