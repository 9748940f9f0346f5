"""Checks of what a data set's label files say, before anything is computed from it."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

_NAMED = 5
"""How many files an error names."""


def check_finite(values: np.ndarray, names: Sequence[str], frames: Sequence[int], where: str | os.PathLike) -> None:
    """Raise a ValueError naming file, frame and joint if a label is not a finite number.

    Args:
        values: Shape (N, K, ...).
        names: Of the K joints (or whatever the second axis is).
        frames: Of the N frames, as the data set numbers them.
        where: The label file.
    """
    bad = ~np.isfinite(values).all(axis=tuple(range(2, values.ndim)))
    if bad.any():
        frame, joint = np.argwhere(bad)[0]
        raise ValueError(
            f'{os.fspath(where)!r}: frame {frames[frame]}, joint {names[joint]!r} is {values[frame, joint].tolist()}, '
            f'which is no finite number; {int(bad.any(1).sum())} of {len(values)} frames have such labels, and the '
            'format knows no missing joints: copy or download it again'
        )


def compare_images(
    folder: Path, numbers: Iterable[int], where: str | os.PathLike, pattern: str = '{}.png'
) -> str | None:
    """Say how images and labels differ: both numbers, and the first names; None if they go together.

    Args:
        folder: The folder with the images.
        numbers: The labelled frames.
        where: The label file.
        pattern: Name of the image of a frame; files whose names have no number there do not count. Defaults to
            '{}.png'.
    """
    prefix, suffix = pattern[: pattern.index('{')], pattern[pattern.index('}') + 1 :]
    numbered = re.compile(re.escape(prefix) + r'\d+' + re.escape(suffix))
    with os.scandir(folder) as entries:
        found = {entry.name for entry in entries if numbered.fullmatch(entry.name)}
    wanted = {pattern.format(number) for number in numbers}
    if found == wanted:
        return None
    differences = []
    for what, names in (('missing', wanted - found), ('without a label', found - wanted)):
        if names:
            first = ', '.join(sorted(names)[:_NAMED]) + (', ...' if len(names) > _NAMED else '')
            differences.append(f'{len(names)} {what} ({first})')
    return (
        f'{str(folder)!r} holds {len(found)} images {prefix}*{suffix}, and {os.fspath(where)!r} has labels for '
        f'{len(wanted)}: {"; ".join(differences)}'
    )
