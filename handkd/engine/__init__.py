"""Training engine: hooks, mixed precision, safe checkpoints."""

from handkd.exits import CTRL_C_STATUS, RESUME_STATUS, Interruption

from .atomic import AtomicBackend
from .buffers import SameBuffersHook
from .checkpoints import LAST, CheckpointHook, FinalCheckpointHook, save_step
from .divergence import DivergenceError, DivergenceHook
from .essential_hooks import essential_hooks
from .hooks import GradientLogHook, PlainCheckpointHook, SeedIterationHook, SkippedSamplesHook
from .interruption import InterruptionHook, StopSignals, outlive_signals, stop_signals
from .inverse_time_lr import InverseTimeLR
from .monitors import MonitorNamesHook, full_name, rule_of, with_rules
from .optim_wrapper import AutocastOptimWrapper, bf16_is_fast
from .part_restoration_hook import PartRestorationHook
from .pipeline_switch import PipelineSwitchHook
from .teacher_updates import TeacherUpdateHook
from .weight_schedules import WeightScheduleHook

__all__ = [
    'CTRL_C_STATUS',
    'LAST',
    'RESUME_STATUS',
    'AtomicBackend',
    'AutocastOptimWrapper',
    'CheckpointHook',
    'DivergenceError',
    'DivergenceHook',
    'FinalCheckpointHook',
    'GradientLogHook',
    'Interruption',
    'InterruptionHook',
    'InverseTimeLR',
    'MonitorNamesHook',
    'PartRestorationHook',
    'PipelineSwitchHook',
    'PlainCheckpointHook',
    'SameBuffersHook',
    'SeedIterationHook',
    'SkippedSamplesHook',
    'StopSignals',
    'TeacherUpdateHook',
    'WeightScheduleHook',
    'bf16_is_fast',
    'essential_hooks',
    'full_name',
    'outlive_signals',
    'rule_of',
    'save_step',
    'stop_signals',
    'with_rules',
]
