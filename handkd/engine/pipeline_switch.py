"""Another pipeline for the last epochs of a training."""

from __future__ import annotations

from collections.abc import Sequence

from mmengine.dataset import Compose
from mmengine.hooks import Hook
from mmengine.runner import EpochBasedTrainLoop, Runner

from handkd.hints import ConfigError
from handkd.registry import HOOKS


@HOOKS.register_module()
class PipelineSwitchHook(Hook):
    """Replaces the training set's pipeline from an epoch on, as the last epochs of RTMPose have weaker augmentation.

    Arguments and name are those of MMDetection's hook, which MMPose's configs name. A run that is resumed after the
    switch continues with the second pipeline.

    Args:
        switch_epoch (int): Number of epochs with the first pipeline.
        switch_pipeline (Sequence[dict]): Configs of the second one's transforms.
    """

    def __init__(self, switch_epoch: int, switch_pipeline: Sequence[dict]) -> None:
        self.switch_epoch, self.switch_pipeline = switch_epoch, switch_pipeline
        self._pipeline: Compose | None = None

    def before_train(self, runner: Runner) -> None:
        """Build the pipeline, so that an error in it is found at once.

        Raises:
            ConfigError: If the training counts steps, or its data set has no pipeline.
        """
        dataset = runner.train_loop.dataloader.dataset
        if not isinstance(runner.train_loop, EpochBasedTrainLoop):
            raise ConfigError(
                'PipelineSwitchHook switches at an epoch, but train_cfg counts steps: set train_cfg=dict('
                '_delete_=True, by_epoch=True, max_epochs=...), or leave the hook out'
            )
        if not hasattr(dataset, 'pipeline'):
            raise ConfigError(
                f'PipelineSwitchHook: {type(dataset).__name__} has no pipeline of its own: leave the hook out, or '
                'train on one data set'
            )
        self._pipeline = Compose(self.switch_pipeline)

    def before_train_epoch(self, runner: Runner) -> None:
        """Switch, if it is time."""
        if runner.epoch < self.switch_epoch or self._pipeline is None:
            return
        loader = runner.train_loop.dataloader
        loader.dataset.pipeline, self._pipeline = self._pipeline, None
        if loader._iterator is not None:  # persistent workers have a copy of the first pipeline
            loader._iterator._shutdown_workers()
            loader._iterator = None
        runner.logger.info(f'the pipeline of the last epochs is used from epoch {runner.epoch + 1} on')
