"""Updates of teachers that follow the student."""

from __future__ import annotations

from mmengine.hooks import Hook
from mmengine.runner import Runner
from torch import nn

from handkd.registry import HOOKS


@HOOKS.register_module()
class TeacherUpdateHook(Hook):
    """Starts and updates the teachers that change during the training; every run has it.

    Those of a ``DistilledEstimator`` are updated once after each step of the optimizer: not after the batches whose
    gradients are only accumulated. Checkpoints of the same step, written by hooks of lower priority, have the update.
    """

    priority = 'HIGH'

    def before_train(self, runner: Runner) -> None:
        """Start the teachers with the student's initial, loaded or resumed weights."""
        network = self._distilled(runner)
        if network is not None:
            network.start_teachers()

    def after_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: dict | None = None, outputs: dict | None = None
    ) -> None:
        """Update the teachers if the optimizer has stepped."""
        network = self._distilled(runner)
        if network is not None and runner.optim_wrapper.should_update():
            network.update_teachers()

    @staticmethod
    def _distilled(runner: Runner) -> nn.Module | None:
        """Return the network if it has teachers, of whatever kind."""
        network = getattr(runner.model, 'module', runner.model)
        return network if hasattr(network, 'update_teachers') else None
