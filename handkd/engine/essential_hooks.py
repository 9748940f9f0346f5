"""Hooks that every run needs, whatever hooks its config lists: the runner adds them by itself."""

from __future__ import annotations

from pathlib import Path

from mmengine.dist import is_main_process
from mmengine.hooks import DistSamplerSeedHook, Hook

from handkd.files import write_atomically

from .divergence import DivergenceHook
from .hooks import PlainCheckpointHook, SeedIterationHook, SkippedSamplesHook
from .monitors import MonitorNamesHook

LAST = 'last_checkpoint'
"""Name of the file in a work dir in which MMEngine writes the path of the newest checkpoint."""


class FinalCheckpointHook(Hook):
    """Saves a checkpoint at the end of a training, unless one of that very step has been saved.

    Without it a run that stops early, or whose ``CheckpointHook`` does not save the last step, would lose its weights.
    """

    priority = 'LOWEST'

    def __init__(self, by_epoch: bool) -> None:
        self.by_epoch = by_epoch

    def after_train(self, runner) -> None:
        """Save the weights, and all that a resumed run needs."""
        step = runner.epoch if self.by_epoch else runner.iter
        path = Path(runner.work_dir) / f'{"epoch" if self.by_epoch else "iter"}_{step}.pth'
        pointer = Path(runner.work_dir) / LAST
        named = Path(pointer.read_text().strip()).name if pointer.is_file() else None
        if step == 0 or (named == path.name and path.is_file()):
            return
        runner.save_checkpoint(
            runner.work_dir,
            path.name,
            meta=dict(epoch=runner.epoch, iter=runner.iter),
            backend_args=dict(backend='atomic'),
        )
        if is_main_process():
            write_atomically(pointer, str(path).encode())


def essential_hooks(by_epoch: bool) -> list[Hook]:
    """Return the hooks that a run cannot do without."""
    return [
        SeedIterationHook(),
        DivergenceHook(),
        PlainCheckpointHook(),
        SkippedSamplesHook(),
        DistSamplerSeedHook(),
        FinalCheckpointHook(by_epoch),
        MonitorNamesHook(),
    ]
