"""What is known of a hand is checked, and gives the square around it."""

import numpy as np
import pytest
from mmengine.config import Config

from handkd.apis.inference_config import crop_of
from handkd.inference.images import InferenceImage
from handkd.inference.places import HandFinder, KnownHand, find_box

from .test_inferencer import IMAGE, TEST_SET


@pytest.mark.parametrize(
    ('box', 'message'),
    [
        ('half', "must be 'full' or"),
        ((1, 2, 3), 'must be'),
        ((1, 2, 0, 4), 'positive size'),
        ((1, 2, np.nan, 4), 'must be'),
        ((120, 0, 10, 10), 'outside the image of 120 x 90 px'),
        ((0, -10, 10, 10), 'outside the image'),
    ],
)
def test_boxes_that_make_no_sense(box, message):
    with pytest.raises(ValueError, match=message):
        find_box(box, (90, 120), 'hand.png', 1.25)


@pytest.mark.parametrize(
    ('values', 'message'),
    [
        (dict(side='Left'), "side must be one of .*found 'Left'"),
        (dict(hand_scale_mm=np.nan), 'positive length in mm'),
        (dict(camera=np.eye(2)), r'shape \(3, 3\), found shape \(2, 2\)'),
        (dict(camera=np.zeros((3, 3))), 'camera'),
    ],
)
def test_known_values_that_make_no_sense(values, message):
    with pytest.raises(ValueError, match=message):
        KnownHand(**values)


def test_a_hand_is_where_its_box_is_and_else_fills_the_image():
    find, image = HandFinder(crop_of(Config(dict(test_dataloader=TEST_SET)))), InferenceImage('rgb', IMAGE)
    for box, middle, side, whole in (
        (np.array([30, 20, 40, 50]), (50, 45), 62.5, False),
        ('full', (59.5, 44.5), 120, True),
    ):
        known = KnownHand(box)
        find.check(known)
        found = find(image, known)
        np.testing.assert_allclose([*found.square[0], found.square[1]], [*middle, side])
        assert found.pixels is IMAGE and found.place.whole == whole
    with pytest.raises(ValueError, match="root is for crops of the rules 'zb' and 'cube'"):
        find.check(KnownHand(root=(5, 6)))
