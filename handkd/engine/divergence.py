"""Detection of divergence: ends a training at a loss or gradient that is not finite, before bad weights are saved."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from pathlib import Path

import torch
from mmengine.hooks import Hook
from mmengine.optim import OptimWrapperDict
from mmengine.runner import Runner

_SHOWN = 8
"""Largest number of a batch's images that an error names."""


class DivergenceError(ValueError):
    """A training whose loss, gradient or weights are not finite."""


class DivergenceHook(Hook):
    """Ends a training at the first loss or gradient that is not finite, and never saves weights that are not finite.

    The step's update is done before its loss is checked, so the weights in memory are lost; the last checkpoint is
    unchanged. Losses, and the gradient's norm if ``clip_grad`` computes it, are checked after the step's log has read
    them, at no extra cost.
    """

    priority = 'VERY_HIGH'

    def after_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: dict | None = None, outputs: Mapping | None = None
    ) -> None:
        """Check the step's losses and the norm of its gradient.

        Raises:
            DivergenceError: If one is not finite; names the step, the terms, and the images of the batch.
        """
        losses = {  # other logged values may be of any kind
            name: float(value.detach() if isinstance(value, torch.Tensor) else value)
            for name, value in (outputs or {}).items()
            if 'loss' in name
        }
        wrong = [f'{name} is {value}' for name, value in losses.items() if not math.isfinite(value)]
        if not wrong:
            wrong = [f'{name} is {value}' for name, value in _gradient_norms(runner) if not math.isfinite(value)]
            finite = ', '.join(f'{name} is {value:.4g}' for name, value in losses.items())
            wrong = wrong and [*wrong, f'while {finite}']
        if wrong:
            raise DivergenceError(
                f'the training diverged: in step {runner.iter + 1} {", ".join(wrong)}; the images of that batch are '
                f'{_images(data_batch)}. {_remedy(runner)}'
            )

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Check the weights.

        Raises:
            DivergenceError: If one is not finite; names it.
        """
        for name, value in checkpoint['state_dict'].items():
            if value.is_floating_point() and not torch.isfinite(value).all():
                step = checkpoint['meta']['iter']
                raise DivergenceError(
                    f'the training diverged: after step {step} {name} is not finite, and nothing was saved. '
                    f'{_remedy(runner)}'
                )


def _gradient_norms(runner: Runner) -> Iterator[tuple[str, float]]:
    """Yield the gradient norms that were computed for clipping in this step, by their names in the log."""
    wrappers = runner.optim_wrapper
    wrappers = [wrapper for _, wrapper in wrappers.items()] if isinstance(wrappers, OptimWrapperDict) else [wrappers]
    for wrapper in wrappers:
        scaler = getattr(wrapper, 'loss_scaler', None)
        if scaler is not None and scaler.is_enabled():
            continue  # with float16 they are sometimes infinite: the step is skipped and the scale lowered
        name = getattr(wrapper, 'grad_name', '')  # exists only with clipping
        history = runner.message_hub.log_scalars.get(f'train/{name}')
        if history is not None:
            yield name, float(history.current())


def _images(data_batch: dict | None) -> str:
    """Return the names of a batch's images, if they have names."""
    samples = (data_batch or {}).get('data_samples', ())
    names = [str(sample.get('img_path') or sample.get('img_id')) for sample in samples]
    return ', '.join(names[:_SHOWN]) + (f' and {len(names) - _SHOWN} more' if len(names) > _SHOWN else '')


def _remedy(runner: Runner) -> str:
    saved = any(Path(runner.work_dir).glob('*.pth'))
    begin = f'Earlier checkpoints in {runner.work_dir} are intact: lower' if saved else 'Lower'
    return (
        f'{begin} the learning rate, clip gradients (optim_wrapper.clip_grad.max_norm=1.0), or train in float32 '
        '(optim_wrapper.amp=False)'
    )
