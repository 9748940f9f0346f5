"""Hooks for reproducible runs, checkpoints that are safe to read, gradient logs and a report of skipped samples."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from mmengine.dist import get_rank
from mmengine.hooks import Hook
from mmengine.logging import HistoryBuffer
from mmengine.runner import Runner

from handkd.hashing import mix
from handkd.hints import ConfigError
from handkd.registry import HOOKS


@HOOKS.register_module()
class SeedIterationHook(Hook):
    """Seeds torch before every training step from (seed, step, rank).

    So a network's random numbers (dropout) do not depend on earlier steps, and a resumed run draws the same numbers as
    the uninterrupted one.
    """

    priority = 'VERY_HIGH'

    def before_train_iter(self, runner: Runner, batch_idx: int, data_batch: dict | None = None) -> None:
        """Seed all devices' generators."""
        torch.manual_seed(mix(mix(runner.seed, get_rank()), runner.iter))


@HOOKS.register_module()
class GradientLogHook(Hook):
    """Logs the gradient norm of each loss that the baseline lacks, relative to that of the pose loss.

    ``gradient_NAME/LAYER`` is the norm of the gradient of the distiller's losses at the layer that it reads, divided by
    the norm of the pose loss's gradient there. Added loss terms should have gradients of comparable size at a shared
    layer: a ratio of 100 means that the pose is hardly learned, one of 0.01 that the distiller has hardly any effect.
    The ratios are only logged and do not change the training.

    Args:
        interval (int): Steps between two measurements, each of which costs about one more backward pass per distiller.
            Defaults to 50.

    Raises:
        ValueError: If the interval is less than 1.
    """

    def __init__(self, interval: int = 50) -> None:
        if interval < 1:
            raise ValueError(f'GradientLogHook: interval must be at least 1, found {interval!r}')
        self.interval = interval

    def before_train(self, runner: Runner) -> None:
        """Check that the model can log its gradients.

        Raises:
            ConfigError: If it has no further losses, or is compiled.
        """
        network = getattr(runner.model, 'module', runner.model)
        if not hasattr(network, 'log_gradients'):
            raise ConfigError(
                f'GradientLogHook needs a model with several losses, DistilledEstimator or ViewSynthesizer, found '
                f'{type(network).__name__}: leave the hook out of custom_hooks'
            )
        if runner.cfg.get('compile'):
            raise ConfigError('GradientLogHook needs several backward passes, which compiled models do not allow')

    def before_train_iter(self, runner: Runner, batch_idx: int, data_batch: dict | None = None) -> None:
        """Let the model log its gradients in every ``interval``-th step."""
        network = getattr(runner.model, 'module', runner.model)
        network.log_gradients = self.every_n_train_iters(runner, self.interval)


@HOOKS.register_module()
class PlainCheckpointHook(Hook):
    """Restricts checkpoints to tensors and plain containers.

    MMEngine saves its log buffers as objects, which ``torch.load(weights_only=True)``, torch's default, refuses to
    read. They are saved as tensors instead and converted to buffers again on resume.
    """

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Convert the log buffers to tensors, and numpy's numbers to Python's."""
        hub = checkpoint['message_hub']
        hub['log_scalars'] = {
            name: [torch.as_tensor(array) for array in buffer.data] for name, buffer in hub['log_scalars'].items()
        }
        hub['runtime_info'] = {
            name: value.item() if isinstance(value, np.generic) else value
            for name, value in hub['runtime_info'].items()
        }

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Convert the tensors to log buffers."""
        hub = checkpoint.get('message_hub', {})
        if 'log_scalars' in hub:
            hub['log_scalars'] = {
                name: data if isinstance(data, HistoryBuffer) else HistoryBuffer(*(tensor.numpy() for tensor in data))
                for name, data in hub['log_scalars'].items()
            }


@HOOKS.register_module()
class SkippedSamplesHook(Hook):
    """Reports at the end of a training the samples that could not be read, if the data set is set to skip them.

    Data sets inside others (``dataset``, ``datasets``) are included.
    """

    def after_train(self, runner: Runner) -> None:
        """Log the number and the first of the skipped samples, and the number of damaged labels."""
        for dataset in _sets_in(runner.train_loop.dataloader.dataset):
            skipped = getattr(dataset, 'skipped', None)
            indices = skipped.indices() if skipped is not None else []
            if indices:
                first = ', '.join(map(str, indices[:20])) + (', ...' if len(indices) > 20 else '')
                runner.logger.warning(
                    f'{len(indices)} of {len(dataset)} training samples could not be read and were left out: {first} '
                    '(the log names the file of each)'
                )
            damaged = getattr(dataset, 'damaged', ())
            if damaged:
                runner.logger.warning(
                    f'{len(damaged)} labels were damaged, and their samples left out, first: {damaged[0]}'
                )


def _sets_in(dataset: object) -> Iterator[object]:
    """Yield a data set and those that it wraps."""
    yield dataset
    for inner in (getattr(dataset, 'dataset', None), *(getattr(dataset, 'datasets', None) or ())):
        if inner is not None:
            yield from _sets_in(inner)
