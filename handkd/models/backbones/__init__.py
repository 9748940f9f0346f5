"""Backbones: image -> feature maps."""

from .cpm_features import CPMFeatures
from .hand_resnet import HandResNet

__all__ = ['CPMFeatures', 'HandResNet']
