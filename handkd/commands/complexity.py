"""Count parameters and multiply-accumulates of a config's network at test time.

handkd complexity pmd/resnet34_studio [--json] [--shape 64]
"""

from __future__ import annotations

import argparse
import json

from handkd.apis.complexity import measure_config
from handkd.config import load_config
from handkd.size_checks import input_shape


def main(argv: list[str] | None = None) -> None:
    """Parse the arguments, measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('config', help='path of the config; of a distilled model the student is measured')
    parser.add_argument('--json', action='store_true', help='print {"params": ..., "macs": ...}')
    parser.add_argument(
        '--shape', type=int, nargs='+', metavar='PX', help="side, or height and width; default: the test pipeline's"
    )
    args = parser.parse_args(argv)
    if args.shape and (len(args.shape) > 2 or min(args.shape) < 1):
        parser.error(f'--shape takes a side, or height and width, in px; found {args.shape}')

    cfg = load_config(args.config, only='model')
    shape = (args.shape[0], args.shape[-1]) if args.shape else input_shape(cfg)
    result = measure_config(cfg, shape)
    if args.json:
        print(json.dumps(result._asdict()))
        return
    print(f'input       1 x {shape[0]} x {shape[1]} px')
    print(f'parameters  {result.params:,}')
    print(f'MACs        {result.macs:,}  ({result.macs / 1e9:.2f} G; convolutions and fully connected layers)')
