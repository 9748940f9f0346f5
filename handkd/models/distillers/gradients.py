"""Gradient norms of a training step's further losses at a layer, relative to that of the pose loss."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import torch
from mmengine.logging import MessageHub
from torch import Tensor


def gradient_ratios(pose: Tensor, others: Mapping[str, Tensor], layers: Mapping[str, object]) -> dict[str, Tensor]:
    """Compare the gradients of further losses with that of the pose loss, at the layers that they share.

    Args:
        pose: The pose loss, which the baseline has as well, a scalar (shape ()), any unit.
        others: Further losses by name, scalars.
        layers: Outputs of layers by name, such as a feature map: tensors of any shape, or tuples of them.

    Returns:
        ``gradient_NAME/LAYER`` -> norm of that loss's gradient with respect to that output, over the batch, divided by
        the norm of the pose loss's gradient: 1 if both are equal, infinity if the pose loss does not reach the layer.
        A layer that a loss does not reach, or at which both gradients are 0, is left out.
    """
    ratios = {}
    for layer, output in layers.items():
        tensors = [tensor for tensor in _tensors(output) if tensor.requires_grad]
        if not tensors:
            continue
        size = _norm(pose, tensors)
        for name, loss in others.items():
            own = _norm(loss, tensors)
            if own is not None and (own > 0 or size):
                ratios[f'gradient_{name}/{layer}'] = own / (0.0 if size is None else size)
    return ratios


def log_gradient_ratios(pose: Tensor, others: Mapping[str, Tensor], layers: Mapping[str, object]) -> None:
    """Log :func:`gradient_ratios` of a training step; same arguments: scalars of any unit, and a feature map or more.

    They are not added to the step's losses, where a name that contains 'loss' would count as a loss.
    """
    ratios = gradient_ratios(pose, others, layers)
    MessageHub.get_current_instance().update_scalars({f'train/{name}': value for name, value in ratios.items()})


def _norm(loss: Tensor, tensors: list[Tensor]) -> Tensor | None:
    """Return the norm of a loss's gradient with respect to some tensors together; None if it reaches none of them."""
    if not loss.requires_grad:
        return None
    gradients = torch.autograd.grad(loss, tensors, retain_graph=True, allow_unused=True)
    norms = [gradient.float().norm() for gradient in gradients if gradient is not None]
    return torch.stack(norms).norm() if norms else None


def _tensors(output: object) -> Iterator[Tensor]:
    """Yield the tensors of a layer's output."""
    if isinstance(output, Tensor):
        yield output
    elif isinstance(output, (tuple, list)):
        for item in output:
            yield from _tensors(item)
