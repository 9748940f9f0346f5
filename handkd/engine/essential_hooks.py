"""Hooks that every run needs, whatever hooks its config lists: the runner adds them itself."""

from __future__ import annotations

from mmengine.hooks import DistSamplerSeedHook, Hook

from .buffers import SameBuffersHook
from .checkpoints import FinalCheckpointHook
from .divergence import DivergenceHook
from .hooks import PlainCheckpointHook, SeedIterationHook, SkippedSamplesHook
from .monitors import MonitorNamesHook
from .teacher_updates import TeacherUpdateHook
from .weight_schedules import WeightScheduleHook


def essential_hooks(by_epoch: bool) -> list[Hook]:
    """Return the hooks that every run needs.

    Args:
        by_epoch: Whether the run counts epochs.
    """
    return [
        SeedIterationHook(),
        DivergenceHook(),
        TeacherUpdateHook(),
        PlainCheckpointHook(),
        SkippedSamplesHook(),
        SameBuffersHook(),
        DistSamplerSeedHook(),
        FinalCheckpointHook(by_epoch),
        MonitorNamesHook(),
        WeightScheduleHook(by_epoch),
    ]
