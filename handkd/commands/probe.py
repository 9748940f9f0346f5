"""Linear probe of an encoder pretrained on views: poses should follow from its points, not from its appearance code.

handkd probe work_dirs/nvs/pretraining
handkd probe work_dirs/nvs/pretraining work_dirs/nvs/pretraining_aug --untrained

A RUN is a work dir or CONFIG:CHECKPOINT of a network with a GeometryEncoder. For each a linear map is fitted on images
of the training set, from the appearance L_app and from the points L_3D to the joints, and evaluated on the test set
as N-MPJPE, next to the mean pose (chance).
"""

from __future__ import annotations

import argparse

from handkd.apis.probes import probe_table
from handkd.apis.run_options import OptionsAction
from handkd.apis.trained import TrainedNetwork
from handkd.visualization import text_table


def main(argv: list[str] | None = None) -> None:
    """Parse the arguments, fit the maps and print their errors."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('runs', nargs='+', metavar='RUN', help='a work dir, or CONFIG:CHECKPOINT')
    parser.add_argument('--labels', nargs='+', help='names of the columns; default: the names of the runs')
    parser.add_argument('--num', type=int, default=4000, help='images of each set, evenly spaced (default: 4000)')
    parser.add_argument('--untrained', action='store_true', help='also each encoder with random weights')
    parser.add_argument(
        '--cfg-options', nargs='+', action=OptionsAction, metavar='KEY=VALUE', help='overrides entries of every config'
    )
    args = parser.parse_args(argv)
    labels = args.labels or [None] * len(args.runs)
    if len(labels) != len(args.runs):
        parser.error(f'--labels must name each of the {len(args.runs)} runs, found {len(labels)}')
    if args.num < 10:
        parser.error(f'--num must be at least 10, found {args.num}')
    networks = [TrainedNetwork.open(run, label, args.cfg_options) for run, label in zip(args.runs, labels)]
    names = [network.label for network in networks]
    if len(set(names)) < len(names):
        parser.error(f'the columns must have different names, found {names}: give them with --labels')
    print(text_table(probe_table(networks, args.num, args.untrained)))
