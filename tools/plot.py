"""Plot curves from finished runs.

python tools/plot.py pck work_dirs/demo/*/predictions.npz --out pck.png
python tools/plot.py loss work_dirs/demo/* --out loss.svg
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from handkd.apis.cli import run_cli
from handkd.evaluation import AucRule, HandPredictions, auc, pck
from handkd.visualization import figure_bytes, loss_figure, pck_figure, read_scalars

FORMATS = ('.png', '.svg', '.pdf')


def main(argv: list[str] | None = None) -> None:
    """Parse the arguments and write the figure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('what', choices=['pck', 'loss'], help='PCK curves of predictions, or training loss of runs')
    parser.add_argument('paths', nargs='+', metavar='PATH', help='pck: files of predictions (npz); loss: work dirs')
    parser.add_argument('--labels', nargs='+', help='what the legend calls them; default: the names of their folders')
    parser.add_argument('--range', nargs=2, type=float, default=(0.0, 50.0), metavar='MM', help='pck: thresholds')
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

    if args.what == 'loss':
        figure = loss_figure({label: read_scalars(path) for label, path in zip(labels, args.paths)})
    else:
        figure = _pck_figure(labels, args.paths, AucRule(*args.range, steps=201))
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_bytes(figure_bytes(figure, out.suffix[1:]))
    print(out)


def _pck_figure(labels: list[str], paths: list[str], rule: AucRule):
    """PCK curves, each with its area over the range shown in the legend."""
    loaded = [HandPredictions.load(path) for path in paths]
    protocols = {result.protocol for result in loaded}
    if len(protocols) > 1:
        raise ValueError(f'these predictions follow different protocols and do not compare: {sorted(protocols)}')
    curves: dict[str, np.ndarray] = {}
    for label, result in zip(labels, loaded):
        curves[f'{label} (AUC {auc(result.errors, rule):.3f})'] = pck(result.errors, rule.thresholds)
    return pck_figure(curves, rule.thresholds, protocols.pop())


if __name__ == '__main__':
    run_cli(main)
