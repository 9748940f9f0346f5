"""Train a network from a config.

handkd train pmd/resnet18half_studio
"""

from __future__ import annotations

import argparse

from mmengine.config import Config

from handkd.apis.run_options import add_run_options, config_from_args
from handkd.apis.runs import set_amp, train
from handkd.hints import ConfigError


def main(argv: list[str] | None = None) -> None:
    """Parse the arguments and train."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('config', help='path of a config, or a name that `handkd configs` lists')
    parser.add_argument(
        '--resume',
        nargs='?',
        const='auto',
        metavar='CHECKPOINT',
        help='resume from this checkpoint, or from the newest in the work dir',
    )
    parser.add_argument(
        '--amp',
        nargs='?',
        const='on',
        choices=['auto', 'on', 'off'],
        help="bfloat16 autocast; default: the config's (auto: if the hardware is fast at it)",
    )
    parser.add_argument('--no-validate', action='store_true', help='do not evaluate during training')
    add_run_options(parser)
    args = parser.parse_args(argv)

    cfg = config_from_args(args)
    _refuse_other_start(cfg, args)
    if args.amp:
        set_amp(cfg, args.amp)
    if args.no_validate:
        cfg.val_cfg = cfg.val_dataloader = cfg.val_evaluator = None
    train(cfg, args.resume)


def _refuse_other_start(cfg: Config, args: argparse.Namespace) -> None:
    """Refuse to start a teacher from the weights of the student, which its config names for the student."""
    runs = (cfg.get('stages') or {}).get('runs', ())
    stage = next((run for run in runs if args.teacher and run.get('teacher') == args.teacher), None)
    if stage and cfg.get('load_from') and args.resume is None and 'load_from' not in (args.cfg_options or {}):
        raise ConfigError(
            f'--teacher {args.teacher}: load_from={cfg.load_from!r} has the weights of the student: run '
            f'`handkd stages {args.config} --only {stage.name}`, or name weights of the teacher with --cfg-options '
            'load_from=PATH, or None to start without any'
        )
