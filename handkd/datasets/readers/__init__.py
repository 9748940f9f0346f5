"""Readers of the public data sets and of hand folders, one file per set, with helpers for their file formats."""

from .bighand import BigHandDataset
from .coco_hand import CocoHandDataset
from .dexter_object import DexterObjectDataset
from .dexycb import DexYCBDataset
from .freihand import FreiHANDDataset
from .hand_folder import HandFolderDataset
from .ho3d import HO3DDataset
from .interhand import InterHand26MDataset
from .lm import LMDataset
from .nyu import NYUDataset
from .panoptic import PanopticHandDataset
from .rhd import RHDDataset
from .stb import STBDataset

__all__ = [
    'BigHandDataset',
    'CocoHandDataset',
    'DexYCBDataset',
    'DexterObjectDataset',
    'FreiHANDDataset',
    'HO3DDataset',
    'HandFolderDataset',
    'InterHand26MDataset',
    'LMDataset',
    'NYUDataset',
    'PanopticHandDataset',
    'RHDDataset',
    'STBDataset',
]
