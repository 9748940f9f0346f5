"""What the packed and the streamed data set share: the samples of a pack as a pipeline expects them."""

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
    """A finished pack, as its manifest describes it.

    Args:
        manifest: The manifest.
        where: Its place, for errors.
        modalities: Which of the packed modalities to give out.
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
            raise ValueError(f'{where}: the split that was packed is {packed!r}, not {split!r}')
        self.manifest, self.where, self.modalities = manifest, where, tuple(modalities)
        self.schema = LabelSchema(manifest.labels)
        self.forms = plane_forms(manifest.modalities, manifest.size)

    def batch(self, rows: Sequence[np.ndarray], planes: Sequence[dict[str, np.ndarray]]) -> SampleBatch:
        """Return samples from the labels of each, shape (1,), and the stored images of each."""
        batch = self.schema.batch(join_rows(rows))
        batch.update(decode_pixels(planes, self.modalities, self.manifest.depth_unit))
        return batch


def join_rows(rows: Sequence[np.ndarray]) -> np.ndarray:
    """Return rows (1,) of structured arrays as one (N,); shards with longer texts have another type."""
    if any(row.dtype != rows[0].dtype for row in rows):
        return np.concatenate(rows)
    return np.frombuffer(b''.join(row.tobytes() for row in rows), rows[0].dtype)
