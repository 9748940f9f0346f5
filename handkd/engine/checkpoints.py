"""Checkpoints of a run: the old one is removed after the new one is complete, and the last step is always saved."""

from __future__ import annotations

import math
import re
from collections import deque
from pathlib import Path

from mmengine import hooks
from mmengine.dist import barrier, is_main_process
from mmengine.runner import Runner

from handkd.files import write_atomically
from handkd.registry import HOOKS

LAST = 'last_checkpoint'
"""Name of MMEngine's file in a work dir that holds the path of the newest checkpoint."""


@HOOKS.register_module()
class CheckpointHook(hooks.CheckpointHook):
    """MMEngine's hook, but the new checkpoint is complete before the old one is removed.

    MMEngine removes the old one first, so a kill or NaN weights would lose both. Here a metric that is not finite is
    also never the best. The best checkpoint that a resumed one names is looked for, and later removed, only in the
    run's own folder.
    """

    def before_train(self, runner: Runner) -> None:
        """Find out where checkpoints go, and which exist."""
        super().before_train(runner)
        if self.save_best:
            one = len(self.key_indicators) == 1
            best = {None: self.best_ckpt_path} if one else self.best_ckpt_path_dict
            self._set_best({name: path and self._in_folder(path) for name, path in best.items()})

    def _in_folder(self, path: str) -> str | None:
        """Return where a best checkpoint is in the run's folder; None if its name is not that of one."""
        name = Path(path).name
        return self.file_backend.join_path(self.out_dir, name) if re.fullmatch(r'best_.+\.pth', name) else None

    def _save_checkpoint_with_step(self, runner: Runner, step: int, meta: dict) -> None:
        outdated = []
        if self.max_keep_ckpts > 0:
            steps = [*(each for each in self.keep_ckpt_ids if each != step), step]
            outdated, kept = steps[: -self.max_keep_ckpts], steps[-self.max_keep_ckpts :]
            # MMEngine finds the step in the list already, so it removes nothing.
            before, self.keep_ckpt_ids = self.keep_ckpt_ids, deque(kept, self.max_keep_ckpts)
            runner.message_hub.update_info('keep_ckpt_ids', kept)
        try:
            super()._save_checkpoint_with_step(runner, step, meta)
        except BaseException:
            if self.max_keep_ckpts > 0:
                self.keep_ckpt_ids = before
            raise
        for old in outdated:
            self._remove(self.file_backend.join_path(self.out_dir, self.filename_tmpl.format(old)))

    def _save_best_checkpoint(self, runner: Runner, metrics: dict) -> None:
        finite = {
            name: None if isinstance(value, float) and not math.isfinite(value) else value
            for name, value in metrics.items()
        }
        if not self.save_best:
            return
        one = len(self.key_indicators) == 1
        before = {None: self.best_ckpt_path} if one else dict(self.best_ckpt_path_dict)
        self._set_best(dict.fromkeys(before))  # otherwise MMEngine would remove them first
        try:
            super()._save_best_checkpoint(runner, finite)
        except BaseException:
            self._set_best(before)
            raise
        after = {None: self.best_ckpt_path} if one else dict(self.best_ckpt_path_dict)
        self._set_best({name: after[name] or path for name, path in before.items()})
        for name, path in before.items():
            if path and after[name] and Path(path).name != Path(after[name]).name:
                self._remove(path)

    def _set_best(self, paths: dict[str | None, str | None]) -> None:
        """Set the paths of the best checkpoints by metric; the key None stands for a single metric."""
        if None in paths:
            self.best_ckpt_path = paths[None]
        else:
            self.best_ckpt_path_dict.update(paths)

    def _remove(self, path: str) -> None:
        if is_main_process() and self.file_backend.isfile(path):
            self.file_backend.remove(path)


def save_step(runner: Runner, by_epoch: bool, step: int, meta: dict, again: bool = False) -> Path:
    """Save a checkpoint from which the run can be resumed, besides those of its ``CheckpointHook``.

    Args:
        runner: The runner.
        by_epoch: Whether the run counts epochs.
        step: Number of completed epochs or steps.
        meta: ``epoch`` and ``iter`` of the checkpoint.
        again: Whether to save it even if it exists already. Defaults to False.

    Returns:
        Its path; the file exists for all processes when this returns.
    """
    path = Path(runner.work_dir) / f'{"epoch" if by_epoch else "iter"}_{step}.pth'
    pointer = Path(runner.work_dir) / LAST
    named = Path(pointer.read_text().strip()).name if pointer.is_file() else None
    barrier()  # all have read it
    if again or named != path.name or not path.is_file():
        saver = next((hook for hook in runner.hooks if isinstance(hook, CheckpointHook)), None)
        if saver is not None and saver.by_epoch == by_epoch and saver.filename_tmpl.format(step) == path.name:
            saver._save_checkpoint_with_step(runner, step, meta)  # it counts among the checkpoints that the hook keeps
        else:
            runner.save_checkpoint(runner.work_dir, path.name, meta=meta, backend_args=dict(backend='atomic'))
            if is_main_process():
                write_atomically(pointer, str(path).encode())
    barrier()
    return path


class FinalCheckpointHook(hooks.Hook):
    """Saves a checkpoint at the end of a training, unless one of the same step exists.

    Without it a run that stops early, or whose ``CheckpointHook`` does not save the last step, would lose its weights.

    Args:
        by_epoch: Whether the run counts epochs.
    """

    priority = 'LOWEST'

    def __init__(self, by_epoch: bool) -> None:
        self.by_epoch = by_epoch

    def after_train(self, runner: Runner) -> None:
        """Save the weights, and everything that a resumed run needs."""
        step = runner.epoch if self.by_epoch else runner.iter
        if step > 0:
            save_step(runner, self.by_epoch, step, dict(epoch=runner.epoch, iter=runner.iter))
