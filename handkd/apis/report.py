"""The page of results of a method's stages: the gain from the privileged modality, in numbers and pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from handkd.config import load_config
from handkd.evaluation import HandPredictions, pck
from handkd.hints import ConfigError
from handkd.registry import MODELS
from handkd.size_checks import type_name
from handkd.visualization import (
    PCK_RANGES,
    POSE_LOSSES,
    Picture,
    Table,
    figure_bytes,
    loss_figure,
    pck_figure,
    read_scalars,
    write_page,
)

from .activations import activation_sheet
from .cells import cell
from .pictures import prediction_sheet, select_images
from .runs import TO_WRITE
from .stage_results import VIOLATIONS, StageResult, all_have, compared, gap_closed, with_largest_budget
from .summary import results_table
from .trained import TrainedNetwork, read_samples, spread_indices, student_config

_SHOWN = ('baseline', 'student', 'teacher')
"""Roles of the stages in the pictures, from left to right."""


def write_stage_report(
    path: str | Path,
    title: str,
    stages: Sequence[StageResult],
    lead: str = '',
    num_samples: int = 8,
    tables: Sequence[Table] = (),
) -> None:
    """Write the page of results: one HTML file that opens without a server.

    Args:
        path: The HTML file.
        title: Its title.
        stages: The finished stages, in the table's order; all of them evaluated on the same test set. Of stages with
            annotations only those of :func:`with_largest_budget` are shown.
        lead: A sentence or two under the title. Defaults to ''.
        num_samples: Number of test images to show, evenly spaced in the whole set. Defaults to 8.
        tables: Further tables, above that of the stages. Defaults to ().

    Raises:
        ValueError: If there is no stage, or if the stages' predictions are of different images or protocols.
    """
    stages = with_largest_budget(stages)
    finished = [_Finished.load(stage) for stage in compared(stages)]
    _check_comparable(finished)
    first = finished[0].predictions
    indices = spread_indices(len(first.img_ids), num_samples)
    thresholds = np.linspace(*PCK_RANGES[first.unit], 201)
    curves = {run.stage.label: pck(run.predictions.errors, thresholds) for run in finished}
    pck_svg = figure_bytes(pck_figure(curves, thresholds, first.protocol, first.unit))
    pictures = [Picture(pck_svg, 'Share of joints within a distance of the truth, mean over the joints.')]
    logs = {run.stage.label: run.log() for run in finished}
    if all(logs.values()):  # trainings of a few steps log no loss
        text = 'Pose loss in training, without its weight; over the raw line, a running mean.'
        pictures.append(Picture(figure_bytes(loss_figure(logs)), text))
    shown = [run for role in _SHOWN for run in finished if run.stage.role == role] or finished[:1]
    hands = [run for run in shown if run.stage.role != 'teacher'] or shown
    sheet = prediction_sheet(
        [run.stage.label for run in hands],
        [select_images(run.predictions, indices) for run in hands],
        read_samples([run.network for run in hands], indices),
    )
    runs = Table(('', 'config', 'checkpoint'), [(s.label, f'`{s.config}`', f'`{s.checkpoint}`') for s in stages])
    sections = [
        ('Results', [*tables, results_table(stages), _explain(stages, first)]),
        ('Curves', [pictures]),
        ('Test images', [sheet]),
        ('Where the networks look', [activation_sheet([run.network for run in shown], indices, _map_layer(shown))]),
        ('What ran', [runs]),
    ]
    write_page(path, title, lead, sections)


def _map_layer(finished: Sequence[_Finished]) -> str:
    """Return the layer whose maps are shown: the backbone, or the ``map_layer`` of a backbone that gives vectors."""
    kinds = [MODELS.get(type_name(run.network.cfg.model.backbone)) for run in finished]
    named = [kind.map_layer for kind in kinds if hasattr(kind, 'map_layer')]
    return f'backbone.{named[0]}' if named else 'backbone'


def _explain(stages: Sequence[StageResult], first: HandPredictions) -> str:
    """Explain the table's columns."""
    if first.unit == 'px':
        protocol = 'says which joints count; errors are in pixels of the original images.'
    else:
        protocol = (
            'says at which joint a predicted hand is put on the true one, at whose scale (gt: the true one), and how '
            'many joints count.'
        )
    text = f'On {len(first.img_ids)} test images. The protocol, `{first.protocol}`, {protocol} AUC is the area under '
    text += 'the PCK curve.'
    if all_have(stages, VIOLATIONS):
        text += ' V.F., the violation frequency, is the share of predicted hands with a joint angle out of bounds'
        truth = f'labels_{VIOLATIONS}'
        if all_have(stages, truth):
            text += f'; of the true hands it is {cell(100 * compared(stages)[0].metric(truth), 1, " %")}'
        text += '.'
    if gap_closed(stages):
        text += ' The gap is the difference in mean error between RGB baseline and teacher; this share of it is closed.'
    return text


@dataclass(frozen=True)
class _Finished:
    """A stage with its network and predictions."""

    stage: StageResult
    network: TrainedNetwork
    predictions: HandPredictions

    @classmethod
    def load(cls, stage: StageResult) -> _Finished:
        """Read a stage's files. MMEngine's copy of the config in the work dir includes the command line's overrides.

        Raises:
            ConfigError: If the stage's metrics have written no predictions.
        """
        if stage.predictions is None:
            raise ConfigError(f'a report needs predictions, but the metrics of {stage.label} write none: {TO_WRITE}')
        copy = Path(stage.work_dir) / Path(stage.config).name
        cfg = student_config(load_config(copy if copy.is_file() else stage.config))
        network = TrainedNetwork(stage.label, cfg, stage.checkpoint)
        return cls(stage, network, HandPredictions.load(stage.predictions))

    def log(self) -> list[dict]:
        """Return the training log, with the pose loss divided by its weight so that stages are comparable."""
        weight = self.network.cfg.model.head.get('loss', {}).get('loss_weight', 1.0)
        records = read_scalars(self.stage.work_dir)
        return [{k: v / weight if k in POSE_LOSSES else v for k, v in record.items()} for record in records]


def _check_comparable(finished: Sequence[_Finished]) -> None:
    if not finished:
        raise ValueError('a report needs at least one finished stage with joints, other than pretraining')
    first = finished[0].predictions
    for run in finished[1:]:
        if run.predictions.protocol != first.protocol or not np.array_equal(run.predictions.img_ids, first.img_ids):
            raise ValueError(
                f'{run.stage.predictions}: its images or its protocol ({run.predictions.protocol}) differ from those '
                f'of {finished[0].stage.predictions} ({first.protocol}): evaluate all stages on the same test set'
            )
