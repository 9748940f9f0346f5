"""Fully connected layers with names, shared by heads and distillers."""

from __future__ import annotations

from collections import OrderedDict

from torch import nn


def mlp(channels: list[int]) -> nn.Sequential:
    """Fully connected layers named ``fc1``, ``relu1``, ``fc2``, ..., with no activation behind the last one."""
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    for i, (cin, cout) in enumerate(zip(channels[:-1], channels[1:]), start=1):
        layers[f'fc{i}'] = nn.Linear(cin, cout)
        if i < len(channels) - 1:
            layers[f'relu{i}'] = nn.ReLU()
    return nn.Sequential(layers)
