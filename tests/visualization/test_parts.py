"""Part maps in colours: every part has its own, its finger's, and the legend says which."""

import colorsys

import cv2
import numpy as np
import pytest

from handkd.hand import JOINTS, PALM_PARTS, PART_UNKNOWN
from handkd.visualization import enlarge, joint_color, part_legend, part_picture, parts
from handkd.visualization.sheet import GAP, LINE

COLORS = part_picture(np.arange(21, dtype=np.uint8)[None])[0].astype(int)


def test_parts_differ_and_follow_their_finger():
    assert not COLORS[0].any()
    assert len({tuple(color) for color in COLORS}) == 21
    assert (part_picture(np.full((1, 1), PART_UNKNOWN, np.uint8)) == 255).all()
    for part in range(1, 21):
        assert COLORS[part].argmax() == np.argmax(joint_color(part))


def test_fingers_pale_towards_the_tip_and_the_palm_is_greyish():
    hls = np.array([colorsys.rgb_to_hls(*color[::-1] / 255) for color in COLORS])
    for base in PALM_PARTS:
        assert (np.diff(hls[base + 1 : base + 4, 1]) > 0.08).all()
        assert hls[base, 2] < 0.4 * hls[base + 1 : base + 4, 2].min()


@pytest.mark.parametrize(('size', 'factor'), [(1, 1), (6, 1), (7, 2), (12, 2), (13, 3)])
def test_pictures_are_enlarged_by_whole_factors_with_no_new_colours(size, factor):
    picture = np.random.default_rng(0).integers(0, 256, (4, 6, 3), np.uint8)
    large = enlarge(picture, size)
    assert large.shape == (4 * factor, 6 * factor, 3)
    for row, column in np.ndindex(large.shape[:2]):
        assert (large[row, column] == picture[row // factor, column // factor]).all()


def test_the_legend_names_the_colours_finger_by_finger(monkeypatch):
    written = []
    monkeypatch.setattr(parts, 'write_line', lambda sheet, text, *place: written.append((text, *place)))
    legend = part_legend()
    assert [text for text, *_ in written] == [f'{part} {JOINTS[part]}' for part in range(1, 21)]
    for part, (text, x, y, width) in enumerate(written, start=1):
        row = GAP + (part - 1) % 4 * LINE + 8
        assert (legend[row, x - GAP - 8] == COLORS[part]).all()
        assert cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, 0.45, 1)[0][0] <= width  # else it is cut
        assert row < y < row + LINE - 8 and x + width <= legend.shape[1]
