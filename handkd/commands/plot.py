"""Plot curves from finished runs.

handkd plot loss work_dirs/demo/rgb work_dirs/demo/student --out loss.svg
handkd plot loss --help
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np

from handkd.apis.budget_report import read_budgets
from handkd.apis.cli import prepare_file
from handkd.apis.subcommands import Subcommand, parse_subcommand
from handkd.apis.summary import recorded_results
from handkd.evaluation import (
    CURVE_THRESHOLDS,
    WITHIN,
    AucRule,
    HandPredictions,
    PartCounts,
    auc,
    frames_within,
    mean_interval,
    pck,
)
from handkd.files import write_atomically
from handkd.hand import JOINTS, NUM_PARTS
from handkd.reading import read_json
from handkd.visualization import (
    PCK_RANGES,
    budget_figure,
    evolution_figure,
    figure_bytes,
    loss_figure,
    part_figure,
    pck_figure,
    read_scalars,
    read_validation,
)

FORMATS = ('.png', '.svg', '.pdf')


def main(argv: list[str] | None = None) -> None:
    """Parse the arguments and write the figure."""
    args = parse_subcommand(argv, __doc__, COMMANDS)
    out = Path(args.out)
    if out.suffix not in FORMATS:
        args.error(f'--out must end in one of {", ".join(FORMATS)}, found {args.out!r}')
    if 'labels' in args:
        args.labels = _labels(args)
    prepare_file(out, '--out')
    write_atomically(out, figure_bytes(args.run(args), out.suffix[1:]))
    print(out)


def _labels(args: argparse.Namespace) -> list[str]:
    """The given names of the curves, or those of the folders."""
    if args.labels and len(args.labels) != len(args.paths):
        args.error(f'--labels must name each of the {len(args.paths)} paths, found {len(args.labels)}')
    labels = args.labels or [(Path(p).parent if args.of_files else Path(p)).name or p for p in args.paths]
    if len(set(labels)) < len(labels):
        args.error(f'the curves need different labels, found {labels}: give them with --labels')
    return labels


# --- options ---------------------------------------------------------------------------------------------------------


def _paths(text: str, of_files: bool) -> Callable[[argparse.ArgumentParser], None]:
    """Return what adds paths, files of runs or their folders, and the names of their curves."""

    def add(parser: argparse.ArgumentParser) -> None:
        parser.add_argument('paths', nargs='+', metavar='PATH', help=text)
        parser.add_argument('--labels', nargs='+', help='names in the legend; default: the names of the folders')
        parser.set_defaults(of_files=of_files)

    return add


_predictions = _paths("the runs' predictions.npz", of_files=True)
_folders = _paths('the work dirs of the runs', of_files=False)


def _results(parser: argparse.ArgumentParser) -> None:
    """Add the file of results over the number of annotations."""
    parser.add_argument('path', metavar='RESULTS', help='the JSON file that `handkd stages --out` wrote')


def _range(parser: argparse.ArgumentParser) -> None:
    """Add the range of the thresholds."""
    parser.add_argument(
        '--range',
        nargs=2,
        type=float,
        metavar=('LOW', 'HIGH'),
        help='thresholds, in the unit of the predictions; default: 0 50 in mm, 0 30 in px',
    )


def _out(parser: argparse.ArgumentParser) -> None:
    """Add the path of the figure."""
    parser.add_argument('--out', required=True, help=f'the figure, one of {", ".join(FORMATS)}')


# --- figures ---------------------------------------------------------------------------------------------------------


def _loss_figure(labels: list[str], paths: list[str]):
    """Training losses of runs."""
    return loss_figure({label: read_scalars(path) for label, path in zip(labels, paths)})


def _evolution_figure(labels: list[str], paths: list[str]):
    """All losses of consecutive runs on one axis."""
    logs = {label: read_scalars(path) for label, path in zip(labels, paths)}
    return evolution_figure(logs, {label: read_validation(path) for label, path in zip(labels, paths)})


def _pck_figure(labels: list[str], paths: list[str], thresholds: list[float] | None):
    """PCK curves; the legend gives the area under each over the shown range."""
    loaded = [HandPredictions.load(path) for path in paths]
    protocol = _only_protocol(loaded)
    unit = loaded[0].unit
    rule = AucRule(*(thresholds or PCK_RANGES[unit]), steps=201)
    curves: dict[str, np.ndarray] = {}
    for label, result in zip(labels, loaded):
        curves[f'{label} (AUC {auc(result.errors, rule):.3f})'] = pck(result.errors, rule.thresholds)
    return pck_figure(curves, rule.thresholds, protocol, unit)


def _within_figure(labels: list[str], paths: list[str]):
    """Shares of frames whose worst joint is within a distance; the legend gives those at ``WITHIN``."""
    loaded = [HandPredictions.load(path) for path in paths]
    protocol = _only_protocol(loaded)
    if loaded[0].unit != 'mm':
        raise ValueError(f'{paths[0]}: expected joints in mm, found the protocol {protocol!r}, whose joints are in px')
    curves: dict[str, np.ndarray] = {}
    for label, result in zip(labels, loaded):
        shares = zip(WITHIN, frames_within(result.errors, np.array(WITHIN)))
        note = ', '.join(f'{distance} mm: {share:.3f}' for distance, share in shares)
        curves[f'{label} ({note})'] = frames_within(result.errors, CURVE_THRESHOLDS)
    figure = pck_figure(curves, CURVE_THRESHOLDS)
    figure.axes[0].set(xlabel=f'worst joint within (mm)\n{protocol}', ylabel='share of frames')
    return figure


def _part_figure(labels: list[str], paths: list[str]):
    """Accuracy on each part; the legend gives the overall ones."""
    loaded = [PartCounts.load(path) for path in paths]
    protocol = _only_protocol(loaded)
    if len(loaded[0].total) != NUM_PARTS:
        raise ValueError(f"{paths[0]}: expected the hand's {NUM_PARTS} parts, found {len(loaded[0].total)}")
    runs: dict[str, np.ndarray] = {}
    for label, counts in zip(labels, loaded):
        pixel, part = (100 * share for share in counts.accuracy)
        runs[f'{label} (per pixel {pixel:.1f} %, per class {part:.1f} %)'] = counts.shares
    return part_figure(runs, JOINTS[1:], protocol)


def _budget_figure(path: str):
    """Errors over the number of annotations."""
    record = read_json(path, constants=True)
    try:
        found = read_budgets(recorded_results(record))
    except ValueError as error:
        raise ValueError(f'{path}: {error}') from error
    if found is None:
        raise ValueError(f'{path}: found no stage with a number of annotations')
    curves = {
        label: {number: mean_interval(e) if len(e) > 1 else (float(e[0]), None) for number, e in row.items()}
        for label, row in found.values.items()
    }
    note = f'{found.protocol}, {found.seeds} seeds, bars: 95 %' if found.seeds > 1 else found.protocol
    return budget_figure(curves, found.measure, note)


def _only_protocol(loaded: list[HandPredictions] | list[PartCounts]) -> str:
    """The common protocol of all files."""
    protocols = {result.protocol for result in loaded}
    if len(protocols) > 1:
        raise ValueError(f'these files follow different protocols and cannot be compared: {sorted(protocols)}')
    return protocols.pop()


COMMANDS = (
    Subcommand(
        'pck',
        'PCK curves of predictions',
        'work_dirs/demo/*/predictions.npz --out pck.png',
        (_predictions, _range, _out),
        lambda args: _pck_figure(args.labels, args.paths, args.range),
    ),
    Subcommand(
        'within',
        'shares of frames all of whose joints are within a distance of the true ones',
        'work_dirs/weakseg/{direct,full}/predictions.npz --out within.png',
        (_predictions, _out),
        lambda args: _within_figure(args.labels, args.paths),
    ),
    Subcommand(
        'loss',
        'training loss of runs',
        'work_dirs/demo/rgb work_dirs/demo/student --out loss.svg',
        (_folders, _out),
        lambda args: _loss_figure(args.labels, args.paths),
    ),
    Subcommand(
        'evolution',
        'all losses of consecutive runs on one axis',
        'work_dirs/method/rgb work_dirs/method/student --out evolution.svg',
        (_folders, _out),
        lambda args: _evolution_figure(args.labels, args.paths),
        'Each run is initialised from the one before: every term of the loss over all iterations, with a dashed line\n'
        'between runs.',
    ),
    Subcommand(
        'parts',
        'accuracy of segmentation on each part of the hand',
        'work_dirs/weakseg/{segmentation,weak}/predictions.npz --out parts.png',
        (_predictions, _out),
        lambda args: _part_figure(args.labels, args.paths),
        'The files are those of HandSegmentationMetric(dump=...).',
    ),
    Subcommand(
        'budgets',
        'error over the number of annotations',
        'work_dirs/nvs/results.json --out curve.png',
        (_results, _out),
        lambda args: _budget_figure(args.path),
        'A line for each training method; over several seeds with 95 % intervals.',
    ),
)
