"""Data sets, and how their samples are drawn."""

from .base import ReproducibleDataset
from .samplers import ReproducibleSampler
from .seeding import SampleKey, mix, seeded
from .studio import StudioDataset
from .transforms import *  # noqa: F403

__all__ = ['ReproducibleDataset', 'ReproducibleSampler', 'SampleKey', 'StudioDataset', 'mix', 'seeded']
