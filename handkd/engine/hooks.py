"""Hooks that make a run repeatable, its checkpoints safe to read, and that tell what it left out."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from mmengine.dist import get_rank
from mmengine.hooks import Hook
from mmengine.logging import HistoryBuffer

from handkd.hashing import mix
from handkd.hints import ConfigError
from handkd.registry import HOOKS


@HOOKS.register_module()
class SeedIterationHook(Hook):
    """Seeds torch before every training step from (seed, step, rank).

    So what a network draws at random (dropout) depends on no earlier step, and a resumed run draws what the
    uninterrupted one would have drawn.
    """

    priority = 'VERY_HIGH'

    def before_train_iter(self, runner, batch_idx: int, data_batch: dict | None = None) -> None:
        """Seed all devices' generators."""
        torch.manual_seed(mix(mix(runner.seed, get_rank()), runner.iter))


@HOOKS.register_module()
class GradientLogHook(Hook):
    """Logs how strongly each loss that a baseline has not pulls at the student, beside the pose's loss.

    ``gradient_NAME/LAYER`` is the norm of the gradient of the distiller's losses at the layer that it reads, divided by
    the norm of the pose loss's gradient there. Terms that are added should be of comparable size where they meet: a
    ratio of 100 means that the pose is hardly learned, one of 0.01 that the distiller is hardly there. The ratios
    stand in the log and change nothing in the training.

    Args:
        interval (int): Steps between two measurements, each of which costs about one more backward pass for each
            distiller. Defaults to 50.

    Raises:
        ValueError: If the interval is less than 1.
    """

    def __init__(self, interval: int = 50) -> None:
        if interval < 1:
            raise ValueError(f'GradientLogHook: interval must be at least 1, found {interval!r}')
        self.interval = interval

    def before_train(self, runner) -> None:
        """Check that the model can tell.

        Raises:
            ConfigError: If it has no further losses, or is compiled.
        """
        network = getattr(runner.model, 'module', runner.model)
        if not hasattr(network, 'log_gradients'):
            raise ConfigError(
                f'GradientLogHook needs a model of several losses, DistilledEstimator or ViewSynthesizer, found '
                f'{type(network).__name__}: leave the hook out of custom_hooks'
            )
        if runner.cfg.get('compile'):
            raise ConfigError('GradientLogHook needs several backward passes, which compiled models do not allow')

    def before_train_iter(self, runner, batch_idx: int, data_batch: dict | None = None) -> None:
        """Let the model measure in this step if it is time."""
        network = getattr(runner.model, 'module', runner.model)
        network.log_gradients = self.every_n_train_iters(runner, self.interval)


@HOOKS.register_module()
class PlainCheckpointHook(Hook):
    """Keeps everything but tensors and plain containers out of checkpoints.

    MMEngine saves its log buffers as objects, which ``torch.load(weights_only=True)``, torch's default, refuses to
    read. They are saved as tensors instead and become buffers again on resume.
    """

    def before_save_checkpoint(self, runner, checkpoint: dict) -> None:
        """Turn the log buffers into tensors, and numpy's numbers into Python's."""
        hub = checkpoint['message_hub']
        hub['log_scalars'] = {
            name: [torch.as_tensor(array) for array in buffer.data] for name, buffer in hub['log_scalars'].items()
        }
        hub['runtime_info'] = {
            name: value.item() if isinstance(value, np.generic) else value
            for name, value in hub['runtime_info'].items()
        }

    def after_load_checkpoint(self, runner, checkpoint: dict) -> None:
        """Turn the tensors into log buffers."""
        hub = checkpoint.get('message_hub', {})
        if 'log_scalars' in hub:
            hub['log_scalars'] = {
                name: data if isinstance(data, HistoryBuffer) else HistoryBuffer(*(tensor.numpy() for tensor in data))
                for name, data in hub['log_scalars'].items()
            }


@HOOKS.register_module()
class SkippedSamplesHook(Hook):
    """Tells at the end of a training which samples could not be read, where the data set was told to skip them.

    Data sets inside others (``dataset``, ``datasets``) tell of theirs, too.
    """

    def after_train(self, runner) -> None:
        """Log their number and the first ones, and how many labels were damaged."""
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
