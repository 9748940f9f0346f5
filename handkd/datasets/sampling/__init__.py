"""Samplers, and the seeds of samples."""

from .samplers import ReproducibleSampler
from .seeded_samples import SeededSamples
from .seeding import GroupKey, SampleKey, seeded
from .view_sampler import ViewGroupSampler

__all__ = ['GroupKey', 'ReproducibleSampler', 'SampleKey', 'SeededSamples', 'ViewGroupSampler', 'seeded']
