"""Data sets, samplers, and the transforms between a data set and a network."""

from . import transforms
from .base import ReproducibleDataset, SampleError
from .file_dataset import HandFileDataset
from .joined import JoinedDataset
from .label_budget import LabelBudget
from .mixed import MixedDataset
from .mmpose_hands import MMPoseHandDataset, unpacked
from .packed import PackedHandDataset, StreamedHandDataset
from .readers import (
    BigHandDataset,
    CocoHandDataset,
    DexterObjectDataset,
    DexYCBDataset,
    FreiHANDDataset,
    HandFolderDataset,
    HO3DDataset,
    InterHand26MDataset,
    LMDataset,
    NYUDataset,
    PanopticHandDataset,
    RHDDataset,
    STBDataset,
)
from .sampling import GroupKey, ReproducibleSampler, SampleKey, SeededSamples, ViewGroupSampler, seeded
from .views import Captures

__all__ = [
    'BigHandDataset',
    'Captures',
    'CocoHandDataset',
    'DexYCBDataset',
    'DexterObjectDataset',
    'FreiHANDDataset',
    'GroupKey',
    'HO3DDataset',
    'HandFileDataset',
    'HandFolderDataset',
    'InterHand26MDataset',
    'JoinedDataset',
    'LMDataset',
    'LabelBudget',
    'MMPoseHandDataset',
    'MixedDataset',
    'NYUDataset',
    'PackedHandDataset',
    'PanopticHandDataset',
    'RHDDataset',
    'ReproducibleDataset',
    'ReproducibleSampler',
    'STBDataset',
    'SampleError',
    'SampleKey',
    'SeededSamples',
    'StreamedHandDataset',
    'ViewGroupSampler',
    'seeded',
    'transforms',
    'unpacked',
]
