"""What runs a training: hooks, mixed precision, safe files."""

from .atomic import AtomicBackend, write_atomically
from .hooks import PlainCheckpointHook, SeedIterationHook
from .optim_wrapper import AutocastOptimWrapper, bf16_is_fast

__all__ = [
    'AtomicBackend',
    'AutocastOptimWrapper',
    'PlainCheckpointHook',
    'SeedIterationHook',
    'bf16_is_fast',
    'write_atomically',
]
