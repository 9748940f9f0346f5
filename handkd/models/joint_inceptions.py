"""A small inception network for each joint, all of them as one."""

from __future__ import annotations

from collections import OrderedDict

import torch
from torch import Tensor, nn
from torch.nn import functional as F

INPUT_SIZE, MAP_SIZE = 24, 12
"""Sides of the input and of the feature maps, in px."""
_STEM, _MAPS = 32, 8 + 8 + 8 + 16


class GroupedLinear(nn.Conv1d):
    """Fully connected layers side by side, each with inputs and outputs of its own.

    The weights are those of a convolution of width 1 with groups; computed as one batched matrix product, which is
    faster.

    Args:
        in_features: Inputs of each.
        out_features: Outputs of each.
        groups: How many.
        bias: Whether they have biases.
    """

    def __init__(self, in_features: int, out_features: int, groups: int, bias: bool = True) -> None:
        super().__init__(groups * in_features, groups * out_features, 1, groups=groups, bias=bias)

    def forward(self, inputs: Tensor) -> Tensor:
        """Return (B, groups * out_features) from (B, groups * in_features)."""
        weight = self.weight.view(self.groups, -1, self.weight.shape[1])
        # The weights on the left: the other way round their gradient, by far the largest array, would be transposed.
        outputs = torch.bmm(weight, inputs.unflatten(1, (self.groups, -1)).permute(1, 2, 0)).flatten(0, 1).T
        return outputs if self.bias is None else outputs + self.bias


class JointInceptions(nn.Module):
    """The regression networks f_r of Neverova et al. 2017 (Table 1, Fig. 4), one a joint, as grouped layers.

    24x24 depth, the same for all joints or of each its own, goes through a 3x3 convolution of 32 maps and 2x2 pooling.
    Then come side by side, all at 12x12: a 1x1 (16) and a 3x3 (8) convolution; the same again, but on maps that are 0
    outside of the joint's parts; 2x2 pooling of stride 1 and a 1x1 convolution (8); a 1x1 convolution (16). A fully
    connected layer of 1200 and one of 3 follow. Every layer but the last has batch normalisation, with running
    statistics, and ReLU; the biases are those of the normalisation. A joint's network has 6,921,291 parameters, besides
    the normalisation's 1,304 scales.

    The paper does not say which of the branches is masked; it says that "a subset of Inception 3x3 filters is learned
    specifically from the local area". Layers have its names: ``c1``, ``c211``, ...

    Args:
        joints: Number J of joints.
        shared: Whether all joints share the layers up to the last: "networks sharing parameters over joints". What
            tells the joints apart are then their masks or images and the last layer. The paper does not say which
            layers it shared; the convolutions alone are less than a thousandth of the parameters.
        hidden: Width of the fully connected layer.
        own_images: Whether every joint has an image of its own. Defaults to False.
    """

    def __init__(self, joints: int, shared: bool, hidden: int, own_images: bool = False) -> None:
        super().__init__()
        self.joints, self.shared = joints, shared
        groups = 1 if shared else joints
        images = groups if own_images else 1
        self.c1 = nn.Conv2d(images, groups * _STEM, 3, padding=1, groups=images, bias=False)
        self.norm1 = nn.BatchNorm2d(groups * _STEM)
        self.c211 = _convolution(_STEM, 16, 1, groups)
        self.c212 = _convolution(16, 8, 3, groups)
        self.c221 = _convolution(_STEM, 16, 1, groups)
        self.c222 = _convolution(16, 8, 3, groups)
        self.c232 = _convolution(_STEM, 8, 1, groups)
        self.c241 = _convolution(_STEM, 16, 1, groups)
        self.fc = _layer(
            GroupedLinear(_MAPS * MAP_SIZE**2, hidden, groups, bias=False), nn.BatchNorm1d(groups * hidden)
        )
        self.output = GroupedLinear(hidden, 3, joints)

    def forward(self, depth: Tensor, masks: Tensor | None) -> Tensor:
        """Predict joints.

        Args:
            depth: Shape (B, 1, 24, 24), or (B, J, 24, 24) if every joint has its own.
            masks: 1 where each joint is looked for, else 0, shape (B, J, 12, 12); None for everywhere.

        Returns:
            Shape (B, J, 3).
        """
        batch = len(depth)
        if self.shared:  # every joint of every image is an image of its own
            depth = depth.expand(-1, self.joints, -1, -1).flatten(0, 1)[:, None]
            masks = None if masks is None else masks.flatten(0, 1)[:, None]
        # Channels last, for the pooling's sake, and ReLU behind it, which is the same: faster on a CPU. Of a single
        # channel only a copy is so laid out that the convolution keeps to it.
        maps = self.norm1(self.c1(depth.clone(memory_format=torch.channels_last)))
        maps = F.max_pool2d(maps, 2).relu_()
        local = maps
        if masks is not None:
            local = maps * masks.repeat_interleave(_STEM, 1).contiguous(memory_format=torch.channels_last)
        pooled = F.max_pool2d(F.pad(maps, (0, 1, 0, 1)), 2, 1)  # maps are not negative
        branches = (self.c212(self.c211(maps)), self.c222(self.c221(local)), self.c232(pooled), self.c241(maps))
        groups = self.c212.weights.groups
        feats = torch.cat([branch.unflatten(1, (groups, -1)) for branch in branches], 2)
        return self.output(self.fc(feats.flatten(1)).view(batch, -1)).unflatten(1, (self.joints, 3))


def _convolution(in_channels: int, channels: int, kernel: int, groups: int) -> nn.Sequential:
    """Convolutions side by side that keep the size."""
    inputs, outputs = groups * in_channels, groups * channels
    conv = nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, groups=groups, bias=False)
    return _layer(conv, nn.BatchNorm2d(groups * channels))


def _layer(weights: nn.Module, norm: nn.Module) -> nn.Sequential:
    return nn.Sequential(OrderedDict(weights=weights, norm=norm, relu=nn.ReLU(inplace=True)))
