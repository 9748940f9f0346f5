"""Parameters and multiply-accumulates of a network, measured on a real forward pass."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from mmengine.config import Config
from torch import Tensor, nn
from torch.nn.modules.conv import _ConvNd, _ConvTransposeNd

from handkd.models.estimators.network_inputs import modalities_of, run_network
from handkd.models.weight_names import TRAINING_ONLY
from handkd.registry import MODELS
from handkd.size_checks import input_shape

from .trained import student_config

MODALITY_CHANNELS = {'rgb': 3, 'depth': 1}


class Complexity(NamedTuple):
    """Size and cost of a network.

    Attributes:
        params: Number of parameters.
        macs: Multiply-accumulates of convolutions and fully connected layers for one image.
    """

    params: int
    macs: int


def layer_macs(layer: nn.Module, inputs: Tensor, output: Tensor) -> int:
    """Multiply-accumulates of one call of a layer: those of its weights; biases are not counted.

    Args:
        layer: A convolution, a transposed convolution or a fully connected layer.
        inputs: Its input, shape (B, C_in, H, W) or (B, C_in), any unit, feature map of the crop.
        output: Its output, shape (B, C_out, h, w) or (B, C_out), any unit, feature map of the crop.
    """
    if isinstance(layer, nn.Linear):
        return output.numel() * layer.in_features
    if isinstance(layer, _ConvTransposeNd):  # each input value is spread over the kernel
        return inputs.numel() * layer.weight[0].numel()
    return output.numel() * layer.weight[0].numel()


def count_macs(network: nn.Module, run: Callable[[], object]) -> int:
    """Count the multiply-accumulates of a forward pass.

    The rule is that of most papers' tables: convolutions and fully connected layers count; normalisation, activation,
    pooling, interpolation and bare matrix products (such as attention's) don't. A layer that runs twice counts twice.

    Args:
        network: The network.
        run: Runs the network; for numbers per image, on a batch of one.
    """
    total = 0

    def count(layer: nn.Module, inputs: tuple, output: Tensor) -> None:
        nonlocal total
        total += layer_macs(layer, inputs[0], output)

    layers = [module for module in network.modules() if isinstance(module, (_ConvNd, nn.Linear))]
    hooks = [layer.register_forward_hook(count) for layer in layers]
    try:
        with torch.no_grad():
            run()
    finally:
        for hook in hooks:
            hook.remove()
    return total


def measure_config(cfg: Config, shape: tuple[int, int] | None = None) -> Complexity:
    """Measure the network that a config runs at test time; for a distilled model the student.

    Parts that are used only in training and are absent from the plain estimator don't count, such as the decoder of a
    ``ViewSynthesizer``.

    Args:
        cfg: A checked config.
        shape: (height, width) of the input in px. Defaults to None: that of its test pipeline.

    Raises:
        ValueError: If the shape is neither given nor in the config, or the model takes a modality with an unknown
            number of channels.
    """
    network = MODELS.build(student_config(cfg).model).eval()
    shape = shape or input_shape(cfg)
    modalities = modalities_of(network)
    unknown = sorted(set(modalities) - MODALITY_CHANNELS.keys())
    if unknown:
        raise ValueError(f'modality: unknown number of channels of {unknown}; known are {sorted(MODALITY_CHANNELS)}')
    inputs = {name: torch.zeros(1, MODALITY_CHANNELS[name], *shape) for name in modalities}
    parameters = network.named_parameters()
    params = sum(weight.numel() for name, weight in parameters if not name.startswith(TRAINING_ONLY))
    return Complexity(params, count_macs(network, lambda: run_network(network, inputs, None, 'tensor')))
