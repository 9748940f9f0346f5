"""Errors of exported files on a config's test set."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice

import torch
from mmengine.config import Config
from mmengine.evaluator import Evaluator

from handkd.apis.runs import main_evaluator
from handkd.models.estimators.hand_pose_estimator import add_predictions

from .graph import ExportGraph
from .parity import run_file
from .samples import RealCrops

_BATCH = 32


def measure(cfg: Config, crops: RealCrops, graph: ExportGraph, sessions: dict[str, object]) -> dict[str, float]:
    """Return the mean error of files on a test set, as the first metric of its config measures it.

    Args:
        cfg: The config.
        crops: Its test set.
        graph: The graph of the files.
        sessions: Name -> file, opened in ONNX Runtime.

    Returns:
        Name -> EPE, mean over joints and images; in mm, of a 2D network in px.
    """
    settings = dict(main_evaluator(cfg), joint_table=False)
    evaluators = {name: Evaluator([settings]) for name in sessions}
    for evaluator in evaluators.values():
        evaluator.dataset_meta = crops.metainfo
    items, count = crops.spread(len(crops)), 0
    while batch := list(islice(items, _BATCH)):
        for name, session in sessions.items():
            evaluators[name].process(_predict(session, graph, crops, batch))
        count += len(batch)
    return {name: _mean_error(evaluator.evaluate(count)) for name, evaluator in evaluators.items()}


def _predict(session: object, graph: ExportGraph, crops: RealCrops, batch: Sequence[dict]) -> list:
    """Return the samples of a batch with a file's predictions."""
    outputs = run_file(session, graph, [crops.view(item) for item in batch])
    tensors = {name: torch.from_numpy(values).float() for name, values in outputs.items()}
    samples = [item['data_samples'] for item in batch]
    return add_predictions(samples, graph.decoder.predictions(tensors, samples))


def _mean_error(metrics: dict[str, float]) -> float:
    """Return the first mean error of a metric's results; NaN for a metric of something else."""
    errors: Iterator[float] = (value for key, value in metrics.items() if key.endswith('EPE_mean'))
    return next(errors, float('nan'))
