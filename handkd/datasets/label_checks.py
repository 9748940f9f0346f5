"""Checks of the content of a data set's label files, before anything is computed from it."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from handkd.units import FARTHEST, is_sane

_NAMED = 5
"""Number of files that an error names."""
_TURN = 1e-3  # largest deviation of R R^T from 1, as data sets print rotations with four digits


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


def check_camera(camera: Mapping[str, np.ndarray], where: str) -> None:
    """Check that a camera's numbers are sane, ``K`` is a matrix of intrinsics, and ``R`` a rotation.

    Args:
        camera: Some of ``K`` (3, 3) px, ``R`` (3, 3), ``T`` (3,) mm, ``dist`` (5,); world to camera.
        where: File and place, for errors.

    Raises:
        ValueError: If not; names the place and the key, the expected and the found value.
    """
    for key, value in camera.items():
        if not is_sane(value).all():
            raise ValueError(f'{where}: {key!r} must be finite numbers up to {FARTHEST:g}, found {value.tolist()}')
    intrinsics, rotation = camera.get('K'), camera.get('R')
    if intrinsics is not None and not (intrinsics[2] == (0, 0, 1)).all():
        raise ValueError(
            f"{where}: the last row of 'K' must be 0 0 1, found {intrinsics[2].tolist()}; rows, not columns"
        )
    if intrinsics is not None and not (intrinsics.diagonal() > 0).all():
        raise ValueError(f"{where}: focal lengths in 'K' must be above 0, found {intrinsics.diagonal()[:2].tolist()}")
    if rotation is not None:
        off = np.abs(rotation @ rotation.T - np.eye(3)).max()
        if off > _TURN or np.linalg.det(rotation) < 0:
            raise ValueError(f"{where}: 'R' must be a rotation, found {rotation.tolist()}")


def compare_images(
    folder: Path, numbers: Iterable[int], where: str | os.PathLike, pattern: str = '{}.png'
) -> str | None:
    """Describe how images and labels differ: both numbers, and the first names; None if they match.

    Args:
        folder: The folder with the images.
        numbers: The labelled frames.
        where: The label file.
        pattern: Name of a frame's image; files whose names have no number in place of the braces do not count.
            Defaults to '{}.png'.
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
        f'{str(folder)!r} has {len(found)} images {prefix}*{suffix}, but {os.fspath(where)!r} has labels for '
        f'{len(wanted)}: {"; ".join(differences)}'
    )
