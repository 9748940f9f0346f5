"""Evaluate a checkpoint.

handkd test pmd/resnet18half_studio work_dirs/.../iter_3000.pth

Networks that read depth are tested in cubes around a true joint. With --find-hands the cube is centred on the nearest
hand in the depth, and the hand's mask is everything inside, as in use without labels. Names of metrics then begin
with hand_found/.
"""

from __future__ import annotations

import argparse
import json

from handkd.apis.cli import prepare_file
from handkd.apis.found_hands import find_hands
from handkd.apis.run_options import add_run_options, config_from_args
from handkd.apis.runs import evaluate
from handkd.files import write_atomically


def main(argv: list[str] | None = None) -> None:
    """Parse the arguments, evaluate, and print the metrics."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('config', help='path of a config, or a name that `handkd configs` lists')
    parser.add_argument('checkpoint', help='path of the weights')
    parser.add_argument('--dump', metavar='NPZ', help='write the predictions to this file')
    parser.add_argument('--out', metavar='JSON', help='write the metrics to this file')
    parser.add_argument('--find-hands', action='store_true', help='locate hands in the depth instead of by true joints')
    add_run_options(parser)
    args = parser.parse_args(argv)

    for option, path in (('--dump', args.dump), ('--out', args.out)):
        if path:
            prepare_file(path, option)
    cfg = config_from_args(args)
    metrics = evaluate(find_hands(cfg) if args.find_hands else cfg, args.checkpoint, args.dump)
    if args.find_hands:
        metrics = {f'hand_found/{name}': value for name, value in metrics.items()}
    for name, value in metrics.items():
        print(f'{name}: {value:.4f}')
    if args.out:
        write_atomically(args.out, json.dumps(metrics, indent=2).encode() + b'\n')
