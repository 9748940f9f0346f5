"""Contact sheets: many small images in a grid, with captions."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

BACKGROUND = (255, 255, 255)
TEXT = (60, 60, 60)
GAP = 8
LINE = 22  # height of a line of text in px


def contact_sheet(
    tiles: Sequence[np.ndarray],
    columns: int,
    tile_size: int = 192,
    captions: Sequence[str] | None = None,
    headers: Sequence[str] | None = None,
) -> np.ndarray:
    """Arrange images in a grid, row by row.

    Args:
        tiles: BGR images, uint8, shape (H, W, 3) each, of any sizes; each is fitted into a square.
        columns: Tiles per row.
        tile_size: Side of the square in px.
        captions: One line of text under each tile, cut to its width.
        headers: One line of text above each column.

    Returns:
        The sheet, an image, BGR, uint8, shape (H, W, 3).

    Raises:
        ValueError: If there is no tile, or if texts and tiles don't match in number.
    """
    if len(tiles) == 0 or columns < 1:
        raise ValueError(f'a sheet needs at least one tile and one column, found {len(tiles)} and {columns}')
    for name, texts, count in (('captions', captions, len(tiles)), ('headers', headers, columns)):
        if texts is not None and len(texts) != count:
            raise ValueError(f'expected {count} {name}, found {len(texts)}')
    columns = columns if headers is not None else min(columns, len(tiles))
    top = GAP + (LINE if headers is not None else 0)
    cell = tile_size + (LINE if captions is not None else 0) + GAP
    rows = -(-len(tiles) // columns)
    sheet = np.full((top + rows * cell, GAP + columns * (tile_size + GAP), 3), BACKGROUND, np.uint8)
    for column, text in enumerate(headers or ()):
        write_line(sheet, text, GAP + column * (tile_size + GAP), LINE, tile_size)
    for i, tile in enumerate(tiles):
        y, x = top + i // columns * cell, GAP + i % columns * (tile_size + GAP)
        sheet[y : y + tile_size, x : x + tile_size] = fit_square(tile, tile_size)
        if captions is not None:
            write_line(sheet, captions[i], x, y + tile_size + LINE - 7, tile_size)
    return sheet


def fit_square(image: np.ndarray, size: int) -> np.ndarray:
    """Scale an image to fit into a square, centred, with its aspect ratio.

    Args:
        image: BGR, uint8, shape (H, W, 3).
        size: Side of the square in px.

    Returns:
        BGR, uint8, shape (size, size, 3).
    """
    height, width = image.shape[:2]
    scale = size / max(height, width)
    shape = max(1, round(width * scale)), max(1, round(height * scale))
    small = cv2.resize(image, shape, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
    square = np.full((size, size, 3), BACKGROUND, np.uint8)
    y, x = (size - shape[1]) // 2, (size - shape[0]) // 2
    square[y : y + shape[1], x : x + shape[0]] = small
    return square


def write_line(sheet: np.ndarray, text: str, x: int, y: int, width: int) -> None:
    """Write one line of text onto a sheet, cut to a width; cv2's fonts are ASCII only.

    Args:
        sheet: The image, BGR, uint8, shape (H, W, 3); it is changed.
        text: The line.
        x: Left end, px.
        y: Baseline, px.
        width: Available width, px.
    """
    font, scale = cv2.FONT_HERSHEY_SIMPLEX, 0.45
    text = text.encode('ascii', 'replace').decode()
    while text and cv2.getTextSize(text, font, scale, 1)[0][0] > width:
        text = text[:-1]
    cv2.putText(sheet, text, (x, y), font, scale, TEXT, 1, cv2.LINE_AA)
