"""Data sets, how their samples are drawn, and what happens to them on the way to the network."""

from . import transforms
from .base import ReproducibleDataset
from .file_dataset import HandFileDataset
from .samplers import ReproducibleSampler
from .seeding import SampleKey, mix, seeded
from .stb import STBDataset
from .studio import StudioDataset

__all__ = [
    'HandFileDataset',
    'ReproducibleDataset',
    'ReproducibleSampler',
    'STBDataset',
    'SampleKey',
    'StudioDataset',
    'mix',
    'seeded',
    'transforms',
]
