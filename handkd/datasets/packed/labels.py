"""The labels of samples as rows of one structured array: everything in a sample except pixels."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from handkd.datasets.transforms.batch import ROWS, SampleBatch
from handkd.datasets.transforms.sample import PIXEL_KEYS

_KINDS = {str: 'text', bool: 'number', int: 'number', float: 'number', tuple: 'tuple', list: 'tuple'}


class LabelSchema:
    """Names, kinds, types and shapes of the labels of each sample of a pack.

    Labels may be arrays of one shape and type, strings, numbers, tuples of integers, and dicts of these (a camera).

    Args:
        fields: [dotted key, 'array', 'text', 'number' or 'tuple', NumPy's name of the type, shape], one per label; a
            string's type is 'S', with the length of the longest one of a shard.
    """

    def __init__(self, fields: Sequence[Sequence]) -> None:
        self.fields = [(key, kind, dtype, tuple(shape)) for key, kind, dtype, shape in fields]
        self._readers = [(key.rpartition('.')[::2], key, kind) for key, kind, _, _ in self.fields]
        self._groups = sorted({parent for (parent, _), _, _ in self._readers if parent})
        if any('.' in group for group in self._groups):
            raise ValueError(f'labels may be nested only once, like those of a camera; found {self._groups}')

    @classmethod
    def of(cls, sample: dict) -> LabelSchema:
        """Return the schema of a sample.

        Raises:
            ValueError: If a label is of a kind that can't be packed; names the key and the type.
        """
        fields = []
        for key, value in _flat(sample).items():
            kind = 'array' if isinstance(value, (np.ndarray, np.generic)) else _KINDS.get(type(value))
            array = np.asarray(value)
            if kind is None or array.dtype.kind not in ('USbiuf' if kind == 'text' else 'biuf'):
                raise ValueError(f'label {key!r} is a {type(value).__name__} ({array.dtype}), which can not be packed')
            fields.append((key, kind, 'S' if kind == 'text' else array.dtype.str, list(array.shape)))
        return cls(fields)

    def row(self, sample: dict) -> tuple:
        """Return the labels of a sample in the order of the fields.

        Raises:
            ValueError: If a label is missing, new, or of another kind than in the schema; names it.
        """
        flat = _flat(sample)
        if flat.keys() != {key for key, *_ in self.fields}:
            differing = flat.keys() ^ {key for key, *_ in self.fields}
            raise ValueError(f'all samples of a pack need the same labels; only some have {sorted(differing)}')
        row = []
        for key, kind, dtype, shape in self.fields:
            value = flat[key].encode() if kind == 'text' else np.asarray(flat[key])
            if kind != 'text' and (value.shape != shape or not np.can_cast(value.dtype, np.dtype(dtype), 'same_kind')):
                raise ValueError(
                    f'label {key!r} has shape {value.shape} and type {value.dtype}, expected {shape} and {dtype} as '
                    'in the first sample'
                )
            row.append(value)
        return tuple(row)

    def table(self, rows: Sequence[tuple]) -> np.ndarray:
        """Return N rows as one structured array of shape (N,)."""
        names = [key for key, *_ in self.fields]
        columns = list(zip(*rows)) or [()] * len(names)
        formats = []
        for (_, kind, dtype, shape), column in zip(self.fields, columns):
            width = max([1, *map(len, column)]) if kind == 'text' else 0
            formats.append(f'S{width}' if kind == 'text' else (dtype, shape))
        table = np.empty(len(rows), np.dtype(dict(names=names, formats=formats)))
        for name, column in zip(names, columns):
            table[name] = column
        return table

    def batch(self, rows: np.ndarray) -> SampleBatch:
        """Return rows as a batch of samples.

        Args:
            rows: Labels of N samples, a structured array of shape (N,); coordinates in px of the crop, or in mm in the
                camera frame.
        """
        batch = SampleBatch({group: {} for group in self._groups})
        batch.size = len(rows)
        for (group, name), key, kind in self._readers:
            column = rows[key]
            if kind == 'text':
                column = [text.decode() for text in column.tolist()]
            elif kind == 'number':
                column = column.tolist()
            elif kind == 'tuple':
                column = [tuple(value) for value in column.tolist()]
            else:
                column = np.ascontiguousarray(column[:, 0] if key in ROWS else column)
            (batch[group] if group else batch)[name] = column
        return batch


def _flat(sample: dict, prefix: str = '') -> dict:
    """Return the labels of a sample with dotted keys; None values are left out."""
    flat: dict = {}
    for key, value in sample.items():
        if value is None or key in PIXEL_KEYS:
            continue
        if isinstance(value, dict):
            flat |= _flat(value, f'{prefix}{key}.')
        else:
            flat[prefix + key] = value
    return flat
