"""Deviations of a network that follows every change, and of one that follows none."""

from types import SimpleNamespace

import numpy as np
import pytest

from handkd.apis.consistency import SHIFT, TURNS, ZOOMS, deviations
from handkd.apis.labelled_photos import LabelledPhoto

BOX = (30.0, 40.0, 40.0, 20.0)


def network(pixels=True, trained_on='both'):
    return SimpleNamespace(facts=SimpleNamespace(pixels=pixels, trained_on=trained_on, crop=SimpleNamespace(border=0)))


class Blob:
    """Finds the bright pixel of an image, wherever the box is."""

    network = network()

    def one(self, pixels, box, side):
        row, column = np.unravel_index(pixels[..., 0].astype(int).argmax(), pixels.shape[:2])
        return dict(keypoints=np.tile([float(column), float(row)], (21, 1)))


class Fixed:
    """Says that all joints are a tenth of the box to the right of its centre."""

    network = network()

    def one(self, pixels, box, side):
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


def test_a_hand_that_is_rotated_out_of_the_image_is_not_lost(photo):
    pixels = np.zeros((60, 70, 3), np.uint8)  # the box ends in the image's lower right corner
    pixels[57:59, 67:69] = 255
    assert deviations(Blob(), pixels, photo)['rotation'] < 0.04


class Derived:
    """Knows the shape of a hand, whose rotation it sees, and places it so that its tight box fills the box."""

    network = network(pixels=False)
    hand = np.random.default_rng(0).normal(size=(21, 2))

    def one(self, pixels, box, side):
        marks = [np.argwhere(pixels[..., channel] > 127).mean(0)[::-1] for channel in (0, 1)]
        x, y = np.subtract(*marks) / np.linalg.norm(np.subtract(*marks))
        # the rotation by 90 degrees of the line between the marks tells a mirrored image by its third mark
        third = np.argwhere(pixels[..., 2] > 127).mean(0)[::-1] - marks[1]
        flip = np.sign(x * third[1] - y * third[0])
        hand = self.hand @ np.array([[x, y], [-y * flip, x * flip]])
        low, extent = hand.min(0), np.ptp(hand, 0)
        return dict(keypoints=(hand - low - extent / 2) * (box[2] / extent.max()) + np.array(box[:2]) + box[2] / 2)


def test_pixels_derived_from_the_box_are_compared_without_position_and_size(photo):
    pixels = np.zeros((120, 120, 3), np.uint8)
    for channel, (x, y) in enumerate(((62, 50), (38, 50), (38, 60))):
        pixels[y - 2 : y + 3, x - 2 : x + 3, channel] = 255
    found = deviations(Derived(), pixels, photo)
    assert found['scale'] == pytest.approx(0, abs=1e-9) and found['shift'] == pytest.approx(0, abs=1e-9)
    assert found['rotation'] < 0.01 and found['mirroring'] < 1e-9


class OneSided(Fixed):
    """Notes the sides that it is given."""

    network = network(trained_on='left')

    def __init__(self):
        self.sides = []

    def one(self, pixels, box, side):
        self.sides.append(side)
        return super().one(pixels, box, side)


def test_a_network_of_one_side_is_given_the_side():
    infer = OneSided()
    deviations(infer, np.zeros((100, 100, 3), np.uint8), LabelledPhoto('a.png', np.zeros((21, 2)), None, BOX, 'right'))
    assert infer.sides.count('left') == 1 and infer.sides.count('right') == 11  # only the mirrored one is a left hand
