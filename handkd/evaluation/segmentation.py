"""Accuracy of part segmentation on plain arrays: two accuracies of a whole set from the counts of its images."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from handkd.hand import NUM_PARTS, PART_UNKNOWN


class SegmentationAccuracy(NamedTuple):
    """Shares from 0 to 1 of pixels that have their true part; the background does not count."""

    per_pixel: float
    """Correct pixels among all foreground pixels, pooled over the images."""
    per_class: float
    """Mean over the classes of each class's share, pooled over the images; classes that never occur are left out."""


def segmentation_counts(
    pred: np.ndarray, target: np.ndarray, num_parts: int = NUM_PARTS
) -> tuple[np.ndarray, np.ndarray]:
    """Count the pixels of each true part, and the correctly predicted ones among them.

    Args:
        pred: Predicted parts of each pixel of an image, integer, shape (..., H, W): 0 background, 1..num_parts.
        target: True parts, of the same shape; 255 is unknown and ignored, and so is the background.
        num_parts: Number of parts. Defaults to NUM_PARTS: the hand's.

    Returns:
        Correct pixels and all pixels of parts 1..num_parts, two int64 arrays of shape (num_parts,), to be summed over
        the images.

    Raises:
        ValueError: If the shapes differ, a map is not of integers, or a true part does not exist.
    """
    pred, target = np.asarray(pred), np.asarray(target)
    if pred.shape != target.shape:
        raise ValueError(f'predicted and true parts must have one shape, found {pred.shape} and {target.shape}')
    for name, parts in (('predicted', pred), ('true', target)):
        if not np.issubdtype(parts.dtype, np.integer):
            raise ValueError(f'{name} parts must be whole numbers, found {parts.dtype}')
    known = (target != 0) & (target != PART_UNKNOWN)
    truth, right = target[known].astype(np.int64), pred[known] == target[known]
    if truth.size and not 1 <= truth.min() <= truth.max() <= num_parts:
        raise ValueError(f'true parts must be 0..{num_parts} or {PART_UNKNOWN}, found {truth.min()}..{truth.max()}')
    counts = np.bincount(truth, minlength=num_parts + 1), np.bincount(truth[right], minlength=num_parts + 1)
    return counts[1][1:], counts[0][1:]


def segmentation_accuracy(correct: np.ndarray, total: np.ndarray) -> SegmentationAccuracy:
    """Return the two accuracies of Neverova et al. (2017) from the counts of a whole set.

    Args:
        correct: Correct pixels of each part, summed over the set, of any image size, shape (P,).
        total: All pixels of each part, of the same shape.

    Raises:
        ValueError: If no part has a pixel.
    """
    correct, total = np.asarray(correct), np.asarray(total)
    seen = total > 0
    if not seen.any():
        raise ValueError('there is nothing to evaluate: no labelled pixel of any part')
    return SegmentationAccuracy(float(correct.sum() / total.sum()), float((correct[seen] / total[seen]).mean()))
