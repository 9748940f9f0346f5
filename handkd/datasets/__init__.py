"""Data sets, how their samples are drawn, and what happens to them on the way to the network."""

from . import transforms
from .base import ReproducibleDataset
from .samplers import ReproducibleSampler
from .seeding import SampleKey, mix, seeded
from .studio import StudioDataset

__all__ = [
    'ReproducibleDataset',
    'ReproducibleSampler',
    'SampleKey',
    'StudioDataset',
    'mix',
    'seeded',
    'transforms',
]
