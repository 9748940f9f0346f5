"""How frames are dealt out, and images that can't be written."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from handkd.studio.layouts.frames import save_image, spread


@pytest.mark.parametrize(
    ('num', 'groups', 'expected'), [(7, 3, [3, 2, 2]), (6, 3, [2, 2, 2]), (2, 3, [1, 1, 1]), (3, 1, [3])]
)
def test_frames_are_dealt_out_evenly_and_every_group_has_one(num, groups, expected):
    assert spread(num, groups) == expected


def test_an_image_lies_where_its_name_says(tmp_path):
    image = np.arange(24, dtype=np.uint16).reshape(4, 6) * 2000
    assert save_image(tmp_path, 'a/b c/d.png', image) == 'a/b c/d.png'
    assert np.array_equal(cv2.imread(str(tmp_path / 'a/b c/d.png'), cv2.IMREAD_UNCHANGED), image)


def test_an_image_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / 'taken.png').mkdir()
    with pytest.raises(OSError, match=r'taken\.png could not be written'):
        save_image(tmp_path, 'taken.png', np.zeros((4, 4), np.uint8))
