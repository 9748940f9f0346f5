"""Learning-rate schedule of Torch7's ``learningRateDecay``."""

from __future__ import annotations

from mmengine.optim.optimizer.optimizer_wrapper import OptimWrapper
from mmengine.optim.scheduler.lr_scheduler import LRSchedulerMixin
from mmengine.optim.scheduler.param_scheduler import INF, _ParamScheduler
from torch.optim import Optimizer

from handkd.registry import PARAM_SCHEDULERS


class _InverseTimeScheduler(_ParamScheduler):
    """Schedule of any parameter of the optimiser; see :class:`InverseTimeLR`."""

    def __init__(
        self,
        optimizer: Optimizer | OptimWrapper,
        param_name: str,
        decay: float,
        begin: int,
        end: int,
        last_step: int,
    ) -> None:
        if not decay > 0:
            raise ValueError(f'InverseTimeLR: decay must be positive, found {decay!r}')
        self.decay = decay
        super().__init__(optimizer, param_name, begin, end, last_step, by_epoch=False)

    def _get_value(self) -> list[float]:
        """Return the values of this step from the last ones, like MMEngine's schedulers."""
        step = self.last_step
        factor = 1.0 if step == 0 else (1 + self.decay * (step - 1)) / (1 + self.decay * step)
        return [group[self.param_name] * factor for group in self.optimizer.param_groups]


@PARAM_SCHEDULERS.register_module()
class InverseTimeLR(LRSchedulerMixin, _InverseTimeScheduler):
    """lr / (1 + decay * t) after t steps: the "learning rate decay" of papers that used Torch7.

    Args:
        optimizer (Optimizer | OptimWrapper): The optimiser.
        decay (float): The decay per step.
        begin (int): Step at which it begins. Defaults to 0.
        end (int): Step at which it ends. Defaults to 1000000000.
        by_epoch (bool): Must be set to False in the config: the schedule counts steps, and otherwise MMEngine uses the
            number of epochs as ``end``. Defaults to True, which is refused.
        last_step (int): As in MMEngine. Defaults to -1.

    Raises:
        ValueError: If the decay is not positive, or ``by_epoch`` is True.
    """

    def __init__(
        self,
        optimizer: Optimizer | OptimWrapper,
        decay: float,
        begin: int = 0,
        end: int = INF,
        by_epoch: bool = True,
        last_step: int = -1,
    ) -> None:
        if by_epoch:
            raise ValueError('InverseTimeLR counts steps: set by_epoch=False')
        super().__init__(optimizer, decay=decay, begin=begin, end=end, last_step=last_step)
