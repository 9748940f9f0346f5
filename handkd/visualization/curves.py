"""Curves and bars as matplotlib figures, from files of finished runs."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from .logs import LOSS_KEYS, POSE_LOSSES

if TYPE_CHECKING:  # matplotlib, which takes long to import, is imported when a figure is drawn
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLORS = ('#0b7285', '#e8590c', '#5f3dc4', '#2b8a3e', '#c2255c', '#846358', '#1c7ed6', '#868e96')
"""Line colours, in the order of the curves."""

PCK_RANGES = {'mm': (0.0, 50.0), 'px': (0.0, 30.0)}
"""Unit of the errors -> first and last threshold of a PCK curve."""

_KIND = {'mm': '3D PCK', 'px': '2D PCK'}
_COLUMNS = 3
"""Panels side by side in a figure."""


def pck_figure(curves: Mapping[str, np.ndarray], thresholds: np.ndarray, note: str = '', unit: str = 'mm') -> Figure:
    """Plot the share of correct joints over the threshold.

    Args:
        curves: Label -> share at each threshold, shape (T,), from 0 to 1.
        thresholds: Shape (T,), in ``unit``.
        note: Text below the axis, such as the protocol.
        unit: 'mm', for joints in 3D, or 'px', for joints in the image.

    Raises:
        ValueError: If there is no curve.
    """
    figure, (axes,) = _panels(curves)
    _share_curves(axes, curves, thresholds, _with_note(f'error threshold ({unit})', note), _KIND[unit])
    return figure


def accuracy_figure(
    joints: Mapping[str, np.ndarray], frames: Mapping[str, np.ndarray], thresholds: np.ndarray, note: str = ''
) -> Figure:
    """Plot the share of correct joints and, next to it, of frames whose worst joint is within a distance.

    Args:
        joints: Label -> share of joints within each threshold, shape (T,), from 0 to 1.
        frames: Label -> share of frames whose worst joint is, shape (T,), from 0 to 1.
        thresholds: mm, shape (T,).
        note: Text below the axes, such as the protocol.

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
        logs: Label -> records of :func:`read_scalars`.
        smooth: Points of the running mean, drawn over the pale raw curve.

    Raises:
        ValueError: If there is no log, or no key that all of them have.
    """
    key = _common_key(logs, LOSS_KEYS)
    figure, (axes,) = _panels(logs)
    axes.set(xlabel='iteration', ylabel=f'training {key}')
    for color, (label, records) in zip(_cycle(len(logs)), logs.items()):
        _loss_curve(axes, records, key, 0, smooth, color, label)
    _log_scale(axes)
    axes.legend(loc='upper right', frameon=False)
    return figure


def evolution_figure(
    logs: Mapping[str, list[dict]], validations: Mapping[str, list[dict]] | None = None, smooth: int = 5
) -> Figure:
    """Plot the losses of consecutive stages on one axis of iterations: Fig. 5 of Yuan et al. 2018.

    One panel for the pose loss, one for each further term of the loss in any stage, one for their total, and one
    for the mean validation error, if any. All are as logged, with their weights; dashed lines separate the stages.

    Args:
        logs: Label -> records of :func:`read_scalars`, in the order of the stages.
        validations: Label -> records of :func:`read_validation`. Defaults to None: no validations.
        smooth: Points of the running mean, drawn over the pale raw curve.

    Raises:
        ValueError: If there is no log, the stages have no common pose loss, or their validation errors follow
            different protocols.
    """
    pose = _common_key(logs, POSE_LOSSES)
    terms = dict.fromkeys(key for records in logs.values() for record in records for key in record)
    others = [key for key in terms if key.startswith('loss_') and key != pose]
    error = _error_key(validations or {})
    keys = [pose, *others, 'loss', *([error] if error else [])]
    figure, panels = _panels(logs, len(keys))
    ends = [max(r['step'] for r in (*records, *(validations or {}).get(label, ()))) for label, records in logs.items()]
    starts = np.cumsum([0, *ends])
    for axes, key in zip(panels, keys):
        protocol, _, name = key.rpartition('/')
        kind = 'validation' if key == error else 'training'
        axes.set(xlabel=_with_note('iteration', protocol), ylabel=f'{kind} {name}', xlim=(0, starts[-1]))
        for color, start, (label, records) in zip(_cycle(len(logs)), starts, logs.items()):
            if start > 0:
                axes.axvline(start, color='#495057', lw=1.0, ls='--')
            axes.text(start, 1.01, f' {label}', transform=axes.get_xaxis_transform(), color=color, fontsize='small')
            if key == error:
                points = [(start + r['step'], r[key]) for r in validations.get(label, ()) if key in r]
                axes.plot(*np.array(points).reshape(-1, 2).T, color=color, lw=1.8, marker='o', ms=3)
            else:
                _loss_curve(axes, records, key, start, smooth, color)
        _log_scale(axes)
    return figure


def part_figure(runs: Mapping[str, np.ndarray], names: Sequence[str], note: str = '') -> Figure:
    """Plot the accuracy on each part of the hand as bars, side by side: Fig. 6 of Neverova et al. 2017.

    Args:
        runs: Label -> share of each part's image pixels that are correct, shape (P,), from 0 to 1; NaN has no bar.
        names: Names of the P parts.
        note: Text below the axis, such as the protocol.

    Raises:
        ValueError: If there is no run.
    """
    figure, (axes,) = _panels(runs)
    figure.set_figwidth(12.8)
    width = 0.8 / max(len(runs), 1)
    places = np.arange(len(names))
    for i, (color, (label, shares)) in enumerate(zip(_cycle(len(runs)), runs.items())):
        axes.bar(places + (i - (len(runs) - 1) / 2) * width, shares, width, color=color, label=label)
    numbered = [f'{name} {number}' for number, name in enumerate(names, start=1)]
    axes.set_xticks(places, numbered, rotation=45, ha='right', rotation_mode='anchor')
    axes.set(ylim=(0, 1), xlim=(-0.6, len(names) - 0.4), xlabel=note, ylabel='share of correct pixels')
    axes.set_axisbelow(True)
    axes.grid(visible=False, axis='x')
    axes.legend(loc='lower left', bbox_to_anchor=(0, 1), ncols=2, frameon=False)
    return figure


def budget_figure(
    curves: Mapping[str, Mapping[int, tuple[float, float | None]]], measure: str, note: str = ''
) -> Figure:
    """Plot an error over the number of annotations, on a logarithmic axis: Fig. 3 of Mueller et al. 2020.

    Args:
        curves: Label -> number of annotations -> the error, and the half-width of its interval, or None.
        measure: Name of the error, with its unit.
        note: Text below the axis, such as the protocol.

    Raises:
        ValueError: If there is no curve.
    """
    from matplotlib.ticker import NullFormatter

    figure, (axes,) = _panels(curves)
    for color, (label, points) in zip(_cycle(len(curves)), curves.items()):
        numbers = sorted(points)
        means, halves = zip(*(points[number] for number in numbers))
        bars = None if None in halves else halves
        axes.errorbar(numbers, means, bars, color=color, lw=1.8, marker='o', ms=4, capsize=3, elinewidth=1, label=label)
    axes.set_xscale('log')
    ticks = sorted({number for points in curves.values() for number in points})
    axes.set_xticks(ticks, [f'{tick:,}' for tick in ticks])
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.minorticks_off()
    axes.set_ylim(bottom=0)
    axes.set(xlabel=_with_note('annotations', note), ylabel=measure)
    axes.legend(loc='best', frameon=False)
    return figure


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


def _common_key(logs: Mapping[str, list[dict]], keys: Sequence[str]) -> str | None:
    """The first of the keys that every log has; None if there is no log."""
    key = next((k for k in keys if logs and all(any(k in r for r in records) for records in logs.values())), None)
    if logs and key is None:
        raise ValueError(f'expected one of {tuple(keys)} in every log of {sorted(logs)}, found none')
    return key


def _error_key(validations: Mapping[str, list[dict]]) -> str | None:
    """The first mean error in all validated stages; None if none was validated."""
    found = {
        label: list(dict.fromkeys(k for r in records for k in r if k.rpartition('/')[2] == 'EPE_mean'))
        for label, records in validations.items()
    }
    found = {label: keys for label, keys in found.items() if keys}
    key = next((k for k in next(iter(found.values()), ()) if all(k in keys for keys in found.values())), None)
    if found and key is None:
        raise ValueError(f'the stages were validated under different protocols and cannot be compared: {found}')
    return key


def _loss_curve(
    axes: Axes, records: list[dict], key: str, start: int, smooth: int, color: str, label: str | None = None
) -> None:
    """Plot a raw loss, pale, and its running mean; nothing if the records lack it."""
    points = np.array([(start + r['step'], r[key]) for r in records if key in r], np.float64)
    if not len(points):
        return
    steps, values = points.T
    window = np.ones(min(smooth, len(values)))
    mean = np.convolve(values, window, 'same') / np.convolve(np.ones_like(values), window, 'same')
    axes.plot(steps, values, color=color, lw=0.8, alpha=0.25)
    axes.plot(steps, mean, color=color, lw=1.8, label=label)


def _log_scale(axes: Axes) -> None:
    from matplotlib.ticker import LogLocator, NullFormatter

    axes.set_yscale('log')
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.yaxis.set_major_formatter('{x:g}')
    axes.yaxis.set_minor_formatter(NullFormatter())


def _panels(curves: Mapping, count: int = 1) -> tuple[Figure, list[Axes]]:
    """A figure with empty axes side by side, in several rows if needed."""
    if not curves:
        raise ValueError('there is nothing to plot: no curve was given')
    from matplotlib.figure import Figure

    rows = -(-count // _COLUMNS)
    columns = -(-count // rows)  # the fewest for this number of rows
    figure = Figure(figsize=(6.4 * columns, 4.0 * rows), layout='constrained')  # no pyplot: no window, no global state
    panels = [figure.add_subplot(rows, columns, i + 1) for i in range(count)]
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
    axes.legend(loc='best', frameon=False)


def _with_note(text: str, note: str) -> str:
    return f'{text}\n{note}' if note else text


def _cycle(count: int) -> list[str]:
    return [COLORS[i % len(COLORS)] for i in range(count)]
