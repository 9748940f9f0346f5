"""Opening a shard of a memory-mapped pack and checking it against ``pack.json``."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import numpy as np

from .forms import check_array, check_label_type, check_labels, plane_forms
from .manifest import Manifest
from .npy import map_array


def map_shard(
    folder: Path, manifest: Manifest, number: int, planes: Collection[str]
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Map the arrays of a shard, read-only.

    Args:
        folder: The shard's folder.
        manifest: The pack's manifest.
        number: The shard's number.
        planes: Names of the images to map.

    Returns:
        Labels, a structured array (N,), and images by name, shape (N, size, size) or (N, size, size, 3).

    Raises:
        OSError: If a file can't be opened; names it.
        ValueError: If its type or shape differs from ``pack.json``, or labels are not finite; names it.
    """
    rows, forms = (len(manifest.rows(number)),), plane_forms(manifest.modalities, manifest.size)
    present = planes if manifest.shards[number]['num'] else ()  # no images if all its samples were skipped
    images = {name: map_array(folder / f'{name}.npy') for name in present}
    labels = map_array(folder / 'labels.npy')
    for name, array in {**images, 'labels': labels}.items():
        try:
            if name != 'labels':
                check_array(array.dtype, array.shape, forms[name], rows)
                continue
            if array.shape != rows:
                raise ValueError(f'expected labels of {rows[0]} samples, found {array.shape}')
            check_label_type(array.dtype, manifest.labels)
            check_labels(array)
        except ValueError as error:
            raise ValueError(f'{folder / name}.npy: {error}') from error
    return labels, images
