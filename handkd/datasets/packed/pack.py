"""Common base of the packed and the streamed data set: the samples of a pack in the form that pipelines expect."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from handkd.datasets.transforms import SampleBatch
from handkd.hints import did_you_mean

from .forms import plane_forms
from .labels import LabelSchema
from .manifest import Manifest, check_complete
from .planes import decode_pixels


class Pack:
    """A finished pack, described by its manifest.

    Args:
        manifest: The manifest.
        where: Its path or URL, for errors.
        modalities: Which of the packed modalities to return.
        split: If given, the split that must have been packed.

    Raises:
        ValueError: If the pack is unfinished, lacks a modality or is of another split.
    """

    def __init__(self, manifest: Manifest, where: str, modalities: Sequence[str], split: str | None) -> None:
        check_complete(manifest, where)
        if isinstance(modalities, str) or not modalities:
            raise ValueError(f"{where}: modalities must be a tuple such as ('rgb',), found {modalities!r}")
        for name in modalities:
            if name not in manifest.modalities:
                raise ValueError(
                    f'{where}: modality {name!r} was not packed; {did_you_mean(name, manifest.modalities)}'
                )
        packed = manifest.source['config'].get('split')
        if split is not None and split != packed:
            raise ValueError(f'{where}: expected the split {split!r}, found a pack of {packed!r}: set split={packed!r}')
        self.manifest, self.where, self.modalities = manifest, where, tuple(modalities)
        self.schema = LabelSchema(manifest.labels)
        self.forms = plane_forms(manifest.modalities, manifest.size)

    def batch(self, rows: Sequence[np.ndarray], planes: Sequence[dict[str, np.ndarray]]) -> SampleBatch:
        """Return a batch of samples.

        Args:
            rows: Labels of each sample, a structured array of shape (1,); coordinates in px of the crop, or in mm in
                the camera frame.
            planes: Stored images of each sample, shape (size, size) or (size, size, 3), see :mod:`~.planes`.
        """
        batch = self.schema.batch(join_rows(rows))
        batch.update(decode_pixels(planes, self.modalities, self.manifest.depth_unit))
        return batch


def join_rows(rows: Sequence[np.ndarray]) -> np.ndarray:
    """Join labels of several samples; shards with longer strings have another type.

    Args:
        rows: Structured arrays of shape (1,) or (M,); any unit, any frame.

    Returns:
        One structured array of shape (N,).
    """
    if any(row.dtype != rows[0].dtype for row in rows):
        return np.concatenate(rows)
    return np.frombuffer(b''.join(row.tobytes() for row in rows), rows[0].dtype)
