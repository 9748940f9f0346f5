"""Contact sheets: every tile in its place and its proportions, and texts that fit."""

import numpy as np
import pytest

from handkd.visualization import contact_sheet, fit_square
from handkd.visualization.sheet import GAP, LINE


def tile(value: int, height: int = 10, width: int = 10) -> np.ndarray:
    """A plain tile."""
    return np.full((height, width, 3), value, np.uint8)


def test_tiles_stand_row_by_row():
    sheet = contact_sheet([tile(10), tile(20), tile(30)], 2, 40)
    assert sheet.shape == (2 * 40 + 3 * GAP, 2 * 40 + 3 * GAP, 3)
    for i, value in enumerate((10, 20, 30)):
        y, x = GAP + i // 2 * (40 + GAP), GAP + i % 2 * (40 + GAP)
        assert (sheet[y : y + 40, x : x + 40] == value).all()
    assert (sheet[GAP + 48 :, GAP + 48 :] == 255).all()


def test_fewer_tiles_than_columns_make_a_narrow_sheet():
    assert contact_sheet([tile(1)], 8, 40).shape[1] == 40 + 2 * GAP


def test_proportions_are_kept():
    square = fit_square(tile(0, 20, 40), 80)
    assert (square[20:60] == 0).all() and (square[:20] == 255).all() and (square[60:] == 255).all()
    assert fit_square(tile(0, 1, 500), 50).shape == (50, 50, 3)


def test_captions_stay_within_their_tile():
    tiles = [tile(255), tile(255)]
    sheet = contact_sheet(tiles, 2, 60, captions=['a very long caption indeed', ''], headers=['one', 'b\u00e4'])
    caption = sheet[GAP + LINE + 60 : GAP + LINE + 60 + LINE]
    assert (caption[:, GAP : GAP + 60] < 128).any()
    assert (caption[:, GAP + 60 :] == 255).all()
    assert (sheet[: GAP + LINE, : GAP + 60] < 128).any()


def test_what_does_not_match_is_refused():
    with pytest.raises(ValueError, match='at least one tile'):
        contact_sheet([], 3)
    with pytest.raises(ValueError, match='expected 2 captions, found 1'):
        contact_sheet([tile(0), tile(0)], 2, captions=['a'])
    with pytest.raises(ValueError, match='expected 3 headers, found 1'):
        contact_sheet([tile(0)], 3, headers=['a'])
