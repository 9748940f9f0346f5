"""Short digests of a data set's labels, which identify the labels that stored files were made from."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np

from handkd.files import checksum_of

_LENGTH = 16
"""Hexadecimal digits of a digest."""
_SAMPLES = 16
"""Number of samples in the digest of a set without label files."""
_RASTERS = 64
"""Number of samples whose label images are hashed, as files."""
_FIELDS = ('keypoints_cam', 'keypoints', 'keypoints_valid', 'hand_side')


def digest_labels(dataset: object, rasters: bool = False) -> str | None:
    """Return a digest of a data set's labels; it changes with a label, or their number. Decodes no image.

    Args:
        dataset: One of handkd's, or a wrapper with such sets as its ``dataset`` or ``datasets``.
        rasters: Whether part maps and masks are among the labels: the files of up to 64 samples, in equal steps,
            count too. Defaults to False.

    Returns:
        Hexadecimal digits; None for a set without a label digest, such as a stream.
    """
    inner = getattr(dataset, 'datasets', None) or [getattr(dataset, 'dataset', None)]
    if not hasattr(dataset, 'label_digest'):
        parts = [None if part is None else digest_labels(part, rasters) for part in inner]
        return None if None in parts else digest_of(str(part).encode() for part in parts)
    digest = dataset.label_digest()
    return digest_of([digest.encode(), *_raster_files(dataset)]) if rasters else digest


def digest_of(pieces: Iterable[bytes]) -> str:
    """Return a digest of pieces of bytes, in their order."""
    digest = hashlib.blake2b()
    for piece in pieces:
        digest.update(len(piece).to_bytes(8, 'little'))
        digest.update(piece)
    return digest.hexdigest()[:_LENGTH]


def digest_index(columns: Mapping[str, np.ndarray], files: Iterable[Path]) -> str:
    """Return a digest of an index and of the label files whose content it does not contain.

    Text columns (names of images, errors) and times of files are left out.

    Args:
        columns: The index: columns of shape (N, ...), any unit and frame.
        files: The label files.
    """
    pieces = []
    for name, column in sorted(columns.items()):
        if column.dtype.kind != 'U' and name != 'watched_stats':
            pieces += [f'{name} {column.dtype.str} {column.shape}'.encode(), np.ascontiguousarray(column).tobytes()]
    return digest_of([*pieces, *(str(checksum_of(path)).encode() for path in files)])


def digest_samples(dataset: object) -> str:
    """Return a digest of the number of samples and the labels of up to 16, in equal steps, to 0.1 px and mm."""
    pieces = [str(len(dataset)).encode()]
    for index in _spread(len(dataset), _SAMPLES):
        try:
            sample = dataset.get_labels(index)
        except (OSError, ValueError) as error:  # reading that sample raises the error
            pieces.append(type(error).__name__.encode())
            continue
        for key in _FIELDS:
            value = sample.get(key)
            pieces.append(np.round(value, 1).tobytes() if isinstance(value, np.ndarray) else str(value).encode())
    return digest_of(pieces)


def _raster_files(dataset: object) -> list[bytes]:
    """Digests of the part map and mask files of some samples."""
    found = []
    for index in _spread(len(dataset), _RASTERS) if set(getattr(dataset, 'modalities', ())) & {'mask', 'parts'} else ():
        try:
            record = dataset.get_labels(index)
            found += [str(checksum_of(record[key])) for key in ('mask_path', 'parts_path') if key in record]
        except (OSError, ValueError) as error:
            found.append(type(error).__name__)
    return [text.encode() for text in found]


def _spread(length: int, count: int) -> list[int]:
    """Up to ``count`` numbers from 0 to ``length`` - 1, in equal steps, the first and the last among them."""
    return np.unique(np.linspace(0, length - 1, min(length, count)).round().astype(int)).tolist()
