"""Plot curves from finished runs.

python tools/plot.py pck work_dirs/demo/*/predictions.npz --out pck.png
python tools/plot.py within work_dirs/weakseg/{direct,full}/predictions.npz --out within.png
python tools/plot.py loss work_dirs/demo/* --out loss.svg
python tools/plot.py evolution work_dirs/method/rgb work_dirs/method/student --out evolution.svg
python tools/plot.py parts work_dirs/weakseg/{segmentation,weak}/predictions.npz --out parts.png
python tools/plot.py budgets work_dirs/nvs/results.json --out curve.png

`within` shows the share of frames all of whose joints are within a distance of the true ones. `evolution` shows
consecutive runs, each initialised from the one before, in the given order: every term of the loss over all iterations,
with a dashed line between runs. `parts` shows the accuracy of segmentation on each part of the hand, from files of
HandSegmentationMetric(dump=...). `budgets` shows the error over the number of annotations, a line for each training
method, over several seeds with 95 % intervals, from the file that tools/stages.py --out writes.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from handkd.apis.budget_report import read_budgets
from handkd.apis.cli import prepare_file, run_cli
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
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        'what',
        choices=['pck', 'within', 'loss', 'evolution', 'parts', 'budgets'],
        help='PCK curves of predictions, shares of frames whose worst joint is within a distance, training loss of '
        'runs, all losses of consecutive runs on one axis, the accuracy of segmentation on each part, or the error '
        'over the number of annotations',
    )
    parser.add_argument(
        'paths', nargs='+', metavar='PATH', help='pck, within, parts: npz; budgets: json; else: work dirs'
    )
    parser.add_argument('--labels', nargs='+', help='names in the legend; default: the names of the folders')
    parser.add_argument(
        '--range',
        nargs=2,
        type=float,
        metavar=('LOW', 'HIGH'),
        help='pck: thresholds, in the unit of the predictions; default: 0 50 in mm, 0 30 in px',
    )
    parser.add_argument('--out', required=True, help=f'the figure, one of {", ".join(FORMATS)}')
    args = parser.parse_args(argv)
    out = Path(args.out)
    if out.suffix not in FORMATS:
        parser.error(f'--out must end in one of {", ".join(FORMATS)}, found {args.out!r}')
    if args.labels and len(args.labels) != len(args.paths):
        parser.error(f'--labels must name each of the {len(args.paths)} paths, found {len(args.labels)}')
    if args.what == 'budgets' and (len(args.paths) > 1 or args.labels):
        parser.error('budgets takes one file of results, whose stages have their labels')
    prepare_file(out, '--out')
    of_files = args.what in ('pck', 'within', 'parts')
    labels = args.labels or [(Path(p).parent if of_files else Path(p)).name or p for p in args.paths]
    if len(set(labels)) < len(labels):
        parser.error(f'the curves need different labels, found {labels}: give them with --labels')

    if args.what == 'pck':
        figure = _pck_figure(labels, args.paths, args.range)
    elif args.what == 'within':
        figure = _within_figure(labels, args.paths)
    elif args.what == 'parts':
        figure = _part_figure(labels, args.paths)
    elif args.what == 'budgets':
        figure = _budget_figure(args.paths[0])
    else:
        logs = {label: read_scalars(path) for label, path in zip(labels, args.paths)}
        if args.what == 'loss':
            figure = loss_figure(logs)
        else:
            figure = evolution_figure(logs, {label: read_validation(path) for label, path in zip(labels, args.paths)})
    write_atomically(out, figure_bytes(figure, out.suffix[1:]))
    print(out)


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


if __name__ == '__main__':
    run_cli(main)
