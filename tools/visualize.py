"""Visualise trained networks: activation maps, predicted hands, impossible poses, part maps and synthesised views.

python tools/visualize.py activations work_dirs/demo/rgb work_dirs/demo/student work_dirs/demo/depth
python tools/visualize.py energy work_dirs/seeds/seed_*/rgb work_dirs/seeds/seed_*/student
python tools/visualize.py poses work_dirs/demo/rgb work_dirs/demo/student --labels 'RGB baseline' PMD-Net --indices 3 14
python tools/visualize.py violations work_dirs/ekd/baseline work_dirs/ekd/student --limits limits.json
python tools/visualize.py parts work_dirs/weakseg/segmentation work_dirs/weakseg/weak --dictionary work_dirs/patches
python tools/visualize.py rejections work_dirs/weakseg/weak
python tools/visualize.py views work_dirs/nvs/semi_supervised --num 4
python tools/visualize.py turntable work_dirs/nvs/semi_supervised --indices 12 --swing 60
python tools/visualize.py activations configs/pmd/resnet18half_rgb_studio.py:work_dirs/rgb/iter_3000.pth

A RUN is a work dir with MMEngine's copy of the config, whose newest checkpoint is used; or
CONFIG:CHECKPOINT. Each network sees the test set of its own config; all test sets must show the same images.

`energy` prints the share of a layer's energy (sum of squares) on the background, over the whole test set; the
hand comes from the depth or from the set's masks. Runs of one name are seeds of one method, and give an interval.

`violations` runs the networks on the whole test set, counts the images on which a joint angle is out of bounds, and
shows some of the first network's, with red rings around those joints. tools/gather_angle_limits.py makes the limits.

`parts` shows the part maps that networks predict, the first network's also restored by a dictionary, next to
the true ones, and the joints of networks that predict joints.

`rejections` takes one run of weakly supervised training, and shows restored maps that its quality check rejected.

`views` takes one run pretrained on views, and shows synthesised views, its points in space, and predicted
poses, if any; its --indices are numbers of groups of views. `turntable` writes a GIF in which the
points of test images (by default of the first one) turn about the upright axis of their camera, once round or --swing
degrees to either side, with the image synthesised from them.
"""

from __future__ import annotations

import argparse

from handkd.apis.activations import activation_sheet, energy_table
from handkd.apis.cli import OptionsAction, prepare_file, run_cli
from handkd.apis.part_pictures import part_sheet, rejection_sheet
from handkd.apis.pictures import predict_samples, prediction_sheet
from handkd.apis.trained import TrainedNetwork, read_samples, spread_indices
from handkd.apis.view_pictures import turntable, view_sheet
from handkd.apis.violations import find_limits, violation_sheet
from handkd.geometry import AngleLimits
from handkd.registry import DATASETS
from handkd.visualization import (
    Picture,
    check_animation_path,
    check_picture_path,
    text_table,
    write_animation,
    write_picture,
)

ONE_RUN = ('rejections', 'views', 'turntable')
"""Kinds of picture that take one run."""


def main(argv: list[str] | None = None) -> None:
    """Parse the arguments; write the picture or print the table."""
    args = parse_args(argv)
    if args.out:
        prepare_file(args.out, '--out')
    labels = args.labels or [None] * len(args.runs)
    networks = [TrainedNetwork.open(run, label, args.cfg_options) for run, label in zip(args.runs, labels)]
    if args.what == 'energy':
        print(text_table(energy_table(networks, args.layer)))
        return
    if args.what == 'turntable':
        out = check_animation_path(args.out or 'turntable.gif')
        write_animation(out, turntable(networks[0], args.indices or [0], swing=args.swing))
        print(f'{out}: {out.stat().st_size / 1e6:.2f} MB')
        return
    check_names([network.label for network in networks])
    out = check_picture_path(args.out or f'{args.what}.png')
    if args.what == 'violations':
        limits = AngleLimits.read(args.limits or find_limits(networks[0]))
        picture = violation_sheet(networks, limits, args.num, args.indices)
        print(picture.caption)
    elif args.what == 'rejections':
        picture = rejection_sheet(networks[0], args.num, args.indices)
        print(picture.caption)
    elif args.what == 'views':
        picture = view_sheet(networks[0], args.num, args.indices)
    elif args.what == 'parts':
        picture = part_sheet(networks, choose_images(networks[0], args), args.dictionary)
    elif args.what == 'activations':
        picture = activation_sheet(networks, choose_images(networks[0], args), args.layer)
    else:
        picture = pose_sheet(networks, choose_images(networks[0], args))
    write_picture(out, picture.image)
    print(f'{out}: {picture.image.shape[1]} x {picture.image.shape[0]} px')


def parse_args(argv: list[str] | None) -> argparse.Namespace:
    """Return the arguments, checked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        'what',
        choices=['activations', 'energy', 'poses', 'violations', 'parts', 'rejections', 'views', 'turntable'],
        help='activation maps, their energy on the background, predicted hands over the true ones, those with '
        'joint angles out of bounds, predicted part maps, rejected restorations, synthesised views, or a turntable',
    )
    parser.add_argument('runs', nargs='+', metavar='RUN', help='a work dir, or CONFIG:CHECKPOINT')
    parser.add_argument('--labels', nargs='+', help='names of the columns; default: the names of the runs')
    parser.add_argument('--num', type=int, default=8, help='not energy, turntable: number of images, evenly spaced')
    parser.add_argument('--indices', nargs='+', type=int, metavar='I', help='these images instead')
    parser.add_argument(
        '--layer', default='backbone', help='activations, energy: dotted name of a layer of all networks'
    )
    parser.add_argument(
        '--limits',
        metavar='FILE',
        help="violations: the limits of joint angles; default: those of the HandAngleMetric in the first run's config",
    )
    parser.add_argument('--dictionary', metavar='FOLDER', help='parts: dictionary for the restored map')
    parser.add_argument('--swing', type=float, metavar='DEGREES', help='turntable: to and fro instead of once round')
    parser.add_argument('--out', help='not energy: the picture; default: activations.png, poses.png and so on')
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
    if args.limits and args.what != 'violations':
        parser.error(f'--limits is for violations, not for {args.what}')
    if args.dictionary and args.what != 'parts':
        parser.error(f'--dictionary is for parts, not for {args.what}')
    if args.swing is not None and args.what != 'turntable':
        parser.error(f'--swing is for turntable, not for {args.what}')
    if args.what in ONE_RUN and len(args.runs) > 1:
        parser.error(f'{args.what} takes one run, found {len(args.runs)}')
    return args


def choose_images(network: TrainedNetwork, args: argparse.Namespace) -> list[int]:
    """Return the indices of test images to show: the given ones, else evenly spaced ones."""
    return args.indices or spread_indices(len(DATASETS.build(network.cfg.test_dataloader.dataset)), args.num)


def pose_sheet(networks: list[TrainedNetwork], indices: list[int]) -> Picture:
    """Draw the predictions of networks for some test images."""
    samples = read_samples(networks, indices)
    predictions = [predict_samples(network, items) for network, items in zip(networks, samples)]
    return prediction_sheet([network.label for network in networks], predictions, samples)


def check_names(names: list[str]) -> None:
    """Check that the columns have different names.

    Raises:
        ValueError: If two have the same.
    """
    if len(set(names)) < len(names):
        raise ValueError(f'the columns must have different names, found {names}: give them with --labels')


if __name__ == '__main__':
    run_cli(main)
