"""One small inception network per joint, computed together as grouped layers."""

from __future__ import annotations

from collections import OrderedDict

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .float32_layers import Float32, without_autocast

INPUT_SIZE, MAP_SIZE = 24, 12
"""Side of the input and of the feature maps, in px."""
_STEM, _MAPS = 32, 8 + 8 + 8 + 16


class GroupedLinear(nn.Conv1d):
    """Parallel fully connected layers, each with its own inputs and outputs.

    The weights have the layout of a grouped convolution of width 1; computed as one batched matrix product, which is
    faster.

    Args:
        in_features: Inputs of each layer.
        out_features: Outputs of each layer.
        groups: Number of layers.
        bias: Whether they have biases. Defaults to True.
    """

    def __init__(self, in_features: int, out_features: int, groups: int, bias: bool = True) -> None:
        super().__init__(groups * in_features, groups * out_features, 1, groups=groups, bias=bias)

    def forward(self, inputs: Tensor) -> Tensor:
        """Return the outputs of all layers.

        Args:
            inputs: Features, any unit, shape (B, groups * in_features); of a feature map of the crop in this network.

        Returns:
            Shape (B, groups * out_features).
        """
        weight = self.weight.view(self.groups, -1, self.weight.shape[1])
        inputs = inputs.unflatten(1, (self.groups, -1)).transpose(0, 1)
        # A trace, for export, has no gradient, and no form for a function with its own.
        outputs = (
            torch.bmm(inputs, weight.transpose(1, 2)) if torch.jit.is_tracing() else _Products.apply(inputs, weight)
        )
        outputs = outputs.transpose(0, 1).flatten(1)
        return outputs if self.bias is None else outputs + self.bias


class Float32GroupedLinear(Float32, GroupedLinear):
    """:class:`GroupedLinear` that computes in float32 under autocast."""


class _Products(torch.autograd.Function):
    """Batched ``inputs @ weight.mT`` whose gradients have the memory layout of inputs and weights.

    ``torch.bmm`` would transpose the gradient of one of the two, which slows down the next operation on it.
    """

    @staticmethod
    def forward(ctx, inputs: Tensor, weight: Tensor) -> Tensor:
        outputs = torch.bmm(inputs, weight.mT)
        ctx.save_for_backward(inputs.to(outputs.dtype), weight.to(outputs.dtype))  # autocast may have reduced precision
        return outputs

    @staticmethod
    def backward(ctx, gradient: Tensor) -> tuple[Tensor, Tensor]:
        inputs, weight = ctx.saved_tensors
        return torch.bmm(gradient, weight), torch.bmm(gradient.mT, inputs)


class JointInceptions(nn.Module):
    """The regression networks f_r of Neverova et al. 2017 (Table 1, Fig. 4), one per joint, as grouped layers.

    24x24 depth, one image for all joints or one per joint, goes through a 3x3 convolution of 32 maps and 2x2 pooling.
    Then follow parallel branches, all at 12x12: a 1x1 (16) and a 3x3 (8) convolution; the same again, but on maps that
    are 0 outside of the joint's parts; 2x2 pooling of stride 1 and a 1x1 convolution (8); a 1x1 convolution (16). A
    fully connected layer of 1200 and one of 3 follow. Every layer but the last has batch normalisation, with running
    statistics, and ReLU; the biases are those of the normalisation. A joint's network has 6,921,291 parameters, besides
    the normalisation's 1,304 scales.

    ``forward`` uses parameters and statistics of the layers ``c...`` and ``norm1`` without calling them: it processes
    the joints in chunks, and folds the normalisation of ``c1`` into its weights.

    The paper does not state which branch is masked, only that "a subset of Inception 3x3 filters is learned
    specifically from the local area". Layers have the paper's names: ``c1``, ``c211``, ...

    Args:
        joints: Number J of joints.
        shared: Whether all joints share the layers up to the last: "networks sharing parameters over joints". The
            joints then differ in their masks or images and the last layer only. The paper does not state which layers
            it shared; the convolutions alone are less than a thousandth of the parameters.
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
        fc = GroupedLinear(_MAPS * MAP_SIZE**2, hidden, groups, bias=False)
        self.fc = nn.Sequential(OrderedDict(weights=fc, norm=nn.BatchNorm1d(groups * hidden), relu=nn.ReLU(True)))
        self.output = Float32GroupedLinear(hidden, 3, joints)

    def forward(self, depth: Tensor, masks: Tensor | None) -> Tensor:
        """Predict joints.

        Args:
            depth: Normalised depth of the crop, shape (B, 1, 24, 24), or (B, J, 24, 24) if every joint has its own.
            masks: 1 in the region of each joint's parts, else 0, shape (B, J, 12, 12); None for no masks.

        Returns:
            Coordinates in the frame of the head's codec, such as the cube, or offsets in it, shape (B, J, 3).
        """
        batch, groups = depth.shape[0], self.c212.weights.groups
        if self.shared:  # one image per joint and sample
            depth = depth.expand(-1, self.joints, -1, -1).flatten(0, 1)[:, None]
            masks = None if masks is None else masks.flatten(0, 1)[:, None]
        with without_autocast(depth.device):
            stem = _fold(self.c1, self.norm1, depth.to(self.c1.weight.dtype))
        for norm in self.modules():  # those that are not called
            if isinstance(norm, nn.BatchNorm2d):
                norm.num_batches_tracked += norm.training
        # On a CPU one joint at a time: its maps stay in the cache, and convolutions without groups are faster.
        step = groups if depth.is_cuda else 1
        parts = [slice(first, first + step) for first in range(0, groups, step)]
        feats = [self._features(stem, depth, masks, part) for part in parts]
        return self.output(self.fc(torch.cat(feats, 1).flatten(1)).view(batch, -1)).unflatten(1, (self.joints, 3))

    def _features(self, stem: tuple[Tensor, Tensor], depth: Tensor, masks: Tensor | None, part: slice) -> Tensor:
        """Return the input of the fully connected layers of some groups, shape (B, groups, maps * 12 * 12)."""
        weight, bias = (_some(values, self.c212.weights.groups, part) for values in stem)
        images = depth if self.c1.groups == 1 else depth[:, part]
        # Faster on a CPU: channels last, for the pooling, and ReLU after the pooling, with the same result. With a
        # single channel the convolution keeps that layout only if its input is a copy.
        images = images.clone(memory_format=torch.channels_last)
        maps = F.max_pool2d(F.conv2d(images, weight, bias, padding=1, groups=images.shape[1]), 2).relu_()
        pooled = F.max_pool2d(F.pad(maps, (0, 1, 0, 1)), 2, 1)  # maps are not negative
        branches = (
            _run(self.c212, _run(self.c211, maps, part).relu_(), part),
            _run(self.c222, _run(self.c221, maps, part, None if masks is None else masks[:, part]).relu_(), part),
            _run(self.c232, pooled, part),
            _run(self.c241, maps, part),
        )
        groups = len(weight) // _STEM
        return torch.cat([branch.unflatten(1, (groups, -1)) for branch in branches], 2).relu_().flatten(2)


def _fold(conv: nn.Conv2d, norm: nn.BatchNorm2d, images: Tensor) -> tuple[Tensor, Tensor]:
    """Return weights and biases of a 3x3 convolution with its batch normalisation folded in.

    The outputs are linear in the patches of one channel, so their mean and variance follow from those of the patches,
    without a pass over the outputs, which are by far the largest maps.
    """
    mean, var = norm.running_mean, norm.running_var
    if norm.training:
        patches = F.pad(images, (1, 1, 1, 1)).unfold(2, INPUT_SIZE, 1).unfold(3, INPUT_SIZE, 1)
        patches = patches.permute(1, 2, 3, 0, 4, 5).reshape(images.shape[1], 9, -1)
        center = patches.mean(2, keepdim=True)
        patches = patches - center
        count = patches.shape[2]
        weight = conv.weight.view(len(center), -1, 9)
        mean, var = (weight @ center).flatten(), (weight @ (patches @ patches.mT / count) * weight).sum(2).flatten()
        with torch.no_grad():
            norm.running_mean.lerp_(mean, norm.momentum)
            norm.running_var.lerp_(var * count / (count - 1), norm.momentum)
    scale = norm.weight * (var + norm.eps).rsqrt()
    return conv.weight * scale[:, None, None, None], norm.bias - mean * scale


def _run(layer: nn.Sequential, maps: Tensor, part: slice, masks: Tensor | None = None) -> Tensor:
    """Return the normalised outputs of some groups of a layer.

    The masks are applied to the outputs of a 1x1 convolution, which are fewer than its inputs, with the same result.
    """
    conv, norm = layer.weights, layer.norm
    tensors = (conv.weight, norm.running_mean, norm.running_var, norm.weight, norm.bias)
    weight, *statistics = (_some(tensor, conv.groups, part) for tensor in tensors)
    outputs = F.conv2d(maps, weight, padding=conv.padding, groups=maps.shape[1] // weight.shape[1])
    if masks is not None:
        outputs = (outputs.unflatten(1, (masks.shape[1], -1)) * masks[:, :, None]).flatten(1, 2)
    return F.batch_norm(outputs, *statistics, norm.training, norm.momentum, norm.eps)


def _some(values: Tensor, groups: int, part: slice) -> Tensor:
    """Return the values of some of the groups, as a view."""
    return values.unflatten(0, (groups, -1))[part].flatten(0, 1)


def _convolution(in_channels: int, channels: int, kernel: int, groups: int) -> nn.Sequential:
    """Return grouped convolutions that keep the size, and their normalisation; ``_run`` runs them."""
    inputs, outputs = groups * in_channels, groups * channels
    conv = nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, groups=groups, bias=False)
    return nn.Sequential(OrderedDict(weights=conv, norm=nn.BatchNorm2d(outputs)))
