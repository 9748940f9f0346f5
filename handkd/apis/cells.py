"""Text of a number in a table: a value, or a mean with its interval, with unit and sign."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from handkd.evaluation import mean_interval


def cell(
    values: float | Sequence[float] | np.ndarray | None, digits: int = 2, unit: str = '', sign: bool = False
) -> str:
    """Format a value as it is, and the values of several runs as their mean and its 95 % interval.

    Args:
        values: One number, or those of N runs, shape (N,), in the unit of the table; None for a cell without any.
        digits: Digits after the decimal point. Defaults to 2.
        unit: Text after the number, such as ' %'. Defaults to ''.
        sign: Whether a positive number has its sign, as a gain. Defaults to False.

    Returns:
        Text such as '12.34', '+1.2 ± 0.3 pp', or '-' for None.
    """
    if values is None:
        return '-'
    numbers, shown = np.atleast_1d(values), f'{"+" if sign else ""}.{digits}f'
    if len(numbers) == 1:
        return f'{numbers[0]:{shown}}{unit}'
    mean, half = mean_interval(numbers)
    return f'{mean:{shown}} ± {half:.{digits}f}{unit}'
