"""Backbones: image -> feature maps."""

from .cpm_features import CPMFeatures
from .hand_resnet import HandResNet
from .hand_unet import HandUNet
from .squeezenet import SqueezeNet

__all__ = ['CPMFeatures', 'HandResNet', 'HandUNet', 'SqueezeNet']
