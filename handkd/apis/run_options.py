"""Options of the command line that change a config, and the config built from them."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

import torch
from mmengine.config import Config, DictAction

from handkd.baseline import derived_config
from handkd.config import load_config

from .cli import prepare_work_dir
from .option_values import holds_dicts, read_value


class OptionsAction(DictAction):
    """MMEngine's ``--cfg-options key=value``, extended by values that are dicts.

    These are written as in a config file (:func:`~.option_values.read_value`); an unreadable value is an error in one
    line.
    """

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: list[str],
        option_string: str | None = None,
    ) -> None:
        """Store the options as a dict, in their order."""
        for value in values:
            key, equals, text = value.partition('=')
            if not equals:
                parser.error(f'{option_string} takes KEY=VALUE, found {value!r}')
            try:
                if holds_dicts(text):
                    options = getattr(namespace, self.dest, None) or {}
                    setattr(namespace, self.dest, {**options, key: read_value(text)})
                else:
                    super().__call__(parser, namespace, [value], option_string)
            except (ValueError, AssertionError, RecursionError) as error:  # MMEngine's reader asserts
                parser.error(f'{option_string} {key}: {error}; or write it in your own config file')


def add_derivation_options(parser: argparse.ArgumentParser) -> None:
    """Add ``--baseline`` and ``--teacher``, which derive another run from a config with teachers."""
    derived = parser.add_mutually_exclusive_group()
    derived.add_argument(
        '--baseline', action='store_true', help='the same student, data and schedule without teachers and distillers'
    )
    derived.add_argument(
        '--teacher', metavar='NAME', help="this network of the config's model.teachers, on its inputs alone"
    )


def add_run_options(parser: argparse.ArgumentParser) -> None:
    """Add the options common to ``train.py`` and ``test.py``; the names are MMPose's."""
    parser.add_argument(
        '--work-dir',
        help='where logs and checkpoints go; default: work_dirs/<config name>, with _baseline for --baseline and '
        '_NAME for --teacher NAME',
    )
    add_derivation_options(parser)
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=OptionsAction,
        metavar='KEY=VALUE',
        help='overrides entries of the config, such as model.head.beta=1.0 train_cfg.max_iters=100',
    )
    parser.add_argument('--launcher', choices=['none', 'pytorch', 'slurm', 'mpi'], default='none', help='job launcher')
    parser.add_argument('--local_rank', '--local-rank', type=int, default=0, help=argparse.SUPPRESS)


def config_from_args(args: argparse.Namespace) -> Config:
    """Load and check the config given by the options of :func:`add_run_options`, and create its work dir."""
    if 'LOCAL_RANK' not in os.environ:
        os.environ['LOCAL_RANK'] = str(args.local_rank)
    cfg = derived_config(load_config(args.config, args.cfg_options), args.baseline, args.teacher)
    suffix = 'baseline' if args.baseline else args.teacher
    name = Path(args.config).stem if suffix is None else f'{Path(args.config).stem}_{suffix}'
    cfg.launcher = args.launcher
    if args.launcher == 'pytorch' and not torch.cuda.is_available():
        join_cpu_processes(cfg)
    cfg.work_dir = str(prepare_work_dir(args.work_dir or cfg.get('work_dir') or f'work_dirs/{name}'))
    return cfg


def join_cpu_processes(cfg: Config) -> None:
    """Set up distributed training on CPUs: MMEngine would assume GPUs and choose a device for each process."""
    torch.distributed.init_process_group('gloo')
    cfg.model_wrapper_cfg = dict(type='MMDistributedDataParallel', broadcast_buffers=False, device_ids=None)
