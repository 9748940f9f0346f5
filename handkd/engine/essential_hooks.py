"""Hooks that every run needs, whatever hooks its config lists: the runner adds them by itself."""

from __future__ import annotations

from pathlib import Path

from mmengine.dist import is_main_process
from mmengine.hooks import CheckpointHook, DistSamplerSeedHook, EarlyStoppingHook, Hook

from handkd.files import write_atomically
from handkd.hints import ConfigError, did_you_mean

from .hooks import PlainCheckpointHook, SeedIterationHook, SkippedSamplesHook

LAST = 'last_checkpoint'
"""Name of the file in a work dir in which MMEngine writes the path of the newest checkpoint."""

_GREATER = ('auc', 'pck', 'within', 'acc', 'per_pixel', 'per_class', 'psnr', 'ap', 'ar')
_LESS = ('epe', 'mpjpe', 'error', 'loss', 'mae', 'violation')


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


class MonitorNamesHook(Hook):
    """Finds the full names of the metrics that other hooks watch, before the first step.

    The name of a metric carries its protocol; ``save_best='EPE_mean'`` is enough where one metric alone ends so. Which
    names there are is found by evaluating the first batch of the validation set.
    """

    priority = 'HIGHEST'

    def before_train(self, runner) -> None:
        """Replace short names in ``CheckpointHook(save_best=...)`` and ``EarlyStoppingHook(monitor=...)``.

        Raises:
            ConfigError: If no metric, or more than one, has the name; lists those that the evaluator gives.
        """
        savers = [hook for hook in runner.hooks if isinstance(hook, CheckpointHook) and hook.save_best]
        savers = [hook for hook in savers if 'auto' not in hook.save_best]
        stoppers = [hook for hook in runner.hooks if isinstance(hook, EarlyStoppingHook)]
        if not savers and not stoppers:
            return
        if runner.val_loop is None:
            raise ConfigError('save_best and EarlyStoppingHook need a validation, but val_dataloader is None')
        names = _metric_names(runner)
        for hook in savers:
            found = [full_name(name, names, 'save_best') for name in hook.save_best]
            hook.save_best = found
            hook.is_better_than = {}
            hook._init_rule(hook.rules, found)  # MMEngine has no public way
        for hook in stoppers:
            hook.monitor = full_name(hook.monitor, names, 'EarlyStoppingHook(monitor=...)')


def _metric_names(runner) -> list[str]:
    """Names of the metrics, in the evaluators' order, from the first batch of the validation set."""
    loop = runner.val_loop
    was_training = runner.model.training
    runner.model.eval()
    batch = next(iter(loop.dataloader))
    samples = runner.model.val_step(batch)
    loop.evaluator.process(data_samples=samples, data_batch=batch)
    runner.model.train(was_training)
    return list(loop.evaluator.evaluate(len(samples)))


def full_name(name: str, names: list[str], where: str) -> str:
    """Return the one of ``names`` that is ``name`` or ends with ``/name``.

    Raises:
        ConfigError: If there is none, or several.
    """
    if name in names:
        return name
    found = [candidate for candidate in names if candidate.endswith(f'/{name}')]
    if len(found) == 1:
        return found[0]
    if found:
        raise ConfigError(f'{where}: {name!r} is short for several metrics, {found}: give the full name of one')
    ends = {candidate.rpartition('/')[2] for candidate in names}
    raise ConfigError(f'{where}: no metric is named {name!r}; {did_you_mean(name, ends | set(names))}')


def rule_of(name: str) -> str | None:
    """Return 'greater' or 'less', whichever is better for a metric, by the last part of its name; None if unknown."""
    last = name.rpartition('/')[2].lower()
    words = last.replace('-', '_').split('_')
    for rule, keys in (('less', _LESS), ('greater', _GREATER)):
        if any(key in words or (len(key) > 2 and key in last) for key in keys):
            return rule
    return None


def essential_hooks(by_epoch: bool) -> list[Hook]:
    """Return the hooks that a run cannot do without."""
    return [
        SeedIterationHook(),
        PlainCheckpointHook(),
        SkippedSamplesHook(),
        DistSamplerSeedHook(),
        FinalCheckpointHook(by_epoch),
        MonitorNamesHook(),
    ]
