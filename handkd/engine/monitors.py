"""Metrics that hooks and schedules monitor: their full names, and whether less or greater is better."""

from __future__ import annotations

from mmengine.hooks import CheckpointHook, EarlyStoppingHook, Hook
from mmengine.optim import ReduceOnPlateauParamScheduler
from mmengine.runner import Runner

from handkd.hints import ConfigError, did_you_mean

_GREATER = ('auc', 'pck', 'within', 'acc', 'per_pixel', 'per_class', 'psnr', 'ap', 'ar')
_LESS = ('epe', 'mpjpe', 'error', 'loss', 'mae', 'violation')
_WATCHED_BY = {'CheckpointHook': 'save_best', 'EarlyStoppingHook': 'monitor'}
_PLATEAU = 'ReduceOnPlateau'
"""Beginning of the names of MMEngine's schedules that monitor a metric."""
_AUTO = 'auto'
"""Value of ``save_best`` for the first metric of the evaluators."""


class MonitorNamesHook(Hook):
    """Resolves the full names of the metrics that hooks and schedules monitor, before the first step.

    The name of a metric begins with its protocol; ``save_best='EPE_mean'`` is enough if a single metric ends in it, and
    ``save_best='auto'`` is the first metric. The existing names are found by evaluating the first batch of the
    validation set.
    """

    priority = 'HIGHEST'

    def before_train(self, runner: Runner) -> None:
        """Replace the metric names of ``CheckpointHook``, ``EarlyStoppingHook`` and ``ReduceOnPlateau...``.

        Raises:
            ConfigError: If no metric, or more than one, has the name (lists the evaluator's metrics), or it is unknown
                whether less or greater is better.
        """
        savers = [hook for hook in runner.hooks if isinstance(hook, CheckpointHook) and hook.save_best]
        stoppers = [hook for hook in runner.hooks if isinstance(hook, EarlyStoppingHook)]
        schedulers = [each for each in _schedulers(runner) if isinstance(each, ReduceOnPlateauParamScheduler)]
        watching = [*savers, *stoppers, *schedulers]
        if not watching:
            return
        if runner.val_loop is None:
            whose = ', '.join(sorted({type(one).__name__ for one in watching}))
            raise ConfigError(f'{whose} needs a validation, but val_dataloader is None: set it, or leave the hook out')
        names = _metric_names(runner)
        for hook in savers:
            found = [names[0] if name == _AUTO else full_name(name, names, 'save_best') for name in hook.save_best]
            rules = [_rule_or_error(found[0], 'CheckpointHook')] if hook.rules == [None] else hook.rules
            hook.save_best = found
            hook.is_better_than = {}
            hook._init_rule(rules, found)  # MMEngine has no public method for it
        for one in [*stoppers, *schedulers]:
            one.monitor = full_name(one.monitor, names, f'{type(one).__name__}(monitor=...)')


def _schedulers(runner: Runner) -> list:
    """Return all schedules of a runner, of one or several optimizers."""
    schedulers = runner.param_schedulers or []
    return sum(schedulers.values(), []) if isinstance(schedulers, dict) else schedulers


def with_rules(settings: object) -> object:
    """Return settings of hooks or schedules, completed by the rule of the monitored metric if it is not set.

    Args:
        settings: Settings of one hook or schedule, or a list or a dict of them; anything else is returned unchanged.

    Raises:
        ConfigError: If it is unknown whether less or greater is better for a monitored metric.
    """
    if isinstance(settings, (list, tuple)):
        return [with_rules(one) for one in settings]
    if not isinstance(settings, dict):
        return settings
    if 'type' not in settings:
        return {name: with_rules(one) for name, one in settings.items()}
    kind = getattr(settings['type'], '__name__', str(settings['type'])).rpartition('.')[2]
    key = 'monitor' if kind.startswith(_PLATEAU) else _WATCHED_BY.get(kind)
    watched = settings.get(key) if key else None
    several = [watched] if isinstance(watched, str) else list(watched or [])
    if not several or watched in (_AUTO, [_AUTO]) and key == 'save_best' or settings.get('rule') is not None:
        return settings
    rules = [_rule_or_error(name, kind) for name in several]
    return dict(settings, rule=rules if key == 'save_best' else rules[0])


def _rule_or_error(name: str, kind: str) -> str:
    rule = rule_of(name)
    if rule is None:
        raise ConfigError(
            f"{kind}: it is unknown whether less or greater {name!r} is better: set rule='less' or rule='greater'"
        )
    return rule


def _metric_names(runner: Runner) -> list[str]:
    """Return the names of the metrics, in the evaluators' order, from the first batch of the validation set."""
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

    Of an evaluation on several sets that is the number of the whole, whose name those of the sets end with.

    Args:
        name: Full or short name of a metric.
        names: Full names of all metrics.
        where: Name of the setting, for errors.

    Raises:
        ConfigError: If there is none, or several.
    """
    if name in names:
        return name
    found = sorted((candidate for candidate in names if candidate.endswith(f'/{name}')), key=len)
    if found and all(candidate.endswith(f'/{found[0]}') for candidate in found[1:]):
        return found[0]
    if found:
        raise ConfigError(f'{where}: {name!r} is short for several metrics, {found}: give the full name of one')
    ends = {candidate.rpartition('/')[2] for candidate in names}
    raise ConfigError(f'{where}: no metric is named {name!r}; {did_you_mean(name, ends | set(names))}')


def rule_of(name: str) -> str | None:
    """Return the better direction for a metric, 'greater' or 'less', by the last part of its name; None if unknown."""
    last = name.rpartition('/')[2].lower()
    words = last.replace('-', '_').split('_')
    for rule, keys in (('less', _LESS), ('greater', _GREATER)):
        if any(key in words or (len(key) > 2 and key in last) for key in keys):
            return rule
    return None
