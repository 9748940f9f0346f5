"""What runs a training: hooks, mixed precision, safe checkpoints."""

from .atomic import AtomicBackend
from .checkpoints import LAST, CheckpointHook, FinalCheckpointHook, save_step
from .divergence import DivergenceError, DivergenceHook
from .essential_hooks import essential_hooks
from .hooks import GradientLogHook, PlainCheckpointHook, SeedIterationHook, SkippedSamplesHook
from .inverse_time_lr import InverseTimeLR
from .monitors import MonitorNamesHook, full_name, rule_of, with_rules
from .optim_wrapper import AutocastOptimWrapper, bf16_is_fast
from .part_restoration_hook import PartRestorationHook

__all__ = [
    'LAST',
    'AtomicBackend',
    'AutocastOptimWrapper',
    'CheckpointHook',
    'DivergenceError',
    'DivergenceHook',
    'FinalCheckpointHook',
    'GradientLogHook',
    'InverseTimeLR',
    'MonitorNamesHook',
    'PartRestorationHook',
    'PlainCheckpointHook',
    'SeedIterationHook',
    'SkippedSamplesHook',
    'bf16_is_fast',
    'essential_hooks',
    'full_name',
    'rule_of',
    'save_step',
    'with_rules',
]
