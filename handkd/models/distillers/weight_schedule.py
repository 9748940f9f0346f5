"""Weight of a distiller as a function of the training's progress."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

from mmengine.logging import MessageHub

from handkd.hints import ConfigError, check_choice, check_keys

RAMPS: dict[str, Callable[[float], float]] = {
    'linear': lambda progress: progress,
    'cosine': lambda progress: (1 - math.cos(math.pi * progress)) / 2,
}
"""Share of the way from the first factor to the last one, by the share of the time between begin and end."""

TYPES = (*RAMPS, 'window')


class WeightSchedule:
    """Factor of a distiller's losses over a training.

    ``linear`` and ``cosine`` go from ``start_factor`` to ``end_factor`` between ``begin`` and ``end`` and are constant
    outside; ``window`` is 1 from ``begin`` to before ``end`` and 0 outside. The defaults of ``linear`` are the decay
    1 - epoch / max_epochs of DWPose (Yang et al. 2023, arXiv 2307.15880), with epochs counted from 0. A warm-up of 500
    steps is ``dict(type='linear', by_epoch=False, end=500, start_factor=0.0, end_factor=1.0)``.

    The position is read from MMEngine's message hub and nothing is counted here, so a resumed run has the factors of an
    uninterrupted one. Outside of a run the factor is that of the first step.

    Args:
        type (str): 'linear', 'cosine' or 'window'.
        by_epoch (bool): Whether ``begin`` and ``end`` are epochs, and not steps. Defaults to True. A run that counts
            steps (``train_cfg.by_epoch=False``) needs False.
        begin (int): Epoch or step, from 0. Defaults to 0.
        end (int, optional): Epoch or step. Defaults to None: the end of the training.
        start_factor (float): Factor until ``begin``; not of 'window'. Defaults to 1.0.
        end_factor (float): Factor from ``end`` on; not of 'window'. Defaults to 0.0.

    Raises:
        ConfigError: If a number is not one, or ``end`` is not after ``begin``.
    """

    def __init__(
        self,
        type: str,  # noqa: A002 (a key of the config)
        by_epoch: bool = True,
        begin: int = 0,
        end: int | None = None,
        start_factor: float = 1.0,
        end_factor: float = 0.0,
    ) -> None:
        for name, value in dict(begin=begin, end=end).items():
            if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 0):
                raise ConfigError(f'schedule.{name} must be an epoch or step, at least 0, found {value!r}')
        if end is not None and end <= begin:
            raise ConfigError(f'schedule: end must be after begin, found begin={begin}, end={end}')
        for name, value in dict(start_factor=start_factor, end_factor=end_factor).items():
            if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
                raise ConfigError(f'schedule.{name} must be a number, found {value!r}')
        self.type, self.by_epoch, self.begin, self.end = type, by_epoch, begin, end
        self.start_factor, self.end_factor = start_factor, end_factor

    def factor(self) -> float:
        """Return the factor at the current epoch or step of the run.

        Raises:
            ConfigError: If the training ends before ``begin``, and ``end`` is not given.
        """
        hub = MessageHub.get_current_instance()
        unit = 'epoch' if self.by_epoch else 'iter'
        last = self.end if self.end is not None else hub.get_info(f'max_{unit}s')
        return self.at(hub.get_info(unit) or 0, last)

    def at(self, position: int, end: int | None) -> float:
        """Return the factor at an epoch or step.

        Args:
            position: The epoch or step, from 0.
            end: Where the schedule ends; None if that is unknown, as outside of a run.

        Raises:
            ConfigError: If ``end`` is not after ``begin``.
        """
        if end is not None and end <= self.begin:
            unit = 'epochs' if self.by_epoch else 'steps'
            message = f'schedule: begin is {self.begin}, but the training has {end} {unit}: use a smaller begin'
            raise ConfigError(message)
        if self.type == 'window':
            return float(position >= self.begin and (end is None or position < end))
        progress = 0.0 if end is None else min(max((position - self.begin) / (end - self.begin), 0.0), 1.0)
        return self.start_factor + (self.end_factor - self.start_factor) * RAMPS[self.type](progress)


KEYS = dict.fromkeys(RAMPS, ('type', 'by_epoch', 'begin', 'end', 'start_factor', 'end_factor'))
KEYS['window'] = ('type', 'by_epoch', 'begin', 'end')


def build_schedules(schedule: Mapping | Sequence[Mapping] | None, owner: str) -> tuple[WeightSchedule, ...]:
    """Build the schedules of a distiller from its config.

    Args:
        schedule: Arguments of :class:`WeightSchedule`, or a list of such, whose factors are multiplied: a warm-up and a
            decay. None for none.
        owner: Name of the distiller's class, for errors.

    Raises:
        ConfigError: If a key or a type is unknown, with the nearest right one, or a value is wrong.
    """
    entries = [schedule] if isinstance(schedule, (Mapping, str)) else schedule or []
    built = []
    for entry in entries:
        if not isinstance(entry, Mapping) or 'type' not in entry:
            raise ConfigError(
                f"{owner}: schedule must be dict(type='linear', ...), found {entry!r}; the types are {list(TYPES)}"
            )
        try:
            check_choice(entry['type'], TYPES, 'schedule.type')
            check_keys(entry, KEYS[entry['type']], f'schedule of type {entry["type"]!r}')
            built.append(WeightSchedule(**entry))
        except ConfigError as error:
            raise ConfigError(f'{owner}: {error}') from error
    return tuple(built)
