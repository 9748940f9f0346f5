"""Updates of teachers that change with the student."""

from __future__ import annotations

from mmengine.hooks import Hook
from mmengine.optim import OptimWrapper
from mmengine.runner import Runner
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from handkd.hints import ConfigError
from handkd.registry import HOOKS


@HOOKS.register_module()
class TeacherUpdateHook(Hook):
    """Starts and updates the teachers that change with the student; every run has it.

    Those of a ``DistilledEstimator`` are updated once after each step of the optimizer: not after the batches whose
    gradients are only accumulated. Checkpoints of the same step, written by hooks of lower priority, have the update.
    """

    priority = 'HIGH'
    _network: nn.Module | None = None

    def before_train(self, runner: Runner) -> None:
        """Start the teachers with the student's initial, loaded or resumed weights.

        Raises:
            ConfigError: If the weights or the optimizer's steps are out of reach, as under FSDP and DeepSpeed.
        """
        network = getattr(runner.model, 'module', runner.model)
        if not getattr(network, 'teachers_follow', False):
            return
        whole = runner.model is network or isinstance(runner.model, DistributedDataParallel)
        if not whole or not isinstance(runner.optim_wrapper, OptimWrapper):
            raise ConfigError(
                'a teacher with ema needs the whole student in each process, and an OptimWrapper; found '
                f'{type(runner.model).__name__} and {type(runner.optim_wrapper).__name__}: leave out `strategy`, or '
                'that teacher'
            )
        self._network = network
        network.start_teachers()

    def after_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: dict | None = None, outputs: dict | None = None
    ) -> None:
        """Update the teachers if the optimizer has stepped."""
        if self._network is not None and runner.optim_wrapper.should_update():
            self._network.update_teachers()
