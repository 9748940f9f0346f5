"""Data sets, and how their samples are drawn."""

from .base import ReproducibleDataset
from .samplers import ReproducibleSampler
from .seeding import SampleKey, mix, seeded

__all__ = ['ReproducibleDataset', 'ReproducibleSampler', 'SampleKey', 'mix', 'seeded']
