"""One training and one evaluation, from a checked config."""

from __future__ import annotations

import copy
import re
from pathlib import Path

from mmengine.config import Config
from mmengine.logging import print_log
from mmengine.runner import Runner

from handkd.models import load_weights, read_checkpoint


def latest_checkpoint(work_dir: str | Path) -> Path | None:
    """Return the checkpoint of the highest step in a folder, or None if there is none.

    Checkpoints are written whole or not at all, so whatever has the name is complete.
    """
    found = [
        (int(match[1]), path)
        for path in Path(work_dir).glob('iter_*.pth')
        if (match := re.match(r'iter_(\d+)', path.stem))
    ]
    return max(found)[1] if found else None


def set_amp(cfg: Config, amp: str) -> None:
    """Choose mixed precision in a config: 'auto', 'on' or 'off'."""
    cfg.optim_wrapper.amp = {'auto': 'auto', 'on': True, 'off': False}[amp]


def train(cfg: Config, resume: str | None = None) -> Path:
    """Train as a config says.

    Args:
        cfg: A config with ``work_dir``.
        resume: None to start anew, 'auto' to go on from the newest checkpoint of ``work_dir`` (from the beginning if
            there is none), or the path of a checkpoint.

    Returns:
        The last checkpoint.

    Raises:
        FileNotFoundError: If the checkpoint to resume from is missing.
    """
    if resume is not None:
        checkpoint = latest_checkpoint(cfg.work_dir) if resume == 'auto' else Path(resume)
        if checkpoint is None:
            print_log(f'nothing to resume in {cfg.work_dir}: starting from the beginning')
        else:
            read_checkpoint(checkpoint)
            cfg.resume, cfg.load_from = True, str(checkpoint)
    runner = Runner.from_cfg(cfg)
    runner.train()
    last = Path(cfg.work_dir) / f'iter_{runner.iter}.pth'
    _end_workers(runner)
    return last


def evaluate(cfg: Config, checkpoint: str | Path, dump: str | Path | None = None) -> dict[str, float]:
    """Evaluate a checkpoint on a config's test set.

    Args:
        cfg: A config with ``work_dir``. Of a distilled model only the student is built: it needs no teacher.
        checkpoint: The weights.
        dump: Where the metric writes its predictions (npz). Defaults to None: nowhere.

    Returns:
        Metric name, with its protocol -> value.

    Raises:
        FileNotFoundError: If the checkpoint is missing.
        CheckpointError: If it is damaged or of another architecture.
    """
    cfg = student_config(cfg)
    cfg.load_from, cfg.resume = None, False
    if dump is not None:
        cfg.test_evaluator.dump = str(dump)
    runner = Runner.from_cfg(cfg)
    # MMEngine's own `load_from` would be content with a checkpoint that fits in part.
    load_weights(getattr(runner.model, 'module', runner.model), checkpoint)
    metrics = runner.test()
    _end_workers(runner)
    return metrics


def _end_workers(runner: Runner) -> None:
    """End the worker processes of a runner that has done its work.

    Else they would live on until a garbage collection, since a runner is full of cycles; that may take place in another
    runner's workers, which have inherited the handles and may not close them. And it breaks the queues before it tells
    the workers to stop, each of which is then waited for in vain, for five seconds.
    """
    for loop in (runner._train_loop, runner._val_loop, runner._test_loop):
        owners = (getattr(loop, 'dataloader', None), getattr(loop, 'dataloader_iterator', None))
        for iterator in (getattr(owner, '_iterator', None) for owner in owners):
            if hasattr(iterator, '_shutdown_workers'):  # DataLoader has no public way
                iterator._shutdown_workers()


def student_config(cfg: Config) -> Config:
    """Return a copy of a config in which a distilled model is replaced by its student: what runs at test time."""
    cfg = copy.deepcopy(cfg)
    if 'student' in cfg.model:
        cfg.model = cfg.model.student
    return cfg
