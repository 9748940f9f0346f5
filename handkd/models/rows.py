"""Rows of a batch that have an input or a label, where sets with different ones are mixed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from mmpose.structures import PoseDataSample
from torch import Tensor


def rows_with(data_samples: Sequence[PoseDataSample], names: Iterable[str]) -> list[int] | None:
    """Return the indices of the samples that have all of some inputs and labels; None if all samples have them.

    A sample lacks what ``absent`` of its meta information names, as set by ``MixedDataset(optional=...)``.

    Args:
        data_samples: ``PoseDataSample`` of each image.
        names: Modalities ('rgb', 'depth') and labels ('keypoints', 'keypoints_cam', 'hand_mask').
    """
    names = set(names)
    rows = [i for i, sample in enumerate(data_samples) if names.isdisjoint(getattr(sample, 'absent', ()))]
    return None if len(rows) == len(data_samples) else rows


def take_rows(value: object, rows: Sequence[int]) -> object:
    """Return some rows of a value over the batch, with gradient.

    Args:
        value: Output of a layer, any unit: a tensor (B, ...), or tuples, lists and dicts of such tensors; None remains
            None.
        rows: N indices into the batch.

    Returns:
        The same structure with tensors (N, ...).
    """
    if isinstance(value, Tensor):
        return value[list(rows)]
    if isinstance(value, dict):
        return {key: take_rows(item, rows) for key, item in value.items()}
    if isinstance(value, (tuple, list)):
        items = [take_rows(item, rows) for item in value]
        return type(value)(*items) if hasattr(value, '_fields') else type(value)(items)
    return value


def check_inputs(data_samples: Sequence[PoseDataSample], modalities: Iterable[str]) -> None:
    """Check that no image of a network's own input is a filler.

    Args:
        data_samples: ``PoseDataSample`` of each image.
        modalities: What the network takes.

    Raises:
        ValueError: If one is; names the sample.
    """
    modalities = list(modalities)
    rows = rows_with(data_samples, modalities)
    if rows is not None:
        sample = data_samples[next(i for i in range(len(data_samples)) if i not in rows)]
        raise ValueError(
            f'sample {sample.get("img_path") or sample.get("img_id")!r} has no {"+".join(modalities)}, which this '
            'network takes: train it on those sets of MixedDataset that have it; only teachers may lack their input'
        )
