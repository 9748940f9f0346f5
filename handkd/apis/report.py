"""The page of results of a method's stages: what the privileged modality was worth, in numbers and pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from tqdm import tqdm

from handkd.config import load_config
from handkd.evaluation import HandPredictions, pck
from handkd.geometry import project
from handkd.models import load_weights
from handkd.models.distillers import record_taps
from handkd.registry import DATASETS, MODELS
from handkd.visualization import (
    Picture,
    Table,
    activation_map,
    activation_picture,
    contact_sheet,
    depth_picture,
    draw_skeleton,
    draw_skeleton_3d,
    figure_bytes,
    loss_figure,
    pck_figure,
    read_scalars,
    write_page,
)

from .runs import student_config

ROLES = ('teacher', 'twin', 'student', 'variant')
PCK_THRESHOLDS = np.linspace(0, 50, 201)
TILE = 200
"""Side of a tile of the page's grids, in px."""
LOSS = 'loss_reg'
"""Name of the regression loss in the logs."""


@dataclass(frozen=True)
class StageResult:
    """One finished stage.

    Attributes:
        name: Its short name.
        label: What the page calls it.
        role: 'teacher' (sees the privileged modality), 'twin' (the student without distillation), 'student', or
            'variant' (any other; in the table and the curves only).
        work_dir: Where it trained.
        config: Path of its config.
        checkpoint: Path of its weights.
        metrics: Name with protocol -> value, as the evaluation returns them.
        predictions: The ``.npz`` file of its predictions on the test set.
    """

    name: str
    label: str
    role: str
    work_dir: str | Path
    config: str | Path
    checkpoint: str | Path
    metrics: dict[str, float]
    predictions: str | Path

    def __post_init__(self) -> None:
        if self.role not in ROLES:
            raise ValueError(f'stage {self.name!r}: role must be one of {ROLES}, found {self.role!r}')

    def metric(self, name: str) -> float:
        """Return the metric whose name, behind the protocol, starts with ``name``, such as 'EPE_mean' or 'AUC'.

        Raises:
            ValueError: If there is none.
        """
        for key, value in self.metrics.items():
            if key.rpartition('/')[2].startswith(name):
                return value
        raise ValueError(f'stage {self.name!r} has no metric {name!r} among {sorted(self.metrics)}')


def gap_closed(stages: Sequence[StageResult]) -> dict[str, float]:
    """Return which share of the mean error between twin and teacher each stage has closed.

    Returns:
        Stage name -> share: 0 for the twin, 1 for the teacher, negative for what is worse than the twin. Empty if there
        is no twin or no teacher, or if the teacher is not better than the twin.
    """
    twin, teacher = (_by_role(stages, role) for role in ('twin', 'teacher'))
    if twin is None or teacher is None:
        return {}
    error, gap = twin.metric('EPE_mean'), twin.metric('EPE_mean') - teacher.metric('EPE_mean')
    return {stage.name: (error - stage.metric('EPE_mean')) / gap for stage in stages} if gap > 0 else {}


def results_table(stages: Sequence[StageResult]) -> Table:
    """Return the table of results: errors, area under the PCK curve, and share of the gap closed."""
    closed = gap_closed(stages)
    rows = [
        (
            stage.label,
            f'{stage.metric("EPE_mean"):.2f}',
            f'{stage.metric("EPE_median"):.2f}',
            f'{stage.metric("AUC"):.3f}',
            f'{100 * closed[stage.name]:.0f} %' if stage.name in closed else '-',
        )
        for stage in stages
    ]
    strong = [i for i, stage in enumerate(stages) if stage.role == 'student']
    return Table(('', 'EPE mean (mm)', 'EPE median (mm)', 'AUC', 'gap closed'), rows, strong)


def text_table(table: Table) -> str:
    """Set a table as plain text, for a terminal."""
    lines = [table.headers, *table.rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(table.headers))]
    texts = []
    for first, *others in lines:
        texts.append('  '.join([first.ljust(widths[0]), *(cell.rjust(w) for cell, w in zip(others, widths[1:]))]))
    return '\n'.join([texts[0], '-' * len(texts[0]), *texts[1:]])


def write_stage_report(
    path: str | Path, title: str, stages: Sequence[StageResult], lead: str = '', num_samples: int = 8
) -> None:
    """Write the page of results: one HTML file that opens without a server.

    Args:
        path: The HTML file.
        title: Its title.
        stages: The finished stages, in the table's order; all of them evaluated on the same test set.
        lead: A sentence or two under the title.
        num_samples: Test images to show, taken at even distances from the whole set.

    Raises:
        ValueError: If there is no stage, or if the stages' predictions are of different images or protocols.
    """
    finished = [_Finished.load(stage) for stage in stages]
    _check_comparable(finished)
    protocol, count = finished[0].predictions.protocol, len(finished[0].predictions.img_ids)
    indices = np.linspace(0, count - 1, min(num_samples, count)).round().astype(int).tolist()
    curves = {run.stage.label: pck(run.predictions.errors, PCK_THRESHOLDS) for run in finished}
    pck_svg = figure_bytes(pck_figure(curves, PCK_THRESHOLDS, protocol))
    loss_svg = figure_bytes(loss_figure({run.stage.label: run.log() for run in finished}))
    explain = (
        f'On {count} test images. The protocol, `{protocol}`, says at which joint a predicted hand is put on the true '
        'one, at whose scale (gt: the true one), and how many joints count. AUC is the area under the PCK curve. The '
        'gap is the difference in mean error between the RGB twin and the teacher; this share of it is closed.'
    )
    runs = Table(('', 'config', 'checkpoint'), [(s.label, f'`{s.config}`', f'`{s.checkpoint}`') for s in stages])
    sections = [
        ('Results', [results_table(stages), explain]),
        (
            'Curves',
            [
                [
                    Picture(pck_svg, 'Share of joints within a distance of the truth, mean over the joints.'),
                    Picture(
                        loss_svg, 'Regression loss in training, without its weight; over the raw line, a running mean.'
                    ),
                ]
            ],
        ),
        ('Test images', [_prediction_picture(finished, indices)]),
        ('Where the networks look', [_activation_picture(finished, indices)]),
        ('What ran', [runs]),
    ]
    write_page(path, title, lead, sections)


@dataclass(frozen=True)
class _Finished:
    """A stage with what it left behind; ``cfg`` is what it ran at test time."""

    stage: StageResult
    cfg: Config
    predictions: HandPredictions

    @classmethod
    def load(cls, stage: StageResult) -> _Finished:
        """Read a stage's files. MMEngine's copy of the config, in the work dir, has the command line's overrides."""
        copy = Path(stage.work_dir) / Path(stage.config).name
        cfg = student_config(load_config(copy if copy.is_file() else stage.config))
        return cls(stage, cfg, HandPredictions.load(stage.predictions))

    def log(self) -> list[dict]:
        """Return the training log, with the weight of the regression loss taken out so that stages compare."""
        weight = self.cfg.model.head.get('loss', {}).get('loss_weight', 1.0)
        records = read_scalars(self.stage.work_dir)
        return [{**record, LOSS: record[LOSS] / weight} if LOSS in record else record for record in records]

    def test_samples(self, indices: Sequence[int]) -> list[dict]:
        """Return some samples of the test set as the network is given them."""
        test_set = DATASETS.build(self.cfg.test_dataloader.dataset)
        return [test_set[i] for i in indices]


def _check_comparable(finished: Sequence[_Finished]) -> None:
    if not finished:
        raise ValueError('a report needs at least one finished stage')
    first = finished[0].predictions
    for run in finished[1:]:
        if run.predictions.protocol != first.protocol or not np.array_equal(run.predictions.img_ids, first.img_ids):
            raise ValueError(
                f'{run.stage.predictions}: its images or its protocol ({run.predictions.protocol}) are not those of '
                f'{finished[0].stage.predictions} ({first.protocol}): evaluate all stages on the same test set'
            )


def _by_role(stages: Sequence[StageResult], role: str) -> StageResult | None:
    return next((stage for stage in stages if stage.role == role), None)


def _input_picture(inputs: dict[str, torch.Tensor]) -> np.ndarray:
    """The picture of what a network is given: its colour image, else its depth."""
    if 'rgb' in inputs:
        return np.ascontiguousarray(inputs['rgb'].permute(1, 2, 0).numpy())
    return depth_picture(inputs['depth'][0].numpy())


def _prediction_picture(finished: Sequence[_Finished], indices: Sequence[int]) -> Picture:
    """Twin and student side by side, in the image and from the side, over the truth in grey."""
    chosen = [run for run in finished if run.stage.role in ('twin', 'student')] or finished[:1]
    results = [run.predictions for run in chosen]
    tiles, captions = [], []
    for i, item in zip(indices, tqdm(chosen[-1].test_samples(indices), desc='test images', leave=False)):
        image, camera = _input_picture(item['inputs']), item['data_samples'].metainfo['camera']
        flat = [draw_skeleton(image, project(r.pred[i], camera), project(r.target[i], camera)) for r in results]
        tiles += [image, *flat, *(draw_skeleton_3d(r.pred[i], 'side', r.target[i]) for r in results)]
        errors = [f'{np.nanmean(result.errors[i]):.1f} mm' for result in results]
        captions += [f'image {results[0].img_ids[i]}', *errors, *errors]
    labels = [run.stage.label for run in chosen]
    headers = ['input', *labels, *(f'{label}, side' for label in labels)]
    return Picture(
        contact_sheet(tiles, len(headers), TILE, captions, headers),
        "Predicted hands in the fingers' colours over the true ones in grey, with the mean joint error: in the image, "
        'and from the side, where the camera is on the left. The images are taken at even distances from the test set.',
    )


def _activation_picture(finished: Sequence[_Finished], indices: Sequence[int]) -> Picture:
    """Maximum over the channels of each backbone's last feature map, over the input that it saw."""
    order = [run for role in ('student', 'twin', 'teacher') for run in finished if run.stage.role == role]
    columns: list[list[np.ndarray]] = []
    headers: list[str] = []
    for run in tqdm(order or finished[:1], desc='activation maps', leave=False):
        inputs, maps = _activations(run, indices)
        if not any(np.array_equal(inputs, column) for column in columns):  # student and twin see the same
            columns.append(inputs)
            headers.append('input')
        columns.append(maps)
        headers.append(run.stage.label)
    tiles = [tile for row in zip(*columns) for tile in row]
    return Picture(
        contact_sheet(tiles, len(headers), TILE, headers=headers),
        "The backbone's last feature map, reduced to the maximum over its channels and stretched to its own range: red "
        'is active, blue is not.',
    )


def _activations(run: _Finished, indices: Sequence[int]) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """A stage's inputs, and the same with their activation maps laid over them."""
    network = MODELS.build(run.cfg.model).eval()
    load_weights(network, run.stage.checkpoint, owner=run.stage.label)
    items = run.test_samples(indices)
    with torch.no_grad(), record_taps(network, ['backbone']) as taps:
        network.test_step(pseudo_collate(items))
    features = taps['backbone']
    features = features[-1] if isinstance(features, (tuple, list)) else features
    pictures = [_input_picture(item['inputs']) for item in items]
    inputs = [cv2.resize(picture, (TILE, TILE), interpolation=cv2.INTER_CUBIC) for picture in pictures]
    maps = map(activation_map, features.float().cpu().numpy())
    return inputs, [activation_picture(image, activation) for image, activation in zip(inputs, maps)]
