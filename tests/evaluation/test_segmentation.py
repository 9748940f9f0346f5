"""Segmentation accuracy, counted by hand."""

import numpy as np
import pytest

from handkd.evaluation import segmentation_accuracy, segmentation_counts

TARGET = np.array([[0, 0, 1, 1], [3, 3, 3, 255]], np.uint8)
PRED = np.array([[0, 3, 1, 2], [3, 0, 3, 3]], np.uint8)


def test_background_unknown_and_absent_parts_do_not_count():
    correct, total = segmentation_counts(PRED, TARGET, num_parts=4)
    np.testing.assert_array_equal(correct, [1, 0, 2, 0])
    np.testing.assert_array_equal(total, [2, 0, 3, 0])
    accuracy = segmentation_accuracy(correct, total)
    assert accuracy.per_pixel == pytest.approx(3 / 5)
    assert accuracy.per_class == pytest.approx((1 / 2 + 2 / 3) / 2)


def test_pixels_are_pooled_over_images_before_the_mean():
    many = segmentation_counts(np.ones((9, 10), int), np.ones((9, 10), int))
    few = segmentation_counts(np.full((1, 10), 2), np.ones((1, 10), int))
    accuracy = segmentation_accuracy(*(a + b for a, b in zip(many, few)))
    assert accuracy == (0.9, 0.9)


def test_what_makes_no_sense_is_refused():
    for pred, target, message in (
        (PRED[:1], TARGET, r'one shape, found \(1, 4\) and \(2, 4\)'),
        (PRED.astype(float), TARGET, 'predicted parts must be whole numbers, found float64'),
        (PRED, TARGET, r'true parts must be 0..2 or 255, found 1..3'),
    ):
        with pytest.raises(ValueError, match=message):
            segmentation_counts(pred, target, num_parts=2)
    with pytest.raises(ValueError, match='nothing to evaluate'):
        segmentation_accuracy(*segmentation_counts(TARGET * 0, TARGET * 0))
