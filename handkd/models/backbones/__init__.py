"""Backbones: image -> feature maps."""

from .hand_resnet import HandResNet

__all__ = ['HandResNet']
