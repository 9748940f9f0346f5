"""Write RESULTS.md from the logs of finished runs, and the log of the mean pose; docs/results.md describes both.

handkd stages pmd/demo --seeds 0 1 2 3 4 --log results/pmd
handkd results mean-pose pmd/demo --seeds 0 1 2 3 4 --log results/pmd
handkd results build results
"""

from __future__ import annotations

import argparse
from pathlib import Path

from handkd.apis.cli import prepare_file, prepare_work_dir
from handkd.apis.mean_pose import log_mean_pose
from handkd.apis.results_page import build_page
from handkd.apis.run_options import OptionsAction
from handkd.apis.subcommands import Subcommand, parse_subcommand
from handkd.files import write_atomically


def main(argv: list[str] | None = None) -> int:
    """Parse the arguments and run the subcommand; return 1 if logs of several machines disagree."""
    args = parse_subcommand(argv, __doc__, SUBCOMMANDS)
    return args.run(args)


def _build(args: argparse.Namespace) -> int:
    prepare_file(args.out, '--out')
    page, flagged = build_page(args.folders)
    write_atomically(args.out, page.encode())
    print(args.out)
    for line in flagged:
        print(f'machines disagree: {line}')
    return 1 if flagged else 0


def _mean_pose(args: argparse.Namespace) -> int:
    folder = prepare_work_dir(args.log, '--log')
    for path in log_mean_pose(args.config, args.seeds, folder, args.cfg_options, args.num):
        print(path)
    return 0


def _add_build_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        'folders', nargs='+', metavar='FOLDER', help='folders of results, with one folder each experiment'
    )
    parser.add_argument('--out', default='RESULTS.md', metavar='FILE', help='the page; default: RESULTS.md')


def _add_mean_pose_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('config', help='path of a config with `stages`, one of which has the role baseline')
    parser.add_argument('--log', required=True, type=Path, metavar='FOLDER', help="the experiment's folder")
    parser.add_argument('--seeds', nargs='+', type=int, default=[0], metavar='SEED', help='write one log for each')
    parser.add_argument('--num', type=int, default=4000, help='training images, evenly spaced (default: 4000)')
    parser.add_argument(
        '--cfg-options', nargs='+', action=OptionsAction, metavar='KEY=VALUE', help='overrides entries of every stage'
    )


SUBCOMMANDS = (
    Subcommand(
        'build',
        'write the page of results from folders of logs, of one or several machines',
        'results --out RESULTS.md',
        [_add_build_options],
        _build,
    ),
    Subcommand(
        'mean-pose',
        "log the mean pose of the training set as a row, under the test set's protocols",
        'pmd/demo --seeds 0 1 2 3 4 --log results/pmd',
        [_add_mean_pose_options],
        _mean_pose,
        "The data are those of the stages with the role 'baseline'; with annotations there is a row for each number.",
    ),
)
