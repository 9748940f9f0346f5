"""One training and one evaluation, from a checked config."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from mmengine.config import Config
from mmengine.logging import print_log
from mmengine.runner import Runner

from handkd.artifacts import EVALUATION, TRAINING, ensure_artifacts
from handkd.engine import InterruptionHook, stop_signals
from handkd.hints import ConfigError
from handkd.lookup import find_class
from handkd.models import check_is_file, load_weights, read_checkpoint
from handkd.signatures import signature_of

from .resuming import find_checkpoint, latest_checkpoint, refuse_to_overwrite
from .run_checks import (
    check_entries,
    check_evaluation,
    check_training,
    trains_by_epoch,
    use_reproducible_sampler,
)
from .runner import IN_PART, HandRunner, network_of
from .trained import student_config
from .work_dirs import hold_work_dir

TO_WRITE = "let test_evaluator begin with dict(type='HandPixelMetric'), which does"


def set_amp(cfg: Config, amp: str) -> None:
    """Choose mixed precision in a config: 'auto', 'on' or 'off'."""
    cfg.optim_wrapper.amp = {'auto': 'auto', 'on': True, 'off': False}[amp]


def train(cfg: Config, resume: str | None = None) -> Path:
    """Train as a config says; missing files that it names are first made from its data (:mod:`handkd.artifacts`).

    These are packs of data sets (``recipe``), backgrounds of cameras (``LoadBackground``), limits of joint angles
    (``angle_limits``), a patch dictionary (``patch_dictionary``), and what a plugin registers.

    Args:
        cfg: A config with ``work_dir``. ``load_from`` is a checkpoint with all initial weights of the network: a
            distilled model starts with those of its student.
        resume: None to start a new run, 'auto' to resume from the newest checkpoint of ``work_dir`` (from the beginning
            if there is none), or the path of a checkpoint. A resumed run needs no ``load_from``. ``resume=True`` in the
            config means 'auto', or with ``load_from`` the path of that. Defaults to None.

    Returns:
        The last checkpoint.

    Raises:
        ConfigError: If the config can't be trained as it is, see :func:`~handkd.apis.run_checks.check_training`.
        FileExistsError: If ``work_dir`` holds checkpoints that a new run could overwrite.
        FileNotFoundError: If the checkpoint to resume from or to start with is missing.
        CheckpointError: If it is damaged or of another architecture; for 'auto', if all checkpoints are damaged.
        OSError: If another training is running in ``work_dir``.
        DivergenceError: If a loss, a gradient or the weights are not finite; earlier checkpoints are kept.
        Interruption: If SIGTERM, SIGUSR1 or Ctrl-C ended it, at the end of a step, which is saved. It is a SystemExit
            with the status of :data:`~handkd.engine.RESUME_STATUS`.
    """
    check_training(cfg)
    with stop_signals() as stop, hold_work_dir(cfg.work_dir, cfg.get('launcher', 'none')):
        try:
            _prepare(cfg, resume)
            runner = HandRunner.from_cfg(cfg)
            runner.register_hook(InterruptionHook(stop, trains_by_epoch(cfg)))
            runner.train()
        finally:
            stop.patient = False
        _end_workers(runner)
        return latest_checkpoint(cfg.work_dir)


def _prepare(cfg: Config, resume: str | None) -> None:
    """Find the checkpoint that a training starts with or is resumed from, and make the missing files that it names."""
    use_reproducible_sampler(cfg)
    if resume is None and cfg.get('resume'):
        resume = cfg.get('load_from') or 'auto'
    cfg.resume = False
    if resume is None:
        refuse_to_overwrite(cfg.work_dir)
    else:
        checkpoint = find_checkpoint(cfg.work_dir) if resume == 'auto' else resume
        if checkpoint is None:
            refuse_to_overwrite(cfg.work_dir)
            print_log(f'nothing to resume in {cfg.work_dir}: starting from {cfg.get("load_from") or "the beginning"}')
        else:
            read_checkpoint(checkpoint)
            cfg.resume, cfg.load_from = True, str(checkpoint)
    start = cfg.get('load_from')
    if start and '://' not in str(start):  # before the data sets are read
        try:
            check_is_file(start)
        except OSError as error:
            raise type(error)(
                f'load_from: {error}; {_first_stage(cfg)}, or name another with --cfg-options load_from=PATH; {IN_PART}'
            ) from error
    ensure_artifacts(cfg, *TRAINING)


def _first_stage(cfg: Config) -> str:
    """Return how to train the weights that a config starts with: the stage in whose folder they are expected."""
    names = [run.get('name') for run in (cfg.get('stages') or {}).get('runs', ())]
    stage = Path(cfg.load_from).parent.name
    command = f'handkd stages {cfg.filename} --only {stage}' if stage in names else 'handkd stages'
    return f'or run the stages in order with `{command}`'


def main_evaluator(cfg: Config) -> dict:
    """Return the settings of a config's test metric; of several the first one, which tables and curves show."""
    evaluators = cfg.test_evaluator
    return evaluators[0] if isinstance(evaluators, Sequence) else evaluators


def writes_predictions(cfg: Config) -> bool:
    """Whether a config's main metric writes its predictions to a file, as those of handkd do and those of MMPose don't.

    Args:
        cfg: A checked config.
    """
    return 'dump' in signature_of(find_class(main_evaluator(cfg).type)[1]).arguments


def evaluate(cfg: Config, checkpoint: str | Path, dump: str | Path | None = None) -> dict[str, float]:
    """Evaluate a checkpoint on a config's test set.

    Args:
        cfg: A config with ``work_dir``. Of a distilled model only the student is built: it needs no teacher.
        checkpoint: The weights.
        dump: File (npz) for the predictions, or the counts of parts, of the first metric. Defaults to None: not
            written.

    Returns:
        Metric name with its protocol -> value, in the order of the evaluators.

    Raises:
        ConfigError: If the predictions are to be written, and the first metric writes none.
        FileNotFoundError: If the checkpoint is missing.
        CheckpointError: If it is damaged or of another architecture.
    """
    cfg = student_config(cfg)
    cfg.load_from, cfg.resume = None, False
    check_entries(cfg)
    check_evaluation(cfg, 'test_dataloader')
    ensure_artifacts(cfg, *EVALUATION)
    if dump is not None:
        if not writes_predictions(cfg):
            raise ConfigError(f'{main_evaluator(cfg).type} writes no predictions: {TO_WRITE}')
        main_evaluator(cfg).dump = str(dump)
    runner = HandRunner.from_cfg(cfg)
    load_weights(network_of(runner), checkpoint)
    metrics = runner.test()
    _end_workers(runner)
    return metrics


def _end_workers(runner: Runner) -> None:
    """End the worker processes of a runner that has finished.

    Otherwise they would live until a garbage collection, since a runner is full of reference cycles; that may happen in
    another runner's workers, which have inherited the handles and may not close them. It also breaks the queues before
    the workers are stopped, so that each of them is waited for until a timeout of five seconds.
    """
    for loop in (runner._train_loop, runner._val_loop, runner._test_loop):
        owners = (getattr(loop, 'dataloader', None), getattr(loop, 'dataloader_iterator', None))
        for iterator in (getattr(owner, '_iterator', None) for owner in owners):
            if hasattr(iterator, '_shutdown_workers'):  # DataLoader has no public way
                iterator._shutdown_workers()
