"""Look at what trained networks do: where they look, and the hands that they predict, side by side.

python tools/visualize.py activations work_dirs/demo/rgb work_dirs/demo/student work_dirs/demo/depth
python tools/visualize.py energy work_dirs/seeds/seed_*/rgb work_dirs/seeds/seed_*/student
python tools/visualize.py poses work_dirs/demo/rgb work_dirs/demo/student --labels 'RGB twin' PMD-Net --indices 3 14 15
python tools/visualize.py activations configs/pmd/resnet18half_rgb_studio.py:work_dirs/rgb/iter_3000.pth

A RUN is a work dir, in which MMEngine has left a copy of the config, and whose newest checkpoint is taken; or
CONFIG:CHECKPOINT. Each network sees the test set of its own config, all of which must show the same images.

`energy` prints which share of a layer's energy (sum of squares) lies on the background, over the whole test set; the
hand is found in depth, or in masks that the set has. Runs of one name are seeds of one kind, and give an interval.
"""

from __future__ import annotations

import argparse

from handkd.apis.activations import activation_sheet, energy_table
from handkd.apis.cli import OptionsAction, run_cli
from handkd.apis.pictures import predict_samples, prediction_sheet
from handkd.apis.trained import TrainedNetwork, read_samples, spread_indices
from handkd.registry import DATASETS
from handkd.visualization import check_picture_path, text_table, write_picture


def main(argv: list[str] | None = None) -> None:
    """Parse the arguments, write the sheet, and print the table if it is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        'what',
        choices=['activations', 'energy', 'poses'],
        help='activation maps, their energy on the background, or predicted hands over the true ones',
    )
    parser.add_argument('runs', nargs='+', metavar='RUN', help='a work dir, or CONFIG:CHECKPOINT')
    parser.add_argument('--labels', nargs='+', help='what the columns are called; default: the names of the runs')
    parser.add_argument('--num', type=int, default=8, help='activations, poses: test images, at even distances')
    parser.add_argument('--indices', nargs='+', type=int, metavar='I', help='these test images instead')
    parser.add_argument(
        '--layer', default='backbone', help='activations, energy: dotted name of a layer of all networks'
    )
    parser.add_argument('--out', help='activations, poses: the picture; default: activations.png or poses.png')
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=OptionsAction,
        metavar='KEY=VALUE',
        help='overrides entries of every config, such as test_dataloader.dataset.length=100',
    )
    args = parser.parse_args(argv)
    if args.labels and len(args.labels) != len(args.runs):
        parser.error(f'--labels must name each of the {len(args.runs)} runs, found {len(args.labels)}')
    if args.num < 1:
        parser.error(f'--num must be at least 1, found {args.num}')
    labels = args.labels or [None] * len(args.runs)
    networks = [TrainedNetwork.open(run, label, args.cfg_options) for run, label in zip(args.runs, labels)]
    if args.what == 'energy':
        print(text_table(energy_table(networks, args.layer)))
        return
    check_names([network.label for network in networks])
    out = check_picture_path(args.out or f'{args.what}.png')
    indices = args.indices or spread_indices(len(DATASETS.build(networks[0].cfg.test_dataloader.dataset)), args.num)
    if args.what == 'activations':
        picture = activation_sheet(networks, indices, args.layer)
    else:
        samples = read_samples(networks, indices)
        predictions = [predict_samples(network, items) for network, items in zip(networks, samples)]
        picture = prediction_sheet([network.label for network in networks], predictions, samples)
    write_picture(out, picture.image)
    print(f'{out}: {picture.image.shape[1]} x {picture.image.shape[0]} px')


def check_names(names: list[str]) -> None:
    """Check that each column has a name of its own.

    Raises:
        ValueError: If two have the same.
    """
    if len(set(names)) < len(names):
        raise ValueError(f'the columns need different names, found {names}: give them with --labels')


if __name__ == '__main__':
    run_cli(main)
