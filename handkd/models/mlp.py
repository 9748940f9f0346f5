"""Fully connected layers with names, shared by heads and distillers."""

from __future__ import annotations

from collections import OrderedDict

from torch import nn

from .float32_layers import Float32Linear


def mlp(channels: list[int]) -> nn.Sequential:
    """Return layers named ``fc1``, ``relu1``, ``fc2``, ...; the last has no activation and computes in float32.

    Args:
        channels: Widths, from the input to the output.
    """
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    for i, (cin, cout) in enumerate(zip(channels[:-1], channels[1:]), start=1):
        last = i == len(channels) - 1
        layers[f'fc{i}'] = (Float32Linear if last else nn.Linear)(cin, cout)
        if not last:
            layers[f'relu{i}'] = nn.ReLU()
    return nn.Sequential(layers)
