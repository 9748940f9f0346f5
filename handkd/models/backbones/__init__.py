"""Backbones: image -> feature maps."""

from .coarse_joints import CoarseJoints
from .cpm_features import CPMFeatures
from .dense_patch_net import DensePatchNet
from .geometry_encoder import GeometryEncoder, Latents
from .hand_resnet import HandResNet
from .hand_unet import HandUNet
from .segmented_depth import SegmentedDepth
from .squeezenet import SqueezeNet
from .timm_backbone import TimmBackbone
from .torchvision_backbone import TorchvisionBackbone

__all__ = [
    'CPMFeatures',
    'CoarseJoints',
    'DensePatchNet',
    'GeometryEncoder',
    'HandResNet',
    'HandUNet',
    'Latents',
    'SegmentedDepth',
    'SqueezeNet',
    'TimmBackbone',
    'TorchvisionBackbone',
]
