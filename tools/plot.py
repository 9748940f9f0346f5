"""Plot curves from finished runs.

python tools/plot.py pck work_dirs/demo/*/predictions.npz --out pck.png
python tools/plot.py loss work_dirs/demo/* --out loss.svg
python tools/plot.py evolution work_dirs/method/rgb work_dirs/method/student --out evolution.svg

`evolution` shows runs that go on from one another, in their order: every term of the loss over all their iterations,
with a dashed line where one takes over from the other.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from handkd.apis.cli import run_cli
from handkd.evaluation import AucRule, HandPredictions, auc, pck
from handkd.visualization import (
    PCK_RANGES,
    evolution_figure,
    figure_bytes,
    loss_figure,
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
        choices=['pck', 'loss', 'evolution'],
        help='PCK curves of predictions, training loss of runs, or all losses of consecutive runs on one axis',
    )
    parser.add_argument('paths', nargs='+', metavar='PATH', help='pck: files of predictions (npz); else: work dirs')
    parser.add_argument('--labels', nargs='+', help='what the legend calls them; default: the names of their folders')
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
    labels = args.labels or [(Path(p).parent if args.what == 'pck' else Path(p)).name or p for p in args.paths]
    if len(set(labels)) < len(labels):
        parser.error(f'the curves need different labels, found {labels}: give them with --labels')

    if args.what == 'pck':
        figure = _pck_figure(labels, args.paths, args.range)
    else:
        logs = {label: read_scalars(path) for label, path in zip(labels, args.paths)}
        if args.what == 'loss':
            figure = loss_figure(logs)
        else:
            figure = evolution_figure(logs, {label: read_validation(path) for label, path in zip(labels, args.paths)})
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_bytes(figure_bytes(figure, out.suffix[1:]))
    print(out)


def _pck_figure(labels: list[str], paths: list[str], thresholds: list[float] | None):
    """PCK curves, each with its area over the range shown in the legend."""
    loaded = [HandPredictions.load(path) for path in paths]
    protocols = {result.protocol for result in loaded}
    if len(protocols) > 1:
        raise ValueError(f'these predictions follow different protocols and do not compare: {sorted(protocols)}')
    unit = loaded[0].unit
    rule = AucRule(*(thresholds or PCK_RANGES[unit]), steps=201)
    curves: dict[str, np.ndarray] = {}
    for label, result in zip(labels, loaded):
        curves[f'{label} (AUC {auc(result.errors, rule):.3f})'] = pck(result.errors, rule.thresholds)
    return pck_figure(curves, rule.thresholds, protocols.pop(), unit)


if __name__ == '__main__':
    run_cli(main)
