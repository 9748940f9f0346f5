"""Overlaps of boxes, in closed form."""

import numpy as np

from handkd.inference.overlaps import iou, suppress


def test_iou():
    boxes = np.array([(0, 0, 2, 2), (1, 1, 3, 3), (2, 0, 4, 2), (0, 0, 1, 4), (0, 0, 0, 0)], float)
    np.testing.assert_allclose(iou(boxes[0], boxes), [1, 1 / 7, 0, 2 / 6, 0])
    assert iou(boxes[4], boxes[4:]) == 0 and iou(boxes[0], boxes[:0]).shape == (0,)


def test_a_box_that_overlaps_a_kept_one_is_dropped():
    chain = np.array([(0, 0, 10, 10), (4, 0, 14, 10), (8, 0, 18, 10), (0, 0, 10, 10), (50, 0, 60, 10)], float)
    assert suppress(chain, 0.4).tolist() == [0, 2, 4]  # the third overlaps only a dropped one
    assert suppress(chain, 0.9).tolist() == [0, 1, 2, 4]
    assert suppress(chain[:0], 0.5).tolist() == []
