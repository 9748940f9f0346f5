"""Test images with predicted hands over the true ones, for several networks side by side."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from mmengine.dataset import pseudo_collate
from mmengine.evaluator import Evaluator

from handkd.evaluation import HandPredictions
from handkd.geometry import ANGLE_JOINTS, original_pixels, project
from handkd.hand import NUM_JOINTS
from handkd.registry import DATASETS
from handkd.visualization import Picture, contact_sheet, depth_picture, draw_skeleton, draw_skeleton_3d

from .runs import main_evaluator
from .trained import BATCH, TrainedNetwork

TILE = 200
"""Side of a tile in a grid, in px."""


class Column(NamedTuple):
    """A column of a sheet."""

    header: str
    tiles: Sequence[np.ndarray]
    """Pictures, BGR, uint8, from top to bottom."""
    captions: Sequence[str]
    """A line of text under each picture."""


def input_picture(inputs: dict[str, torch.Tensor], modality: str | None = None) -> np.ndarray:
    """Return a network's input as a picture.

    Args:
        inputs: Modality -> tensor (C, H, W) of the crop, as PackHandInputs makes them: uint8, or depth in the cube.
        modality: 'rgb' or 'depth'. Defaults to None: the colour image, else the depth.

    Returns:
        BGR, uint8, shape (H, W, 3).
    """
    if (modality or ('rgb' if 'rgb' in inputs else 'depth')) == 'depth':
        return depth_picture(inputs['depth'][0].numpy())
    return np.ascontiguousarray(inputs['rgb'].permute(1, 2, 0).numpy())


def predict_samples(network: TrainedNetwork, items: Iterable[dict]) -> HandPredictions:
    """Return a network's predictions for some test samples, aligned as by the first metric of its config.

    Args:
        network: The network.
        items: Its packed test samples; they are taken batch by batch.

    Raises:
        ValueError: If a prediction is not finite, or no joint counts.
    """
    main = main_evaluator(network.cfg)
    module, items, count = network.build(), iter(items), 0
    with tempfile.TemporaryDirectory() as folder, torch.no_grad():
        evaluator = Evaluator([dict(main, joint_table=False, dump=str(Path(folder) / 'predictions.npz'))])
        evaluator.dataset_meta = DATASETS.build(network.cfg.test_dataloader.dataset).metainfo
        while batch := list(islice(items, BATCH)):
            evaluator.process(module.test_step(pseudo_collate(batch)))
            count += len(batch)
        evaluator.evaluate(count)
        return HandPredictions.load(Path(folder) / 'predictions.npz')


def select_images(predictions: HandPredictions, indices: Sequence[int]) -> HandPredictions:
    """Return the predictions for some of the images."""
    arrays = {name: getattr(predictions, name)[indices] for name in ('pred', 'target', 'valid', 'img_ids')}
    return replace(predictions, **arrays)


def prediction_sheet(
    labels: Sequence[str],
    predictions: Sequence[HandPredictions],
    samples: Sequence[Sequence[dict]],
    violated: Sequence[np.ndarray] | None = None,
) -> Picture:
    """Draw predicted hands over the true ones, one row per image: Figs. 6 to 8 of Yuan et al. 2018.

    From left to right the input of the first network, each network's hand in its own input, and for 3D predictions
    the hand from the side. Joints that do not count are left out of the true hand.

    Args:
        labels: Name of each network.
        predictions: Each network's predictions for N images.
        samples: The N packed samples of each network.
        violated: Which angles of each network's N hands are out of bounds, shape (N, 5, 4), bool: their joints are
            ringed, and their number is in the caption. Defaults to None: angles are not shown.

    Raises:
        ValueError: If a network predicts other joints than the 21.
    """
    if violated is None:
        marks = [[None] * len(items) for items in samples]
    else:
        marks = [[_joints_of(hand) for hand in angles] for angles in violated]
    names = [f'image {number}' for number in predictions[0].img_ids]
    columns = [Column('input', [input_picture(item['inputs']) for item in samples[0]], names)]
    for i, label in enumerate(labels):
        column = hand_column(label, predictions[i], samples[i], marks[i])
        if violated is not None:
            texts = [f'{_count_angles(angles)}, {text}' for angles, text in zip(violated[i], column.captions)]
            column = column._replace(captions=texts)
        columns.append(column)
    for label, result, marked in zip(labels, predictions, marks):
        if result.unit == 'mm':
            hands = zip(result.pred, _truth(result), marked)
            tiles = [draw_skeleton_3d(pred, 'side', truth, marked=mark) for pred, truth, mark in hands]
            columns.append(Column(f'{label}, side', tiles, [''] * len(tiles)))
    text = "Predicted hands in the fingers' colours over the true ones in grey, with the mean joint error."
    if violated is not None:
        text += (
            ' Red rings are around joints with an angle out of bounds; the number of such angles is below each hand.'
        )
    if any(result.unit == 'mm' for result in predictions):
        text += ' From the side, the camera is on the left.'
    return Picture(lay_columns(columns), text)


def hand_column(
    label: str, result: HandPredictions, items: Sequence[dict], marks: Sequence[np.ndarray | None]
) -> Column:
    """Draw a network's hands over the true ones, each in the network's input, with their mean errors.

    Args:
        label: Name of the network.
        result: Its predictions for N images.
        items: The N packed samples.
        marks: For each hand the joints to ring, shape (21,), bool, or None.

    Raises:
        ValueError: If it predicts other joints than the 21.
    """
    if result.pred.shape[1] != NUM_JOINTS:
        raise ValueError(
            f'{label}: only hands with {NUM_JOINTS} joints can be drawn, but it predicts {result.pred.shape[1]}'
        )
    hands = zip(items, result.pred, _truth(result), marks)
    errors = [_mean_error(row, result.unit) for row in result.errors]
    return Column(label, [_draw_flat(*hand) for hand in hands], errors)


def lay_columns(columns: Sequence[Column], tile_size: int = TILE) -> np.ndarray:
    """Lay columns of equal length side by side.

    Args:
        columns: The columns.
        tile_size: Side of a tile in px. Defaults to TILE.

    Returns:
        The sheet, BGR, uint8, shape (H, W, 3).
    """
    headers, tiles, captions = zip(*columns)
    tiles, captions = ([one for row in zip(*rows) for one in row] for rows in (tiles, captions))
    return contact_sheet(tiles, len(headers), tile_size, captions, headers)


def _joints_of(angles: np.ndarray) -> np.ndarray:
    """Return the joints (21,), bool, of the marked angles (5, 4), bool."""
    joints = np.zeros(NUM_JOINTS, bool)
    joints[np.array(ANGLE_JOINTS)[angles]] = True
    return joints


def _count_angles(angles: np.ndarray) -> str:
    return f'{angles.sum()} angle{"" if angles.sum() == 1 else "s"} out'


def _mean_error(errors: np.ndarray, unit: str) -> str:
    counted = errors[np.isfinite(errors)]
    return f'{counted.mean():.1f} {unit}' if counted.size else 'no joint counts'


def _truth(result: HandPredictions) -> np.ndarray:
    """Return the true joints, NaN where they do not count."""
    return np.where(result.valid[..., None], result.target, np.nan)


def _draw_flat(item: dict, pred: np.ndarray, truth: np.ndarray, marked: np.ndarray | None) -> np.ndarray:
    """Draw a predicted hand over the true one, in the network's input."""
    meta = item['data_samples'].metainfo
    if pred.shape[-1] == 3:
        pixels = [project(joints, meta['camera']) for joints in (pred, truth)]
    else:  # the crop is to the original image what that is to the crop, the other way round
        back = np.linalg.inv(meta.get('warp_matrix', np.eye(3)))
        pixels = [original_pixels(joints, back) for joints in (pred, truth)]
    return draw_skeleton(input_picture(item['inputs']), *pixels, marked=marked)
