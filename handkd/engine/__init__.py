"""What runs a training: hooks, mixed precision, safe checkpoints."""

from .atomic import AtomicBackend
from .hooks import PlainCheckpointHook, SeedIterationHook, SkippedSamplesHook
from .inverse_time_lr import InverseTimeLR
from .optim_wrapper import AutocastOptimWrapper, bf16_is_fast
from .part_restoration_hook import PartRestorationHook

__all__ = [
    'AtomicBackend',
    'AutocastOptimWrapper',
    'InverseTimeLR',
    'PartRestorationHook',
    'PlainCheckpointHook',
    'SeedIterationHook',
    'SkippedSamplesHook',
    'bf16_is_fast',
]
