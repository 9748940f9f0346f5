"""PCK and loss curves as matplotlib figures, made from finished files and never inside a training loop."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter

COLORS = ('#0b7285', '#e8590c', '#5f3dc4', '#2b8a3e', '#c2255c', '#846358', '#1c7ed6', '#868e96')
"""Line colours, in the order of the curves."""

LOSS_KEYS = ('loss_reg', 'loss')
"""What a loss curve shows, the first one that a log has: the regression loss compares runs with other loss terms."""


def pck_figure(curves: Mapping[str, np.ndarray], thresholds: np.ndarray, note: str = '') -> Figure:
    """Plot the share of correct joints over the threshold.

    Args:
        curves: Label -> share at each threshold, shape (T,), from 0 to 1.
        thresholds: mm, shape (T,).
        note: What stands below the axis, such as the protocol.

    Raises:
        ValueError: If there is no curve.
    """
    figure, (axes,) = _panels(curves)
    _share_curves(axes, curves, thresholds, _with_note('error threshold (mm)', note), '3D PCK')
    return figure


def accuracy_figure(
    joints: Mapping[str, np.ndarray], frames: Mapping[str, np.ndarray], thresholds: np.ndarray, note: str = ''
) -> Figure:
    """Plot the share of correct joints and, beside it, of frames whose worst joint is within a distance.

    Args:
        joints: Label -> share of joints within each threshold, shape (T,), from 0 to 1.
        frames: Label -> share of frames whose worst joint is, shape (T,), from 0 to 1.
        thresholds: mm, shape (T,).
        note: What stands below the axes, such as the protocol.

    Raises:
        ValueError: If there is no curve.
    """
    figure, (left, right) = _panels(joints, 2)
    _share_curves(left, joints, thresholds, _with_note('error threshold (mm)', note), 'share of joints (3D PCK)')
    _share_curves(right, frames, thresholds, _with_note('worst joint within (mm)', note), 'share of frames')
    return figure


def loss_figure(logs: Mapping[str, list[dict]], smooth: int = 5) -> Figure:
    """Plot training loss over the iteration, on a logarithmic axis.

    All runs show the same key: the first of :data:`LOSS_KEYS` that each of them has.

    Args:
        logs: Label -> records, as :func:`read_scalars` gives them.
        smooth: Points of the running mean that is drawn over the pale raw curve.

    Raises:
        ValueError: If there is no log, or no key that all of them have.
    """
    key = next((k for k in LOSS_KEYS if logs and all(any(k in r for r in records) for records in logs.values())), None)
    if logs and key is None:
        raise ValueError(f'no one of {LOSS_KEYS} is in every log of {sorted(logs)}')
    figure, (axes,) = _panels(logs)
    axes.set(xlabel='iteration', ylabel=f'training {key}')
    for color, (label, records) in zip(_cycle(len(logs)), logs.items()):
        steps, values = np.array([(r['step'], r[key]) for r in records if key in r], np.float64).T
        window = np.ones(min(smooth, len(values)))
        mean = np.convolve(values, window, 'same') / np.convolve(np.ones_like(values), window, 'same')
        axes.plot(steps, values, color=color, lw=0.8, alpha=0.25)
        axes.plot(steps, mean, color=color, lw=1.8, label=label)
    axes.set_yscale('log')
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.yaxis.set_major_formatter('{x:g}')
    axes.yaxis.set_minor_formatter(NullFormatter())
    axes.legend(loc='upper right', frameon=False)
    return figure


def read_scalars(work_dir: str | Path) -> list[dict]:
    """Read what MMEngine logged in a work dir.

    Args:
        work_dir: Folder of a run, with ``<time>/vis_data/scalars.json`` in it.

    Returns:
        One dict a logged step, with ``step``, in rising order. Where a run was resumed, the later log counts.

    Raises:
        FileNotFoundError: If the folder has no such log.
        ValueError: If a line is no JSON; names the file and the line.
    """
    files = sorted(Path(work_dir).glob('*/vis_data/scalars.json'))
    if not files:
        raise FileNotFoundError(f'{work_dir}: no */vis_data/scalars.json in it, so nothing was trained there')
    training: dict[int, dict] = {}
    for file in files:
        lines = file.read_text().splitlines()
        for number, line in enumerate(lines, start=1):
            try:
                record = json.loads(line)
            except ValueError as error:
                if number == len(lines):  # the run was killed while it wrote this line
                    continue
                raise ValueError(f'{file}, line {number}: not a JSON record ({error})') from error
            if any(key in record for key in LOSS_KEYS):
                training[record['step']] = record
    return [training[step] for step in sorted(training)]


def figure_bytes(figure: Figure, suffix: str = 'svg', dpi: int = 130) -> bytes:
    """Return a figure as the bytes of a file.

    Args:
        figure: The figure.
        suffix: 'svg', 'png' or 'pdf'.
        dpi: Resolution of a 'png'.
    """
    buffer = io.BytesIO()
    figure.savefig(buffer, format=suffix, dpi=dpi, bbox_inches='tight')
    return buffer.getvalue()


def _panels(curves: Mapping, count: int = 1) -> tuple[Figure, list[Axes]]:
    """A figure with empty axes side by side."""
    if not curves:
        raise ValueError('there is nothing to plot: no curve was given')
    figure = Figure(figsize=(6.4 * count, 4.0), layout='constrained')  # no pyplot: no window, no global state
    panels = [figure.add_subplot(1, count, i + 1) for i in range(count)]
    for axes in panels:
        axes.grid(color='#e9ecef', lw=0.8)
        axes.spines[['top', 'right']].set_visible(False)
    return figure, panels


def _share_curves(
    axes: Axes, curves: Mapping[str, np.ndarray], thresholds: np.ndarray, xlabel: str, ylabel: str
) -> None:
    for color, (label, curve) in zip(_cycle(len(curves)), curves.items()):
        axes.plot(thresholds, curve, color=color, lw=1.8, label=label)
    axes.set(xlim=(thresholds[0], thresholds[-1]), ylim=(0, 1), xlabel=xlabel, ylabel=ylabel)
    axes.legend(loc='lower right', frameon=False)


def _with_note(text: str, note: str) -> str:
    return f'{text}\n{note}' if note else text


def _cycle(count: int) -> list[str]:
    return [COLORS[i % len(COLORS)] for i in range(count)]
