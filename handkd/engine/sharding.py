"""Weights, gradients and optimizer's state that are divided among the processes of a training (FSDP)."""

from __future__ import annotations

import torch
from mmengine.dist import get_world_size
from torch import Tensor, nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import FSDPModule, fully_shard
from torch.distributed.tensor import DTensor, distribute_tensor


def shard(network: nn.Module) -> nn.Module:
    """Divide a network's weights among all processes, and let its state dicts have whole tensors as before.

    Each process holds its part of every weight, of the gradient and so of the optimizer's state; before a forward pass
    the weights are gathered. Buffers and a ``DistilledEstimator``'s teachers are not divided. All processes must call
    ``state_dict()`` together.

    Args:
        network: The network, initialised alike in all processes, on its device.

    Returns:
        The same network.
    """
    device = next(network.parameters()).device.type
    fully_shard(network, mesh=init_device_mesh(device, (get_world_size(),)))
    network.register_state_dict_post_hook(_gather_weights)
    network.register_load_state_dict_pre_hook(_divide_weights)
    return network


def is_sharded(network: nn.Module) -> bool:
    """Whether :func:`shard` has divided a network."""
    return isinstance(network, FSDPModule)


def gather_optimizer(optimizer: torch.optim.Optimizer) -> None:
    """Let an optimizer of divided weights save and load whole tensors, as that of an undivided network.

    All processes must call its ``state_dict()`` together.

    Args:
        optimizer: It is changed in place.
    """
    optimizer.register_state_dict_post_hook(_gather_moments)
    optimizer.register_load_state_dict_post_hook(_divide_moments)


def _gather_weights(_module: nn.Module, state: dict, _prefix: str, _metadata: object) -> None:
    for key, value in state.items():
        state[key] = _whole(value)


def _divide_weights(module: nn.Module, state: dict, prefix: str, *_args: object) -> None:
    for name, weight in module.named_parameters():
        if prefix + name in state:
            state[prefix + name] = _part_of(state[prefix + name], weight)


def _gather_moments(_optimizer: torch.optim.Optimizer, state: dict) -> None:
    state['state'] = {
        index: {name: _whole(value) for name, value in moments.items()} for index, moments in state['state'].items()
    }


def _divide_moments(optimizer: torch.optim.Optimizer) -> None:
    for weight, moments in optimizer.state.items():
        for name, value in moments.items():
            if isinstance(value, Tensor) and value.shape == weight.shape and value.ndim:
                moments[name] = _part_of(value, weight)


def _whole(value: object) -> object:
    """Return a divided tensor as a whole one; anything else as it is."""
    return value.full_tensor() if isinstance(value, DTensor) else value


def _part_of(value: Tensor, weight: Tensor) -> Tensor:
    """Return a whole tensor divided as a weight is."""
    if not isinstance(weight, DTensor) or isinstance(value, DTensor):
        return value
    return distribute_tensor(value.to(weight.device), weight.device_mesh, weight.placements)
