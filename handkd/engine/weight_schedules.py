"""Check that the schedules of distillers fit the run."""

from __future__ import annotations

from mmengine.hooks import Hook
from mmengine.runner import Runner

from handkd.hints import ConfigError
from handkd.models import BaseDistiller
from handkd.registry import HOOKS


@HOOKS.register_module()
class WeightScheduleHook(Hook):
    """Refuses a schedule of a distiller by epochs in a run that counts steps, where the epoch remains 0.

    Args:
        by_epoch (bool): Whether the run counts epochs.
    """

    def __init__(self, by_epoch: bool) -> None:
        self.by_epoch = by_epoch

    def before_train(self, runner: Runner) -> None:
        """Check the schedules of all distillers.

        Raises:
            ConfigError: If one counts epochs and the run steps, or it begins after the training.
        """
        for name, part in runner.model.named_modules():
            if not isinstance(part, BaseDistiller):
                continue
            name = name.rpartition('.')[2]
            if not self.by_epoch and any(schedule.by_epoch for schedule in part.schedules):
                raise ConfigError(
                    f'distillers.{name}.schedule counts epochs, but this run counts steps: set by_epoch=False in the '
                    'schedule, with begin and end in steps'
                )
            try:
                part.factor()
            except ConfigError as error:
                raise ConfigError(f'distillers.{name}.{error}') from error
