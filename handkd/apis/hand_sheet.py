"""Contact sheet of labelled hands of a data set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from handkd.datasets.transforms import HandCrop, WarpCrop, check_sample
from handkd.visualization import contact_sheet, sample_tiles, write_picture

_TILE = 200
_COLUMNS = 8


def draw_hands(
    dataset: object, indices: Sequence[int], path: Path, notes: Mapping[int, str] | None = None, num: int = 24
) -> None:
    """Draw the hands of samples, spread over a sequence of them, with their joints, and write the sheet.

    Samples with fewer than two labelled joints are left out; without any other, nothing is written.

    Args:
        dataset: Has ``get_data_info``.
        indices: The samples, of which ``num`` are drawn at equal steps.
        path: The image file.
        notes: Text beside the number in a sample's caption. Defaults to None: its side.
        num: Maximum number of samples. Defaults to 24.

    Raises:
        OSError: If an image can't be read, or the sheet can't be written.
    """
    if not len(indices):
        return
    chosen = [indices[i] for i in np.unique(np.linspace(0, len(indices) - 1, num).astype(int))]
    crop, warp = HandCrop('square', 1.6), WarpCrop(_TILE)
    tiles, captions = [], []
    for index in chosen:
        sample = dataset.get_data_info(index)
        check_sample(sample)  # marks the joints without a label
        if (sample['keypoints_valid'] > 0).sum() < 2:
            continue
        drawn = sample_tiles(warp(crop(sample)), None, True, _TILE)
        tiles += drawn
        note = sample.get('hand_side', '') if notes is None else notes.get(index, '')
        captions += [f'{index} {note}'] + [''] * (len(drawn) - 1)
    if tiles:
        per_sample = len(drawn)
        columns = max(1, _COLUMNS // per_sample) * per_sample
        write_picture(path, contact_sheet(tiles, columns, _TILE, captions))
