"""Gather the limits of joint angles in the labels of a config's training set, for EKD's teacher and its metric.

handkd limits ekd/resnet50_lm
handkd limits pmd/resnet34_stb --percentile 0.5 --out stb.json
"""

from __future__ import annotations

import argparse
from pathlib import Path

from handkd.apis.cli import prepare_file
from handkd.apis.run_options import OptionsAction
from handkd.artifacts.angle_limits import AngleLimitsFile, describe_limits, gather_limits
from handkd.artifacts.base import LABELS
from handkd.config import load_config
from handkd.geometry import ANGLE_NAMES, AngleLimits
from handkd.hand import FINGERS


def main(argv: list[str] | None = None) -> None:
    """Parse the arguments, gather, write and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('config', help='path of the config; the limits are those of its training set')
    parser.add_argument(
        '--out',
        metavar='FILE',
        help="output file; default: the config's angle_limits.file, else work_dirs/angle_limits/<config>_DIGEST.json",
    )
    parser.add_argument(
        '--percentile',
        type=float,
        metavar='P',
        help="percentage of values left out at either end; default: the config's angle_limits.percentile, else 0",
    )
    parser.add_argument('--cfg-options', nargs='+', action=OptionsAction, metavar='KEY=VALUE', help='overrides entries')
    args = parser.parse_args(argv)

    cfg = load_config(args.config, args.cfg_options)
    if cfg.get('angle_limits') is None:
        cfg.angle_limits = dict(file=f'work_dirs/angle_limits/{Path(args.config).stem}_{LABELS}.json')
    if args.percentile is not None:
        cfg.angle_limits.percentile = args.percentile
    artifact = AngleLimitsFile.from_config(cfg)
    if args.out is None:
        artifact.fill_in(artifact.fingerprint())
    path = prepare_file(args.out or artifact.path, '--out')
    limits = gather_limits(cfg.train_dataloader.dataset, artifact.percentile)
    limits.write(path)
    print(table(limits))
    print(describe_limits(limits))
    print(path)


def table(limits: AngleLimits) -> str:
    """Return the limits in degrees, one line per finger."""
    lines = ['degrees ' + ''.join(f'{name:>18}' for name in ANGLE_NAMES)]
    for finger, angles in zip(FINGERS, limits.degrees):
        cells = (f'{low:.1f} .. {high:.1f}' for low, high in angles.round(1) + 0.0)  # no -0.0
        lines.append(f'{finger:<8}' + ''.join(f'{cell:>18}' for cell in cells))
    return '\n'.join(lines)
