"""Smoothing of joints over time by the 1€ filter: little jitter of a hand at rest, little lag of a fast one.

Casiez, Roussel and Vogel, "1€ Filter: A Simple Speed-based Low-pass Filter for Noisy Input in Interactive Systems",
CHI 2012. With the time T between two samples and a low-pass filter of cut-off frequency f:

    x̂_i = α x_i + (1 - α) x̂_{i-1},    α = 1 / (1 + τ / T),    τ = 1 / (2π f)        (equations 1 to 4)

the derivative (x_i - x̂_{i-1}) / T, 0 for the first sample, is filtered with a constant cut-off frequency, and its size
sets that of the samples:

    f = f_min + β |dx̂_i / dt|                                                       (equation 5)
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from handkd.hints import ConfigError


@dataclass(frozen=True)
class OneEuroRule:
    """Parameters of the filter.

    Attributes:
        min_cutoff: Cut-off frequency f_min of a joint at rest, Hz: lower removes more jitter. Defaults to 1.5.
        beta: Growth β of the cut-off frequency with the speed, Hz per (scale/s): higher removes more lag. Defaults to
            5.0.
        derivative_cutoff: Cut-off frequency of the derivative, Hz. Defaults to 1.0.
        max_gap: The filter starts anew after a longer time without samples, s. Defaults to 0.5.

    Raises:
        ConfigError: If a value is not usable; names it.
    """

    min_cutoff: float = 1.5
    beta: float = 5.0
    derivative_cutoff: float = 1.0
    max_gap: float = 0.5

    def __post_init__(self) -> None:
        for name in ('min_cutoff', 'derivative_cutoff', 'max_gap'):
            if not 0 < getattr(self, name) < np.inf:
                raise ConfigError(f'smoothing: {name} must be above 0, found {getattr(self, name)!r}')
        if not 0 <= self.beta < np.inf:
            raise ConfigError(f'smoothing: beta must be at least 0, found {self.beta!r}')


class OneEuroFilter:
    """The filter for joints, each with its own speed, which is that of all its coordinates together.

    Args:
        rule: Parameters. Defaults to None: those of :class:`OneEuroRule`.
    """

    def __init__(self, rule: OneEuroRule | None = None) -> None:
        self._rule = rule or OneEuroRule()
        self._values: np.ndarray | None = None
        self._derivatives: np.ndarray | None = None
        self._times: np.ndarray | None = None

    def __call__(self, values: np.ndarray, time: float, scale: float = 1.0) -> np.ndarray:
        """Filter one sample.

        Args:
            values: Joints, shape (J, D), any unit and frame. One that is not finite stays so, and leaves its state.
            time: Time of the sample, s; it must increase.
            scale: Size of the hand in the unit of the joints: speeds are in scale/s, so that a hand is smoothed alike
                near and far. Defaults to 1.0.

        Returns:
            Smoothed joints, shape (J, D), float64, in the same unit and frame.

        Raises:
            ValueError: If the time does not increase, the scale is not positive, or the shape changes.
        """
        values = np.asarray(values, np.float64)
        if not np.isfinite(time) or not 0 < scale < np.inf:
            raise ValueError(f'smoothing: time must be finite and scale positive, found {time!r} and {scale!r}')
        if self._values is None:
            self._values, self._derivatives = np.full(values.shape, np.nan), np.zeros(values.shape)
            self._times = np.full(len(values), -np.inf)
        if values.shape != self._values.shape:
            raise ValueError(f'smoothing: joints must keep their shape {self._values.shape}, found {values.shape}')
        if time <= self._times.max():
            raise ValueError(f'smoothing: time must increase, found {time} s after {self._times.max()} s')
        given = np.isfinite(values).all(1)
        first = given & (time - self._times > self._rule.max_gap)
        self._values[first], self._derivatives[first] = values[first], 0.0
        old = given & ~first
        self._advance(old, values[old], (time - self._times[old])[:, None], scale)
        self._times[given] = time
        return np.where(given[:, None], self._values, np.nan)

    def _advance(self, joints: np.ndarray, values: np.ndarray, period: np.ndarray, scale: float) -> None:
        """Filter new values (K, D) of some joints, (J,) bool, each a period (K, 1) after its last one."""
        rule, last = self._rule, self._values[joints]
        derivatives = _low_pass(
            (values - last) / period / scale, self._derivatives[joints], period, rule.derivative_cutoff
        )
        cutoff = rule.min_cutoff + rule.beta * np.linalg.norm(derivatives, axis=1, keepdims=True)
        self._values[joints] = _low_pass(values, last, period, cutoff)
        self._derivatives[joints] = derivatives


class TrackSmoother:
    """One filter for each track of a video and each kind of its joints; those of ended tracks are dropped.

    Args:
        rule: Parameters. Defaults to None: those of :class:`OneEuroRule`.
    """

    def __init__(self, rule: OneEuroRule | None = None) -> None:
        self._rule = rule or OneEuroRule()
        self._filters: dict[tuple[int, str], tuple[OneEuroFilter, float]] = {}

    def __call__(self, track: int, kind: str, joints: np.ndarray, time: float, scale: float = 1.0) -> np.ndarray:
        """Filter the joints of a hand.

        Args:
            track: Number of its track.
            kind: Kind of joints, such as 'keypoints' or 'keypoints_3d': each is filtered apart.
            joints: Shape (J, D), any unit and frame.
            time: Time of the frame, s.
            scale: Size of the hand in the unit of the joints. Defaults to 1.0.

        Returns:
            Smoothed joints, shape (J, D), float64, in the same unit and frame.

        Raises:
            ValueError: As :class:`OneEuroFilter`.
        """
        filtered = self._filters.get((track, kind), (OneEuroFilter(self._rule), time))[0]
        smooth = filtered(joints, time, scale)
        self._filters[track, kind] = filtered, time
        self._filters = {key: old for key, old in self._filters.items() if time - old[1] <= self._rule.max_gap}
        return smooth


def _low_pass(values: np.ndarray, last: np.ndarray, period: np.ndarray, cutoff: float | np.ndarray) -> np.ndarray:
    """Equations 1 to 4 above; shapes (K, D), (K, D), (K, 1) s, and Hz."""
    alpha = 1 / (1 + 1 / (2 * np.pi * cutoff * period))
    return last + alpha * (values - last)  # in this form a constant stays to the last digit
