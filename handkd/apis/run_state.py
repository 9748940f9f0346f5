"""Restoring a run from a checkpoint: its place in the data, its optimizer and its schedules."""

from __future__ import annotations

import warnings
from os import PathLike

import numpy as np
import torch
from mmengine.optim import OptimWrapper
from mmengine.optim.scheduler import ReduceOnPlateauParamScheduler
from mmengine.runner import EpochBasedTrainLoop, Runner

from handkd.models import CheckpointError
from handkd.reading import shown

_PROGRESS = {'last_step', '_global_step', '_last_value', 'base_values', 'verbose'} | {
    'monitor',  # a short name until the first step
    'best',
    'num_bad_epochs',
    'cooldown_counter',
}
"""Keys of a scheduler's state that hold its progress; the others define the schedule."""

_MOMENTS = {'exp_avg', 'exp_avg_sq', 'max_exp_avg_sq', 'momentum_buffer', 'square_avg', 'grad_avg', 'exp_inf'}
"""State of torch's optimizers that has the shape of the weights."""


def restore_place(runner: Runner, meta: dict) -> int:
    """Let a run that is resumed with another batch size continue after the samples that it has seen; logs a warning.

    MMEngine skips as many batches as there were steps, whatever their size.

    Args:
        runner: The runner, whose loop has its step already.
        meta: That of the checkpoint. If it has no number of samples, as in older versions, nothing is changed.

    Returns:
        Number of samples that the run has seen, in all processes, minus that of as many steps with the present batch
        size.
    """
    loader, processes = runner.train_dataloader, runner.world_size
    size = (loader.batch_size or 0) * processes  # None if a sampler makes the batches
    if 'samples' not in meta or meta['samples_per_step'] == size:
        return meta.get('samples', size * runner.iter) - size * runner.iter
    more = meta['samples'] - size * runner.iter
    text = f'resume: a step has {size} samples (was {meta["samples_per_step"]})'
    if isinstance(runner.train_loop, EpochBasedTrainLoop):
        text += '; passes over the data are whole, and have another number of steps from here on'
    elif hasattr(loader.sampler, 'skip') and not hasattr(loader.sampler, 'batch_size'):  # those skip whole batches
        loader.sampler.skip(more // processes)  # the loop skips the others
        text += f'; the run continues after the {meta["samples"]} samples that it has seen'
    else:
        text += '; with this sampler the run does not continue after the samples that it has seen'
    runner.logger.warning(f'{text}. Schedules still count steps')
    return more


def say_if_done(runner: Runner) -> None:
    """Log a warning if a resumed run is already at its end."""
    loop = runner.train_loop
    if isinstance(loop, EpochBasedTrainLoop):
        unit, there, end, key = 'epoch', runner.epoch, loop.max_epochs, 'max_epochs'
    else:
        unit, there, end, key = 'step', runner.iter, loop.max_iters, 'max_iters'
    if there >= end:
        runner.logger.warning(
            f'already at {unit} {there} of {end}: nothing to train; to continue, set a greater train_cfg.{key}'
        )


def check_resumable(checkpoint: dict, path: str | PathLike) -> None:
    """Check that a checkpoint has everything needed to resume a run.

    Args:
        checkpoint: Result of :func:`handkd.models.read_checkpoint`.
        path: Its file, for the error.

    Raises:
        CheckpointError: If it has weights only, or is from another program.
    """
    missing = {'meta', 'state_dict', 'optimizer', 'message_hub'} - checkpoint.keys()
    if missing:
        raise CheckpointError(
            f'{path} has no {sorted(missing)}: it has weights only, from which no run can be resumed; start a run with '
            'them by --cfg-options load_from=PATH'
        )
    meta, hub, schedulers = checkpoint['meta'], checkpoint['message_hub'], checkpoint.get('param_schedulers', [])
    faults = {
        "'meta' has no counts 'epoch' and 'iter'": not _are_counts(meta, 'epoch', 'iter'),
        "'samples' in 'meta' are not counts": {'samples', 'samples_per_step'} & set(meta or ())
        and not _are_counts(meta, 'samples', 'samples_per_step'),
        "'seed' in 'meta' is not a number of 32 bits": isinstance(meta, dict) and not _is_seed(meta.get('seed')),
        "'optimizer' is not a dict": not isinstance(checkpoint['optimizer'], dict),
        "'param_schedulers' is not a list": not isinstance(schedulers, (list, dict)),
        "'message_hub' has no logs": not isinstance(hub, dict) or not _are_logs(hub.get('log_scalars')),
    }
    if not any(faults.values()):
        faults = {"'message_hub' has no state of a run": not _is_run_state(hub)}
    for fault, there in faults.items():
        if there:
            raise CheckpointError(
                f'{path} is not a checkpoint of a run of handkd: {fault}; load_from takes weights only'
            )


def _are_counts(meta: object, *keys: str) -> bool:
    """Whether some entries are integers that a run could reach."""
    return isinstance(meta, dict) and all(type(meta.get(key)) is int and 0 <= meta[key] < 1 << 53 for key in keys)


def _is_seed(seed: object) -> bool:
    return seed is None or type(seed) is int and 0 <= seed < 1 << 32


def _is_run_state(hub: dict) -> bool:
    """Whether a run's messages have the types that MMEngine expects; some of them give names of files to remove."""
    info, kept = hub.get('runtime_info'), hub.get('resumed_keys')
    if not (isinstance(info, dict) and isinstance(kept, dict) and all(isinstance(key, str) for key in (*info, *kept))):
        return False
    steps = info.get('keep_ckpt_ids', [])
    kinds = {'best_ckpt': (str, type(None)), 'best_score': (int, float, np.number)}
    return (
        isinstance(steps, list)
        and all(type(step) is int for step in steps)
        and all(isinstance(info[key], kind) for begins, kind in kinds.items() for key in info if key.startswith(begins))
    )


def _are_logs(logs: object) -> bool:
    """Whether these are log buffers as :class:`~handkd.engine.PlainCheckpointHook` saves them: values and counts."""
    return isinstance(logs, dict) and all(
        isinstance(pair, list)
        and [getattr(tensor, 'ndim', None) for tensor in pair] == [1, 1]
        and len(pair[0]) == len(pair[1])
        for pair in logs.values()
    )


def restore_optimisation(runner: Runner, checkpoint: dict) -> None:
    """Restore an optimizer and its schedules; the config takes precedence over the checkpoint's settings.

    The optimizer's state (moments) is the checkpoint's. Its settings, such as the learning rate and the weight decay,
    and the schedules are the config's. If they are unchanged, the run continues bit by bit as without the interruption;
    else the schedules are replayed from the beginning to the checkpoint's step, so that the learning rate is that of
    the new schedule, and the log lists the changes.

    Args:
        runner: The runner, whose loop has its step already.
        checkpoint: Result of :func:`handkd.models.read_checkpoint`.
    """
    if 'optimizer' not in checkpoint:
        return
    runner.optim_wrapper = runner.build_optim_wrapper(runner.optim_wrapper)
    schedulers, saved = [], checkpoint.get('param_schedulers', [])
    if runner.param_schedulers is not None:
        runner.param_schedulers = runner.build_param_scheduler(runner.param_schedulers)
        schedulers = runner.param_schedulers
    if not isinstance(runner.optim_wrapper, OptimWrapper) or isinstance(schedulers, dict):
        runner.optim_wrapper.load_state_dict(checkpoint['optimizer'])  # several optimizers: as MMEngine does
        for name, several in (schedulers or {}).items():
            for scheduler, state in zip(several, saved[name]):
                scheduler.load_state_dict(state)
        return
    settings = [
        {k: v for k, v in group.items() if k != 'params'} for group in runner.optim_wrapper.optimizer.param_groups
    ]
    before = [scheduler.state_dict() for scheduler in schedulers]
    runner.optim_wrapper.load_state_dict(checkpoint['optimizer'])
    _check_moments(runner.optim_wrapper.optimizer)
    _check_progress(before, saved)
    changes = _changed_settings(settings, checkpoint['optimizer']) + _changed_schedules(before, saved)
    if not changes:
        for scheduler, state in zip(schedulers, saved):
            scheduler.load_state_dict(state)
        return
    for group, values in zip(runner.optim_wrapper.optimizer.param_groups, settings):
        group.update(values)
    _follow(schedulers, runner)
    rates = sorted({f'{group["lr"]:.3g}' for group in runner.optim_wrapper.optimizer.param_groups})
    runner.logger.warning(
        f'resume: the config differs from that of the checkpoint, and applies from now on: {"; ".join(changes)}. '
        f'The learning rate at step {runner.iter} is {", ".join(rates)}'
    )


def _check_moments(optimizer: torch.optim.Optimizer) -> None:
    """Check that an optimizer's state of each weight has the weight's shape, and give it the weight's memory layout.

    Torch's fused optimizers do neither: they would write beyond the memory of tensors that are shorter, or that repeat
    a few numbers by strides of 0.
    """
    for weight, state in optimizer.state.items():
        for name, value in state.items():
            shape = getattr(value, 'shape', None)
            if (
                shape is None and (value is not None and type(value) not in (int, float, bool) or name in _MOMENTS)
                or name in _MOMENTS and shape != weight.shape
                or name == 'step' and shape is not None and (value.dtype != torch.float32 or value.numel() != 1)
            ):  # fmt: skip
                found = shown(value) if shape is None else f'{value.dtype} of shape {tuple(shape)}'
                raise ValueError(f'{name} is {found} for weights of shape {tuple(weight.shape)}')
            if shape == weight.shape and value.stride() != weight.stride():
                state[name] = torch.empty_like(weight, dtype=value.dtype).copy_(value)


def _check_progress(now: list[dict], saved: list[dict]) -> None:
    """Check that states of schedules have a schedule's entries and no others, since they become attributes."""
    for own, state in zip(now, saved):
        for key, value in state.items():
            mine = own[key]
            numbers = value if isinstance(mine, list) else [value]
            if isinstance(mine, (int, float, list)) and not all(isinstance(one, (int, float)) for one in numbers):
                raise ValueError(f'{key} of a schedule is {shown(value)}')


def _changed_settings(now: list[dict], saved: dict) -> list[str]:
    """List the changes of the optimizer's settings, before any schedule's first step, from checkpoint to config."""
    changes = []
    for group, old in zip(now, saved['param_groups']):
        for key, value in group.items():
            if f'initial_{key}' in group or key not in old:
                continue  # scheduled: the initial value is compared
            if old[key] != value:
                name = key.removeprefix('initial_')
                changes.append(f'{name} {value} (was {old[key]})')
    return list(dict.fromkeys(changes))


def _changed_schedules(now: list[dict], saved: list[dict]) -> list[str]:
    """List the changes of the schedules from checkpoint to config."""
    if len(now) != len(saved):
        return [f'{len(now)} schedules (were {len(saved)})']
    return [
        f'schedule {i}: {key} {new[key]} (was {old[key]})'
        for i, (new, old) in enumerate(zip(now, saved))
        for key in new
        if key not in _PROGRESS and key in old and new[key] != old[key]
    ]


def _follow(schedulers: list, runner: Runner) -> None:
    """Step new schedules up to the present step, as in a run that had them from the beginning."""
    each = [scheduler for scheduler in schedulers if not isinstance(scheduler, ReduceOnPlateauParamScheduler)]
    by_epoch = isinstance(runner.train_loop, EpochBasedTrainLoop)
    length = len(runner.train_dataloader) if by_epoch else 0
    with warnings.catch_warnings():
        warnings.filterwarnings('ignore', message='Detected call of `scheduler.step')  # the optimizer's steps are past
        for step in range(1, min(runner.iter, runner.max_iters) + 1):  # no training after the last step
            for scheduler in each:
                if not scheduler.by_epoch or (by_epoch and step % length == 0):
                    scheduler.step()
