"""What the arrays of a pack are like: types and shapes of its images, and the labels that make sense."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from math import prod

import numpy as np

from handkd.datasets.transforms.batch import ROWS

from .planes import PLANE_MODALITIES

NPY_HEADER = 1 << 16
"""More bytes than the header of a ``.npy`` file of a pack has."""
MOST_LABEL_BYTES = 1 << 20
"""Bytes of the labels of a sample that are not exceeded."""
_LONGEST_TEXT = 1 << 16
_LARGEST = 1e12
"""No coordinate, in px or mm, is beyond."""
_GEOMETRY = {*ROWS, 'warp_matrix', 'camera.K', 'camera.R', 'camera.T'}
"""Labels that are computed with."""
_JOINTS = ('keypoints', 'keypoints_cam')
"""Those that need not be finite where a joint has no label."""


@dataclass(frozen=True)
class ArrayForm:
    """Type and shape of an array of a sample."""

    dtype: str
    shape: tuple[int, ...]

    @property
    def bytes(self) -> int:
        """Its size."""
        return np.dtype(self.dtype).itemsize * prod(self.shape)


def plane_forms(modalities: Collection[str], size: int) -> dict[str, ArrayForm]:
    """Return what the stored images of a sample are like, keys of :data:`~.planes.PLANE_MODALITIES`.

    Args:
        modalities: Those that are packed.
        size: Side of a crop in px.
    """
    forms = {
        'img': ArrayForm('|u1', (size, size, 3)),
        'depth': ArrayForm('<u2', (size, size)),
        'parts': ArrayForm('|u1', (size, size)),
    }
    return {name: forms[name] for name, kinds in PLANE_MODALITIES.items() if set(kinds) & set(modalities)}


def field_bytes(fields: Sequence[Sequence]) -> int:
    """Return how many bytes the labels of a sample have at least, of fields as in :class:`~.labels.LabelSchema`."""
    return sum(1 if kind == 'text' else np.dtype(dtype).itemsize * prod(shape) for _, kind, dtype, shape in fields)


def check_label_type(found: np.dtype, fields: Sequence[Sequence]) -> None:
    """Check that a structured type is that of labels.

    Args:
        found: The type.
        fields: As in :class:`~.labels.LabelSchema`.

    Raises:
        ValueError: If it is not; names what differs.
    """
    names = [key for key, *_ in fields]
    if list(found.names or ()) != names:
        raise ValueError(f'expected the labels {names}, found {list(found.names or ())}')
    formats = []
    for key, kind, dtype, shape in fields:
        entry = found[key]
        if kind == 'text' and not (entry.kind == 'S' and 0 < entry.itemsize <= _LONGEST_TEXT):
            raise ValueError(f'label {key!r}: expected a text of at most {_LONGEST_TEXT} bytes, found {entry}')
        formats.append(entry if kind == 'text' else (dtype, tuple(shape)))
    expected = np.dtype(dict(names=names, formats=formats))
    if found != expected:
        raise ValueError(f'expected labels of the type {expected}, found {found}')


def check_labels(rows: np.ndarray) -> None:
    """Check that labels are numbers that can be computed with: finite, and no coordinate beyond 1e12.

    Joints without a label, which ``keypoints_valid`` or ``keypoints_visible`` marks, may be anything.

    Args:
        rows: A structured array (N,).

    Raises:
        ValueError: If not; names the label, and the first row that has it.
    """
    for key in _GEOMETRY.intersection(rows.dtype.names):
        values = rows[key]
        if values.dtype.kind != 'f':
            continue
        with np.errstate(invalid='ignore'):
            right = np.abs(values) <= _LARGEST
        if key in _JOINTS and not right.all():
            right |= _unlabelled(rows, right.shape)
        if not right.all():
            row = int(np.flatnonzero(~right.reshape(len(rows), -1).all(1))[0])
            found = values[row][~right[row]].flat[0]
            raise ValueError(f'row {row}: {key!r} must be finite and within {_LARGEST:g}, found {found}')


def _unlabelled(rows: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Return which coordinates, of a shape (N, 1, K, D), are of joints that are marked as without label."""
    marked = np.zeros(shape, bool)
    for key in ('keypoints_valid', 'keypoints_visible'):
        if key in rows.dtype.names and rows[key].shape == shape[:3]:
            marked |= (rows[key] == 0)[..., None]
    return marked


def check_array(dtype: np.dtype, shape: tuple[int, ...], form: ArrayForm, rows: tuple[int, ...]) -> None:
    """Check the type and shape of stored images.

    Args:
        dtype: The type.
        shape: The shape.
        form: What is expected of each image.
        rows: (N,) for those of N samples, () for those of one.

    Raises:
        ValueError: If they are others; says which.
    """
    if dtype != np.dtype(form.dtype) or shape != rows + form.shape:
        raise ValueError(f'expected {np.dtype(form.dtype)} {rows + form.shape}, found {dtype} {shape}')


def check_names(forms: Mapping[str, ArrayForm], found: Collection[str]) -> None:
    """Raise a ValueError if not all images and labels of a sample are there, or others; says which."""
    expected = {*forms, 'labels'}
    if set(found) != expected:
        raise ValueError(f'expected the arrays {sorted(expected)}, found {sorted(found)}')
