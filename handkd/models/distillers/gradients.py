"""How strongly each loss of a training step pulls at a layer, beside the pose's."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import torch
from mmengine.logging import MessageHub
from torch import Tensor


def gradient_ratios(pose: Tensor, others: Mapping[str, Tensor], layers: Mapping[str, object]) -> dict[str, Tensor]:
    """Compare the gradients of further losses with the pose's, at the layers where they meet.

    Args:
        pose: The loss that a baseline has as well, a scalar.
        others: Further losses by name, scalars.
        layers: Outputs of layers by name: tensors, or tuples of them.

    Returns:
        ``gradient_NAME/LAYER`` -> norm of that loss's gradient with respect to that output, over the batch, divided by
        the norm of the pose loss's gradient: 1 where both are alike, infinity where the pose does not reach the layer.
        A layer that a loss does not reach, or neither of the two pulls at, is left out.
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
    """Log :func:`gradient_ratios` of a training step, whose arguments these are.

    They do not go among the step's losses, where a name with 'loss' in it would count as one.
    """
    ratios = gradient_ratios(pose, others, layers)
    MessageHub.get_current_instance().update_scalars({f'train/{name}': value for name, value in ratios.items()})


def _norm(loss: Tensor, tensors: list[Tensor]) -> Tensor | None:
    """Norm of a loss's gradient with respect to some tensors together; None if it reaches none of them."""
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
