"""What runs a training: hooks, mixed precision, safe checkpoints."""

from .atomic import AtomicBackend
from .hooks import PlainCheckpointHook, SeedIterationHook, SkippedSamplesHook
from .optim_wrapper import AutocastOptimWrapper, bf16_is_fast

__all__ = [
    'AtomicBackend',
    'AutocastOptimWrapper',
    'PlainCheckpointHook',
    'SeedIterationHook',
    'SkippedSamplesHook',
    'bf16_is_fast',
]
