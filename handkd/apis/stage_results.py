"""Results of a method's stages, and which of them are compared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from handkd.evaluation.protocols import PIXELS
from handkd.hints import check_choice

ROLES = ('teacher', 'baseline', 'student', 'variant', 'pretraining', 'segmentation')
VIOLATIONS = 'violation_frequency'
"""Metric called V.F. in tables, a share from 0 to 1 (Zhang et al. 2020, Table 1)."""
PCK = 'PCK'
"""Metric of MMPose's ``PCKAccuracy``, a share from 0 to 1 of the joints within a part of the box's size."""
_MMPOSE_ERROR = 'EPE'
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
        predictions: The ``.npz`` file of its predictions on the test set; None if the metrics write none, as MMPose's.
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
    predictions: str | Path | None
    annotations: int | None = None

    def __post_init__(self) -> None:
        check_choice(self.role, ROLES, f'stage {self.name!r}: role')

    def metric(self, name: str) -> float:
        """Return the metric whose name, after the protocol, starts with ``name``, such as 'EPE_mean' or 'AUC'.

        'EPE_mean' is also the number that MMPose's metric ``EPE`` gives, in px of the image.

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
        key = self.key('EPE_mean')
        protocol = key.split('/')[-2:][0]  # a metric's own prefix may precede it
        return 'px' if protocol.startswith(PIXELS) or _metric_of(key) == _MMPOSE_ERROR else 'mm'

    def key(self, name: str) -> str:
        """Return the full name of the metric that :meth:`metric` returns.

        Raises:
            ValueError: If the stage has no such metric.
        """
        for key in self.metrics:
            if _is_metric(key, name):
                return key
        raise ValueError(f'stage {self.name!r} has no metric {name!r}, found {sorted(self.metrics)}')

    def by_set(self, name: str) -> dict[str, float]:
        """Return the metric of :meth:`metric` on each set of a ``JoinedDataset``, by the set's name; {} for one set."""
        key = self.key(name)
        if '/' not in key:  # MMPose's, without a protocol
            return {}
        *prefix, protocol, metric = key.split('/')
        before, after = ''.join(f'{part}/' for part in prefix), f'/{protocol}/{metric}'
        return {
            key.removeprefix(before).removesuffix(after): value
            for key, value in self.metrics.items()
            if key.startswith(before) and key.endswith(after) and len(key) > len(before) + len(after)
        }


def _is_metric(key: str, name: str) -> bool:
    return _metric_of(key).startswith(name) or (name == 'EPE_mean' and _metric_of(key) == _MMPOSE_ERROR)


def _metric_of(key: str) -> str:
    """Return the name of a number without its protocol."""
    return key.rpartition('/')[2]


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


def _by_role(stages: Sequence[StageResult], role: str) -> StageResult | None:
    return next((stage for stage in stages if stage.role == role), None)
