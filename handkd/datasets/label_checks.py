"""Checks of the content of a data set's label files, before anything is computed from it."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from handkd.units import FARTHEST, is_sane

_NAMED = 5
"""Number of files that an error names."""


def check_finite(values: np.ndarray, names: Sequence[str], frames: Sequence[int], where: str | os.PathLike) -> None:
    """Raise a ValueError naming file, frame and joint if a label is no sane number (:func:`handkd.units.is_sane`).

    Args:
        values: Labels, shape (N, K, ...), any unit and frame.
        names: Of the K joints (or other entries of the second axis).
        frames: Of the N frames, as the data set numbers them.
        where: The label file.
    """
    bad = ~is_sane(values).all(axis=tuple(range(2, values.ndim)))
    if bad.any():
        frame, joint = np.argwhere(bad)[0]
        raise ValueError(
            f'{os.fspath(where)!r}: frame {frames[frame]}, joint {names[joint]!r} is {values[frame, joint].tolist()}, '
            f'which is no finite number up to {FARTHEST:g}; {int(bad.any(1).sum())} of {len(values)} frames have '
            'such labels, but the format has no missing joints: copy or download it again'
        )


def compare_images(
    folder: Path,
    numbers: Iterable[int],
    where: str | os.PathLike,
    pattern: str = '{}.png',
    ignored: Iterable[int] = (),
) -> str | None:
    """Describe how images and labels differ: both numbers, and the first names; None if they match.

    Args:
        folder: The folder with the images.
        numbers: The labelled frames.
        where: The label file.
        pattern: Name of a frame's image; files whose names have no number in place of the braces do not count.
            Defaults to '{}.png'.
        ignored: Frames with a label that are not needed: their images may exist or not. Defaults to ().
    """
    prefix, suffix = pattern[: pattern.index('{')], pattern[pattern.index('}') + 1 :]
    numbered = re.compile(re.escape(prefix) + r'\d+' + re.escape(suffix))
    with os.scandir(folder) as entries:
        found = {entry.name for entry in entries if numbered.fullmatch(entry.name)}
    found -= {pattern.format(number) for number in ignored}
    wanted = {pattern.format(number) for number in numbers}
    if found == wanted:
        return None
    differences = []
    for what, names in (('missing', wanted - found), ('without a label', found - wanted)):
        if names:
            first = ', '.join(sorted(names)[:_NAMED]) + (', ...' if len(names) > _NAMED else '')
            differences.append(f'{len(names)} {what} ({first})')
    return (
        f'{str(folder)!r} has {len(found)} images {prefix}*{suffix}, but {os.fspath(where)!r} has labels for '
        f'{len(wanted)}: {"; ".join(differences)}'
    )
