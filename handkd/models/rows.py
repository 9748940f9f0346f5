"""Rows of a batch that have an input or a label, and their weights in losses, where several sets are mixed."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Sequence

import torch
from mmpose.structures import PoseDataSample
from torch import Tensor, nn


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


def sample_weights(data_samples: Sequence[PoseDataSample], device: torch.device) -> Tensor | None:
    """Return each sample's weight in the losses, shape (B,), float32; None if no sample has one.

    It is ``loss_weight`` of the meta information, as set by ``MixedDataset(loss_weights=...)``.

    Args:
        data_samples: ``PoseDataSample`` of each image.
        device: Device of the result.
    """
    if not any('loss_weight' in sample for sample in data_samples):
        return None
    return torch.tensor([sample.get('loss_weight', 1.0) for sample in data_samples], device=device)


def batch_mean(values: Tensor, sample_weight: Tensor | None = None) -> Tensor:
    """Return the mean of the samples' losses, each multiplied by its weight: (1 / B) sum_i w_i l_i.

    The sum is divided by the number of samples, not by that of the weights: the gradient of a sample is proportional to
    its weight, whatever else is in the batch.

    Args:
        values: Loss l_i of each sample, any unit, shape (B,).
        sample_weight: Weights w_i, shape (B,). Defaults to None: all 1.

    Returns:
        A scalar, in the unit of the losses.
    """
    return (values if sample_weight is None else values * sample_weight).mean()


def takes_sample_weight(loss: nn.Module) -> bool:
    """Whether the ``forward`` of a loss module has an argument ``sample_weight``."""
    return 'sample_weight' in inspect.signature(loss.forward).parameters


def weighted_loss(loss: nn.Module, data_samples: Sequence[PoseDataSample], pred: Tensor, *labels: Tensor) -> Tensor:
    """Return a loss with the samples' weights, if they have any (:func:`sample_weights`).

    Args:
        loss: The loss module.
        data_samples: ``PoseDataSample`` of each image.
        pred: Predictions, any unit, any frame, shape (B, ...).
        *labels: The loss's further arguments, shape (B, ...) each.

    Returns:
        A scalar.
    """
    weights = sample_weights(data_samples, pred.device)
    return loss(pred, *labels) if weights is None else loss(pred, *labels, sample_weight=weights)
