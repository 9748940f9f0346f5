"""Data sets, samplers, and the transforms between a data set and a network."""

from . import transforms
from .base import ReproducibleDataset, SampleError
from .bighand import BigHandDataset
from .dexter_object import DexterObjectDataset
from .file_dataset import HandFileDataset
from .hand_folder import HandFolderDataset
from .label_budget import LabelBudget
from .lm import LMDataset
from .mixed import MixedDataset
from .nyu import NYUDataset
from .packed import PackedHandDataset, StreamedHandDataset
from .panoptic import PanopticHandDataset
from .rhd import RHDDataset
from .samplers import ReproducibleSampler
from .seeding import GroupKey, SampleKey, seeded
from .stb import STBDataset
from .studio import StudioDataset
from .studio.room import StudioRoomDataset
from .view_sampler import ViewGroupSampler
from .views import Captures

__all__ = [
    'BigHandDataset',
    'Captures',
    'DexterObjectDataset',
    'GroupKey',
    'HandFileDataset',
    'HandFolderDataset',
    'LMDataset',
    'LabelBudget',
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
    'StreamedHandDataset',
    'StudioDataset',
    'StudioRoomDataset',
    'ViewGroupSampler',
    'seeded',
    'transforms',
]
