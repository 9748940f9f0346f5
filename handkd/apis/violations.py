"""Anatomically impossible hands: test images for which networks predict them, with the violating joints ringed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
from tqdm import tqdm

from handkd.evaluation import HandPredictions
from handkd.geometry import AngleLimits
from handkd.hand import SIDES
from handkd.registry import DATASETS
from handkd.visualization import Picture

from .pictures import predict_samples, prediction_sheet, select_images
from .trained import TrainedNetwork, check_same_images, identify, read_samples, spread_indices


def find_limits(network: TrainedNetwork) -> str:
    """Return the file of angle limits that the ``HandAngleMetric`` of a network's config takes.

    Raises:
        ValueError: If the config has no such metric.
    """
    evaluators = network.cfg.test_evaluator
    for evaluator in evaluators if isinstance(evaluators, Sequence) else [evaluators]:
        if evaluator['type'].rpartition('.')[2] == 'HandAngleMetric':
            return evaluator['limits']
    raise ValueError(
        f'{network.label}: its config has no HandAngleMetric with limits of joint angles: name a file with --limits'
    )


def violation_sheet(
    networks: Sequence[TrainedNetwork], limits: AngleLimits, num: int = 8, indices: Sequence[int] | None = None
) -> Picture:
    """Draw networks' hands over the true ones, joints with an angle out of bounds ringed: Fig. 3 of Zhang et al. 2020.

    Each network predicts its whole test set once. The caption begins with the number of test images with an angle out
    of bounds for each network, and the choice of the images shown.

    Args:
        networks: The networks, each on its own test set.
        limits: The bounds of the angles.
        num: How many images to show, evenly spaced among those where the first network has an angle out of
            bounds. Defaults to 8.
        indices: Which images to show instead. Defaults to None.

    Raises:
        ValueError: If the test sets do not show the same images, a sample has no hand side, a network predicts no
            joints in space, or the first one has no angle out of bounds and no images are named.
    """
    marks, left, predictions = zip(*map(_predict_all, networks))
    for network, other in zip(networks[1:], marks[1:]):
        check_same_images(marks[0], other, networks[0].label, network.label)
    violated = [limits.violated(result.pred, sides) for result, sides in zip(predictions, left)]
    bad = [np.flatnonzero(angles.any((1, 2))) for angles in violated]
    total, labels = len(marks[0]), [network.label for network in networks]
    if indices is None:
        if not bad[0].size:
            raise ValueError(
                f'{labels[0]} has no angle out of bounds on any of {total} images: name some with --indices'
            )
        indices = bad[0][spread_indices(len(bad[0]), num)].tolist()
        shown = f'{len(indices)} of those of {labels[0]}'
    else:
        shown = f'images {", ".join(map(str, indices))}'
    samples = read_samples(networks, indices)
    sheet = prediction_sheet(
        labels,
        [select_images(result, indices) for result in predictions],
        samples,
        [angles[indices] for angles in violated],
    )
    counts = ', '.join(f'{label} {len(found)}' for label, found in zip(labels, bad))
    lead = f'Images with an angle out of bounds, of {total}: {counts}; shown are {shown}.'
    return replace(sheet, caption=f'{lead} {sheet.caption}')


def _predict_all(network: TrainedNetwork) -> tuple[list[tuple], np.ndarray, HandPredictions]:
    """Return the keys of a network's test images, which of them show left hands, and its predictions for them."""
    test_set = DATASETS.build(network.cfg.test_dataloader.dataset)
    marks, left = [], []

    def read() -> Iterator[dict]:
        for index in tqdm(range(len(test_set)), desc=network.label, leave=False):
            item = test_set[index]
            side = item['data_samples'].get('hand_side')
            if side not in SIDES:
                raise ValueError(f'{network.label}: test image {index} needs a hand_side of {SIDES}, found {side!r}')
            marks.append(identify(item))
            left.append(side == 'left')
            yield item

    predictions = predict_samples(network, read())
    if predictions.unit != 'mm':
        raise ValueError(f'{network.label}: predicts joints in the image, but angles need joints in space')
    return marks, np.array(left), predictions
