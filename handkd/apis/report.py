"""The page of results of a method's stages: the gain from the privileged modality, in numbers and pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from handkd.config import load_config
from handkd.evaluation import HandPredictions, pck
from handkd.evaluation.protocols import PIXELS
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
from .pictures import prediction_sheet, select_images
from .runs import student_config
from .trained import TrainedNetwork, read_samples, spread_indices

ROLES = ('teacher', 'baseline', 'student', 'variant', 'pretraining', 'segmentation')
_SHOWN = ('baseline', 'student', 'teacher')
"""Roles of the stages in the pictures, from left to right."""

VIOLATIONS = 'violation_frequency'
"""Metric called V.F. in tables, a share from 0 to 1 (Zhang et al. 2020, Table 1)."""
PLANE = 'EPE_xy_mean'
"""Error within the image plane, mm: the "2D error" of Neverova et al. 2017, Table 4."""


@dataclass(frozen=True)
class StageResult:
    """One finished stage.

    Attributes:
        name: Its short name.
        label: Its name on the page.
        role: 'teacher' (sees the privileged modality), 'baseline' (the student without distillation),
            'student', 'variant' (any other; in the table and the curves only), 'pretraining' (on other data, and
            evaluated on their test set; not compared), or 'segmentation' (predicts parts, not joints; in a separate
            table, :func:`~handkd.apis.segmentation_report.segmentation_table`).
        work_dir: Its work dir.
        config: Path of its config.
        checkpoint: Path of its weights.
        metrics: Name with protocol -> value, as the evaluation returns them.
        predictions: The ``.npz`` file of its predictions on the test set.
        annotations: Number of labels that it may use, for a stage that is one cell of a table over that number
            (:func:`~handkd.apis.budget_report.budget_tables`); its label names its column there. Defaults to None: it
            is compared with the other stages.
    """

    name: str
    label: str
    role: str
    work_dir: str | Path
    config: str | Path
    checkpoint: str | Path
    metrics: dict[str, float]
    predictions: str | Path
    annotations: int | None = None

    def __post_init__(self) -> None:
        if self.role not in ROLES:
            raise ValueError(f'stage {self.name!r}: role must be one of {ROLES}, found {self.role!r}')

    def metric(self, name: str) -> float:
        """Return the metric whose name, after the protocol, starts with ``name``, such as 'EPE_mean' or 'AUC'.

        Raises:
            ValueError: If the stage has no such metric.
        """
        return self.metrics[self.key(name)]

    def has(self, name: str) -> bool:
        """Whether the stage has the metric that :meth:`metric` returns."""
        return any(_is_metric(key, name) for key in self.metrics)

    @property
    def unit(self) -> str:
        """Unit of its errors, 'px' or 'mm', by the protocol of its ``EPE_mean``."""
        protocol = self.key('EPE_mean').split('/')[-2:][0]  # a metric's own prefix may precede it
        return 'px' if protocol.startswith(PIXELS) else 'mm'

    def key(self, name: str) -> str:
        """Return the full name of the metric that :meth:`metric` returns.

        Raises:
            ValueError: If the stage has no such metric.
        """
        for key in self.metrics:
            if _is_metric(key, name):
                return key
        raise ValueError(f'stage {self.name!r} has no metric {name!r}, found {sorted(self.metrics)}')


def _is_metric(key: str, name: str) -> bool:
    return key.rpartition('/')[2].startswith(name)


def compared(stages: Sequence[StageResult]) -> list[StageResult]:
    """Return the stages whose joints are compared.

    These are all but those for pretraining, segmentation, or a table over the number of annotations.
    """
    others = ('pretraining', 'segmentation')
    return [stage for stage in stages if stage.role not in others and stage.annotations is None]


def with_largest_budget(stages: Sequence[StageResult]) -> list[StageResult]:
    """Return the stages that a page can compare: of those with annotations, the ones with the most labels.

    Their names then give that number, and they are compared as others are. If there is a baseline among those with
    annotations, the largest number that has a baseline is used.
    """
    budgets = [stage for stage in stages if stage.annotations is not None]
    if not budgets:
        return list(stages)
    most = max(stage.annotations for stage in [s for s in budgets if s.role == 'baseline'] or budgets)
    chosen = []
    for stage in stages:
        if stage.annotations is None:
            chosen.append(stage)
        elif stage.annotations == most:
            chosen.append(replace(stage, label=f'{stage.label} {most:,}', annotations=None))
    return chosen


def all_have(stages: Sequence[StageResult], name: str) -> bool:
    """Whether there are stages to compare and all of them have a metric; see :meth:`StageResult.metric`."""
    stages = compared(stages)
    return bool(stages) and all(stage.has(name) for stage in stages)


def gap_closed(stages: Sequence[StageResult]) -> dict[str, float]:
    """Return the share of the gap in mean error between baseline and teacher that each stage closes.

    Returns:
        Stage name -> share: 0 for the baseline, 1 for the teacher, negative for stages worse than the baseline. Empty
        if there is no baseline or no teacher, or if the teacher is not better than the baseline.
    """
    stages = compared(stages)
    baseline, teacher = (_by_role(stages, role) for role in ('baseline', 'teacher'))
    if baseline is None or teacher is None:
        return {}
    error, gap = baseline.metric('EPE_mean'), baseline.metric('EPE_mean') - teacher.metric('EPE_mean')
    return {stage.name: (error - stage.metric('EPE_mean')) / gap for stage in stages} if gap > 0 else {}


def results_table(stages: Sequence[StageResult]) -> Table:
    """Return the table of results: errors, area under the PCK curve, 2D error, V.F., and share of the gap closed.

    The 2D error is the one within the image plane; V.F. is the share of hands with a joint angle out of bounds. Both
    are included only if all stages have measured them, and the share of the gap only if there is a gap.
    """
    stages = compared(stages)
    closed = gap_closed(stages)
    unit = stages[0].unit if stages else 'mm'
    columns = {
        '': [stage.label for stage in stages],
        f'EPE mean ({unit})': [f'{stage.metric("EPE_mean"):.2f}' for stage in stages],
        f'EPE median ({unit})': [f'{stage.metric("EPE_median"):.2f}' for stage in stages],
        'AUC': [f'{stage.metric("AUC"):.3f}' for stage in stages],
    }
    if all_have(stages, PLANE):
        columns['2D mean (mm)'] = [f'{stage.metric(PLANE):.2f}' for stage in stages]
    if all_have(stages, VIOLATIONS):
        columns['V.F.'] = [f'{100 * stage.metric(VIOLATIONS):.1f} %' for stage in stages]
    if closed:
        columns['gap closed'] = [f'{100 * closed[stage.name]:.0f} %' for stage in stages]
    strong = [i for i, stage in enumerate(stages) if stage.role == 'student']
    return Table(tuple(columns), list(zip(*columns.values())), strong)


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
    """Return the layer whose maps are shown: the backbone's output, unless that is a vector."""
    kinds = {run.network.cfg.model.backbone.type.rpartition('.')[2] for run in finished}
    return 'backbone.layer4' if 'GeometryEncoder' in kinds else 'backbone'


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
            text += f'; of the true hands it is {100 * compared(stages)[0].metric(truth):.1f} %'
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
        """Read a stage's files. MMEngine's copy of the config in the work dir includes the command line's overrides."""
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


def _by_role(stages: Sequence[StageResult], role: str) -> StageResult | None:
    return next((stage for stage in stages if stage.role == role), None)
