"""Transforms of a sample between a data set and a network: loading, cropping, augmentation and packing."""

from .backgrounds import LoadBackground
from .batch import BatchTransform, SampleBatch, count_draws, run_batch, take_batches
from .cropping import HandCrop, RandomCropNoise
from .depth import DepthToCube, HandMaskFromDepth
from .finding import FindHandCube, HandMaskFromCube
from .mmpose_targets import HandTargets
from .packing import PackHandInputs
from .photometric import PhotometricJitter, RandomBlockReplacement
from .sample import check_sample
from .virtual_camera import VirtualCamera
from .warping import HandResize, RandomHandFlip, WarpCrop, warp_sample

__all__ = [
    'BatchTransform',
    'DepthToCube',
    'FindHandCube',
    'HandCrop',
    'HandMaskFromCube',
    'HandMaskFromDepth',
    'HandResize',
    'HandTargets',
    'LoadBackground',
    'PackHandInputs',
    'PhotometricJitter',
    'RandomBlockReplacement',
    'RandomCropNoise',
    'RandomHandFlip',
    'SampleBatch',
    'VirtualCamera',
    'WarpCrop',
    'check_sample',
    'count_draws',
    'run_batch',
    'take_batches',
    'warp_sample',
]
