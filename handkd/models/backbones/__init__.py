"""Backbones: image -> feature maps."""

from .cpm_features import CPMFeatures
from .dense_patch_net import DensePatchNet
from .hand_resnet import HandResNet
from .hand_unet import HandUNet
from .segmented_depth import SegmentedDepth
from .squeezenet import SqueezeNet

__all__ = ['CPMFeatures', 'DensePatchNet', 'HandResNet', 'HandUNet', 'SegmentedDepth', 'SqueezeNet']
