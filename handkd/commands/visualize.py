"""Visualise trained networks: activation maps, predicted hands, impossible poses, part maps and synthesised views.

handkd visualize poses work_dirs/demo/rgb work_dirs/demo/student
handkd visualize poses --help

A RUN is a work dir with MMEngine's copy of the config, whose newest checkpoint is used; or CONFIG:CHECKPOINT, such as
pmd/resnet18half_studio:work_dirs/pmd/iter_3000.pth. Each network sees the test set of its own config;
all test sets must show the same images.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

from handkd.apis.activations import activation_sheet, energy_table
from handkd.apis.cli import prepare_file
from handkd.apis.part_pictures import part_sheet, rejection_sheet
from handkd.apis.pictures import predict_samples, prediction_sheet
from handkd.apis.run_options import OptionsAction
from handkd.apis.subcommands import Subcommand, parse_subcommand
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


def main(argv: list[str] | None = None) -> None:
    """Parse the arguments; write the picture or print the table."""
    args = parse_subcommand(argv, __doc__, COMMANDS)
    if args.labels and len(args.labels) != len(args.runs):
        args.error(f'--labels must name each of the {len(args.runs)} runs, found {len(args.labels)}')
    if 'out' in args:
        args.out = args.check_out(prepare_file(args.out, '--out'))
    labels = args.labels or [None] * len(args.runs)
    networks = [TrainedNetwork.open(run, label, args.cfg_options) for run, label in zip(args.runs, labels)]
    if args.what != 'energy':  # its runs of one name are seeds of one method
        check_names([network.label for network in networks])
    args.run(networks, args)


# --- options ---------------------------------------------------------------------------------------------------------


def several_runs(parser: argparse.ArgumentParser) -> None:
    """Add the runs, their labels, and overrides of their configs."""
    parser.add_argument('runs', nargs='+', metavar='RUN', help='a work dir, or CONFIG:CHECKPOINT')
    parser.add_argument('--labels', nargs='+', help='names of the columns or rows; default: those of the runs')
    _add_overrides(parser)


def one_run(parser: argparse.ArgumentParser) -> None:
    """Add one run, its label, and overrides of its config."""
    parser.add_argument('runs', nargs=1, metavar='RUN', help='a work dir, or CONFIG:CHECKPOINT')
    parser.add_argument('--labels', nargs=1, metavar='LABEL', help='name of the network; default: that of the run')
    _add_overrides(parser)


def _add_overrides(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=OptionsAction,
        metavar='KEY=VALUE',
        help='overrides entries of every config, such as test_dataloader.dataset.length=100',
    )


def images(parser: argparse.ArgumentParser) -> None:
    """Add the choice of test images, or of groups of views."""
    parser.add_argument('--num', type=at_least_one, default=8, help='how many to show; default: 8')
    parser.add_argument('--indices', nargs='+', type=int, metavar='I', help='numbers of those to show instead')


def layer(parser: argparse.ArgumentParser) -> None:
    """Add the choice of a layer."""
    parser.add_argument('--layer', default='backbone', help='dotted name in all networks; default: backbone')


def limits(parser: argparse.ArgumentParser) -> None:
    """Add the file of the limits of joint angles."""
    parser.add_argument(
        '--limits',
        metavar='FILE',
        help='limits of joint angles, which `handkd limits` makes; default: those of the HandAngleMetric '
        "in the first run's config",
    )


def dictionary(parser: argparse.ArgumentParser) -> None:
    """Add the dictionary for restored maps."""
    parser.add_argument('--dictionary', metavar='FOLDER', help="restore the first network's maps by this dictionary")


def swing(parser: argparse.ArgumentParser) -> None:
    """Add the images and the angle of a turntable."""
    parser.add_argument('--indices', nargs='+', type=int, default=[0], metavar='I', help='test images; default: 0')
    parser.add_argument('--swing', type=float, metavar='DEGREES', help='to either side, instead of once round')


def out(default: str, check: Callable[[Path], Path] = check_picture_path) -> Callable[[argparse.ArgumentParser], None]:
    """Return what adds the path of the picture, which ``check`` refuses if its suffix is wrong."""

    def add(parser: argparse.ArgumentParser) -> None:
        parser.add_argument('--out', default=default, help=f'the picture; default: {default}')
        parser.set_defaults(check_out=check)

    return add


def at_least_one(text: str) -> int:
    """Return a positive number; argparse ends the tool if it is another text."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f'must be at least 1, found {text!r}')
    return int(text)


# --- pictures --------------------------------------------------------------------------------------------------------


def print_energy(networks: list[TrainedNetwork], args: argparse.Namespace) -> None:
    """Print the share of a layer's energy on the background."""
    print(text_table(energy_table(networks, args.layer)))


def draw_activations(networks: list[TrainedNetwork], args: argparse.Namespace) -> None:
    """Draw the activation maps of a layer."""
    write_sheet(args, activation_sheet(networks, choose_images(networks[0], args), args.layer))


def draw_poses(networks: list[TrainedNetwork], args: argparse.Namespace) -> None:
    """Draw predicted hands."""
    samples = read_samples(networks, choose_images(networks[0], args))
    predictions = [predict_samples(network, items) for network, items in zip(networks, samples)]
    write_sheet(args, prediction_sheet([network.label for network in networks], predictions, samples))


def draw_violations(networks: list[TrainedNetwork], args: argparse.Namespace) -> None:
    """Draw predicted hands with a joint angle out of bounds, and print how many there are."""
    bounds = AngleLimits.read(args.limits or find_limits(networks[0]))
    write_sheet(args, violation_sheet(networks, bounds, args.num, args.indices), caption=True)


def draw_parts(networks: list[TrainedNetwork], args: argparse.Namespace) -> None:
    """Draw predicted part maps."""
    write_sheet(args, part_sheet(networks, choose_images(networks[0], args), args.dictionary))


def draw_rejections(networks: list[TrainedNetwork], args: argparse.Namespace) -> None:
    """Draw rejected maps, and print how many there are."""
    write_sheet(args, rejection_sheet(networks[0], args.num, args.indices), caption=True)


def draw_views(networks: list[TrainedNetwork], args: argparse.Namespace) -> None:
    """Draw synthesised views."""
    write_sheet(args, view_sheet(networks[0], args.num, args.indices))


def draw_turntable(networks: list[TrainedNetwork], args: argparse.Namespace) -> None:
    """Write an animation of the points."""
    write_animation(args.out, turntable(networks[0], args.indices, swing=args.swing))
    print(f'{args.out}: {args.out.stat().st_size / 1e6:.2f} MB')


def write_sheet(args: argparse.Namespace, picture: Picture, caption: bool = False) -> None:
    """Write a picture, and print its size and, if asked, its caption."""
    if caption:
        print(picture.caption)
    write_picture(args.out, picture.image)
    print(f'{args.out}: {picture.image.shape[1]} x {picture.image.shape[0]} px')


def choose_images(network: TrainedNetwork, args: argparse.Namespace) -> list[int]:
    """Return the indices of test images to show: the given ones, else evenly spaced ones."""
    return args.indices or spread_indices(len(DATASETS.build(network.cfg.test_dataloader.dataset)), args.num)


def check_names(names: list[str]) -> None:
    """Check that the columns have different names.

    Raises:
        ValueError: If two have the same.
    """
    if len(set(names)) < len(names):
        raise ValueError(f'the columns must have different names, found {names}: give them with --labels')


COMMANDS = (
    Subcommand(
        'activations',
        'activation maps side by side',
        'work_dirs/demo/rgb work_dirs/demo/student work_dirs/demo/depth',
        (several_runs, images, layer, out('activations.png')),
        draw_activations,
    ),
    Subcommand(
        'energy',
        "print the share of a layer's energy on the background",
        'work_dirs/seeds/seed_*/rgb work_dirs/seeds/seed_*/student',
        (several_runs, layer),
        print_energy,
        "The energy is the sum of squares, over the whole test set; the hand comes from the depth or from the set's\n"
        'masks. Runs of one name are seeds of one method, and give an interval.',
    ),
    Subcommand(
        'poses',
        'predicted hands over the true ones',
        "work_dirs/demo/rgb work_dirs/demo/student --labels 'RGB baseline' PMD-Net --indices 3 14",
        (several_runs, images, out('poses.png')),
        draw_poses,
    ),
    Subcommand(
        'violations',
        'predicted hands with joint angles out of bounds',
        'work_dirs/ekd/baseline work_dirs/ekd/student --limits limits.json',
        (several_runs, images, limits, out('violations.png')),
        draw_violations,
        'Runs the networks on the whole test set, counts the images on which a joint angle is out of bounds, and\n'
        "shows some of the first network's, with red rings around those joints.",
    ),
    Subcommand(
        'parts',
        'predicted part maps next to the true ones',
        'work_dirs/weakseg/segmentation work_dirs/weakseg/weak --dictionary work_dirs/patches',
        (several_runs, images, dictionary, out('parts.png')),
        draw_parts,
        'Networks that predict joints show these.',
    ),
    Subcommand(
        'rejections',
        'restored part maps that the quality check of weakly supervised training rejected',
        'work_dirs/weakseg/weak',
        (one_run, images, out('rejections.png')),
        draw_rejections,
    ),
    Subcommand(
        'views',
        'synthesised views, points in space, and predicted poses, of a network pretrained on views',
        'work_dirs/nvs/semi_supervised --num 4',
        (one_run, images, out('views.png')),
        draw_views,
        '--num and --indices count groups of views.',
    ),
    Subcommand(
        'turntable',
        'a GIF of the points of test images, with the images synthesised from them',
        'work_dirs/nvs/semi_supervised --indices 12 --swing 60',
        (one_run, swing, out('turntable.gif', check_animation_path)),
        draw_turntable,
        "The points turn about the upright axis of their image's camera.",
    ),
)
