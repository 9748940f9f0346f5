"""Deviations of a network that follows every change, and of one that follows none."""

import numpy as np
import pytest

from handkd.apis.consistency import SHIFT, TURNS, ZOOMS, deviations
from handkd.apis.labelled_photos import LabelledPhoto

BOX = (30.0, 40.0, 40.0, 20.0)


class Blob:
    """Finds the bright pixel of an image, wherever the box is."""

    def one(self, pixels, box):
        row, column = np.unravel_index(pixels[..., 0].astype(int).argmax(), pixels.shape[:2])
        return dict(keypoints=np.tile([float(column), float(row)], (21, 1)))


class Fixed:
    """Says that all joints are a tenth of the box to the right of its centre."""

    def one(self, pixels, box):
        x, y, width, height = box
        return dict(keypoints=np.tile([x + 0.6 * width, y + height / 2], (21, 1)))


@pytest.fixture
def photo():
    return LabelledPhoto('a.png', np.zeros((21, 2)), None, BOX, None)


def test_a_network_that_follows_the_hand_is_consistent(photo):
    pixels = np.zeros((100, 100, 3), np.uint8)
    pixels[52:55, 58:61] = 200
    pixels[53, 59] = 255
    found = deviations(Blob(), pixels, photo)
    assert list(found) == ['rotation', 'mirroring', 'scale', 'shift']
    assert found['rotation'] < 0.02 and found['mirroring'] == found['scale'] == found['shift'] == 0


def test_a_network_that_follows_the_box_is_not(photo):
    found = deviations(Fixed(), np.zeros((100, 100, 3), np.uint8), photo)
    turns = np.radians(TURNS)
    assert found['rotation'] == pytest.approx(np.mean(0.1 * 2 * np.abs(np.sin(turns / 2))))
    assert found['mirroring'] == pytest.approx(0.2)
    assert found['scale'] == pytest.approx(np.mean([0.1 * abs(zoom - 1) for zoom in ZOOMS]))
    assert found['shift'] == pytest.approx(SHIFT)
