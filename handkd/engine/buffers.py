"""Buffers of distributed trainings, such as the statistics of batch normalisation."""

from __future__ import annotations

from mmengine.dist import broadcast, is_distributed
from mmengine.hooks import Hook
from mmengine.runner import Runner

from handkd.registry import HOOKS


@HOOKS.register_module()
class SameBuffersHook(Hook):
    """Gives the network of every process the buffers of the first one before a validation.

    Each process accumulates the statistics of batch normalisation over its own batches, and checkpoints have those of
    the first process. So all processes validate the network that is saved, and a resumed run, in which all begin with
    the saved statistics, has the metrics of the uninterrupted one. Trainings of one process are not changed.
    """

    priority = 'LOWEST'  # after EMAHook, which puts the averages in

    def before_val_epoch(self, runner: Runner) -> None:
        """Copy the buffers."""
        if is_distributed():
            for buffer in runner.model.buffers():
                broadcast(buffer)
