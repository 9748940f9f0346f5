"""Part maps in colours, and their legend."""

from __future__ import annotations

import colorsys

import numpy as np

from handkd.hand import FINGERS, JOINTS, NUM_PARTS, PALM_PARTS, PART_UNKNOWN
from handkd.skeleton_drawing import joint_color

from .sheet import BACKGROUND, GAP, LINE, write_line

_ENTRY = 148  # width of an entry of the legend in px
_SWATCH = 16


def _color_table() -> np.ndarray:
    """BGR colour of each label, (256, 3), uint8."""
    table = np.zeros((256, 3), np.uint8)
    for part in range(1, NUM_PARTS + 1):
        hue, light, saturation = colorsys.rgb_to_hls(*(channel / 255 for channel in joint_color(part)))
        if part in PALM_PARTS:
            saturation *= 0.35
        table[part] = np.multiply(colorsys.hls_to_rgb(hue, light + 0.1 * ((part - 1) % 4 - 1), saturation), 255)
    table[PART_UNKNOWN] = 255
    return table


_TABLE = _color_table()


def part_picture(part_seg: np.ndarray) -> np.ndarray:
    """Show part labels in the fingers' colours, paler towards the tip; palm greyish, background black, unknown white.

    Args:
        part_seg: Part map of an image, uint8, shape (H, W): 0 background, 1..20 parts, 255 unknown.

    Returns:
        BGR, uint8, shape (H, W, 3).
    """
    return _TABLE[part_seg]


def enlarge(picture: np.ndarray, min_size: int) -> np.ndarray:
    """Enlarge an image by repeating pixels, so that labels are not interpolated.

    Args:
        picture: Image of shape (H, W, 3).
        min_size: The image is enlarged by the least whole factor that gives its longer side this length, px.

    Returns:
        Shape (H', W', 3), where H' and W' are whole multiples of H and W.
    """
    factor = -(-min_size // max(picture.shape[:2]))
    return picture.repeat(factor, 0).repeat(factor, 1)


def part_legend() -> np.ndarray:
    """Return the legend: colour, number and name of each part, one column per finger; named after the bone's far joint.

    Returns:
        BGR, uint8, shape (H, W, 3).
    """
    rows = NUM_PARTS // len(FINGERS)
    legend = np.full((2 * GAP + rows * LINE, GAP + len(FINGERS) * _ENTRY, 3), BACKGROUND, np.uint8)
    for part in range(1, NUM_PARTS + 1):
        column, row = divmod(part - 1, rows)
        x, y = GAP + column * _ENTRY, GAP + row * LINE
        legend[y : y + _SWATCH, x : x + _SWATCH] = _TABLE[part]
        text = x + _SWATCH + GAP
        write_line(legend, f'{part} {JOINTS[part]}', text, y + _SWATCH - 4, x + _ENTRY - text)
    return legend
