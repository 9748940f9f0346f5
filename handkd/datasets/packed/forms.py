"""Form of a pack's arrays: types and shapes of its images, and valid labels."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from math import prod

import numpy as np

from handkd.datasets.transforms.batch import ROWS
from handkd.hand import HAND_TYPES
from handkd.units import FARTHEST, is_sane

from .planes import PLANE_MODALITIES

NPY_HEADER = 1 << 16
"""Upper bound of the header of a pack's ``.npy`` file in bytes."""
MOST_LABEL_BYTES = 1 << 20
"""Upper bound of the labels of a sample in bytes."""
_LONGEST_TEXT = 1 << 16
_GEOMETRY = {*ROWS, 'warp_matrix', 'camera.K', 'camera.R', 'camera.T'}
"""Labels used in computations."""
_HAND_TYPES = (b'', *(name.encode() for name in HAND_TYPES))
"""Values of 'hand_type'; the rows of skipped samples are empty."""
_JOINTS = ('keypoints', 'keypoints_cam')
"""Labels that may be non-finite for joints without a label."""


@dataclass(frozen=True)
class ArrayForm:
    """Type and shape of an array of a sample."""

    dtype: str
    shape: tuple[int, ...]

    @property
    def bytes(self) -> int:
        """Its size in bytes."""
        return np.dtype(self.dtype).itemsize * prod(self.shape)


def plane_forms(modalities: Collection[str], size: int) -> dict[str, ArrayForm]:
    """Return the forms of a sample's stored images, keys of :data:`~.planes.PLANE_MODALITIES`.

    Args:
        modalities: The packed modalities.
        size: Side of a crop in px.
    """
    forms = {
        'img': ArrayForm('|u1', (size, size, 3)),
        'depth': ArrayForm('<u2', (size, size)),
        'parts': ArrayForm('|u1', (size, size)),
    }
    return {name: forms[name] for name, kinds in PLANE_MODALITIES.items() if set(kinds) & set(modalities)}


def field_bytes(fields: Sequence[Sequence]) -> int:
    """Return the minimum size of a sample's labels in bytes, for fields as in :class:`~.labels.LabelSchema`."""
    return sum(1 if kind == 'text' else np.dtype(dtype).itemsize * prod(shape) for _, kind, dtype, shape in fields)


def check_label_type(found: np.dtype, fields: Sequence[Sequence]) -> None:
    """Check that a structured type is that of labels.

    Args:
        found: The type.
        fields: As in :class:`~.labels.LabelSchema`.

    Raises:
        ValueError: If it is not; names the difference.
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
    """Check that labels are usable in computations.

    Numbers must be finite, no coordinate beyond :data:`handkd.units.FARTHEST`, and 'hand_type' one of
    :data:`handkd.hand.HAND_TYPES`. Joints marked as unlabelled by ``keypoints_valid`` or ``keypoints_visible`` may have
    any value.

    Args:
        rows: Labels of N samples, a structured array of shape (N,); coordinates in px of the crop, or in mm in the
            camera frame.

    Raises:
        ValueError: If not; names the label and the first such row or value.
    """
    for key in _GEOMETRY.intersection(rows.dtype.names):
        values = rows[key]
        if values.dtype.kind != 'f':
            continue
        with np.errstate(invalid='ignore'):
            right = is_sane(values)
        if key in _JOINTS and not right.all():
            right |= _unlabelled(rows, right.shape)
        if not right.all():
            row = int(np.flatnonzero(~right.reshape(len(rows), -1).all(1))[0])
            found = values[row][~right[row]].flat[0]
            raise ValueError(f'row {row}: {key!r} must be finite and within {FARTHEST:g}, found {found}')
    types = np.unique(rows['hand_type']).tolist() if 'hand_type' in rows.dtype.names else []
    if wrong := [one for one in types if one not in _HAND_TYPES]:
        raise ValueError(f"'hand_type' must be one of {HAND_TYPES}, found {wrong[0]!r}")


def _unlabelled(rows: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Return which coordinates, of a shape (N, 1, K, D), belong to joints marked as unlabelled."""
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
        form: Expected form of each image.
        rows: (N,) for the images of N samples, () for those of one.

    Raises:
        ValueError: If they differ; names both.
    """
    if dtype != np.dtype(form.dtype) or shape != rows + form.shape:
        raise ValueError(f'expected {np.dtype(form.dtype)} {rows + form.shape}, found {dtype} {shape}')


def check_names(forms: Mapping[str, ArrayForm], found: Collection[str]) -> None:
    """Raise a ValueError if images or labels of a sample are missing or unexpected; names both lists."""
    expected = {*forms, 'labels'}
    if set(found) != expected:
        raise ValueError(f'expected the arrays {sorted(expected)}, found {sorted(found)}')
