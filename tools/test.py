"""Evaluate a checkpoint: python tools/test.py configs/pmd/resnet18half_studio.py work_dirs/.../iter_3000.pth"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from handkd.apis.cli import add_run_options, config_from_args, prepare_file, run_cli
from handkd.apis.runs import evaluate


def main(argv: list[str] | None = None) -> None:
    """Parse the arguments, evaluate, and print the metrics."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('config', help='path of the config')
    parser.add_argument('checkpoint', help='path of the weights')
    parser.add_argument('--dump', metavar='NPZ', help='write the predictions to this file')
    parser.add_argument('--out', metavar='JSON', help='write the metrics to this file')
    add_run_options(parser)
    args = parser.parse_args(argv)

    for option, path in (('--dump', args.dump), ('--out', args.out)):
        if path:
            prepare_file(path, option)
    metrics = evaluate(config_from_args(args), args.checkpoint, args.dump)
    for name, value in metrics.items():
        print(f'{name}: {value:.4f}')
    if args.out:
        Path(args.out).write_text(json.dumps(metrics, indent=2) + '\n')


if __name__ == '__main__':
    run_cli(main)
