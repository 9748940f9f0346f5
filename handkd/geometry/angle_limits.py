"""Limits of the joint angles of a labelled set of hands, and the file that keeps them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path

import numpy as np
import torch

from handkd.files import write_atomically
from handkd.hand import FINGERS
from handkd.hints import check_keys
from handkd.reading import read_json, shown

from .angles import ANGLE_NAMES, VIOLATION_TOLERANCE, angle_excess, joint_angles

_SHAPE = (len(FINGERS), len(ANGLE_NAMES))
_FUNCTIONS = ('sin', 'sin', 'cos', 'cos')
"""Function whose values bound each angle."""
_ABOUT = (
    'bounds of the joint angles of Zhang et al. (2020), by finger: low and high bound the sine of theta0 and theta1 '
    'and the cosine of theta2 and theta3, and are what is read; degrees say the same to people, and are not read'
)


@dataclass(frozen=True, eq=False)
class AngleLimits:
    """Least and greatest sines and cosines of the 20 joint angles (see :mod:`handkd.geometry.angles`).

    Their file is JSON: by finger and angle ``low`` and ``high``, which :meth:`read` takes, and ``degrees``, the same
    for human readers, which it ignores; and ``source``.

    Attributes:
        low: Least values, shape (5, 4), float64: fingers from thumb to little finger, :data:`ANGLE_NAMES`.
        high: Greatest values, of the same shape.
        source: What they were gathered from, for human readers: data set, split, number of hands. It must be
            serialisable as JSON.

    Raises:
        ValueError: If a bound is outside of [-1, 1] or a lower bound is above its upper one (names finger and angle),
            a shape is wrong, or ``source`` is not a dict.
    """

    low: np.ndarray
    high: np.ndarray
    source: dict = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ('low', 'high'):
            bounds = np.array(getattr(self, name), np.float64)
            if bounds.shape != _SHAPE:
                raise ValueError(f'{name}: bounds of joint angles must have shape {_SHAPE}, found {bounds.shape}')
            object.__setattr__(self, name, bounds)
        if not isinstance(self.source, dict):
            raise ValueError(f'source must be a table, found {shown(self.source)}')
        size = np.maximum(abs(self.low), abs(self.high))
        for wrong, expected in (
            (~(size <= 1 + 1e-6), 'both must be sines or cosines, from -1 to 1'),  # NaN as well
            (self.low > self.high, 'low must not be above high'),
        ):
            for finger, angle in np.argwhere(wrong)[:1]:
                low, high = self.low[finger, angle], self.high[finger, angle]
                raise ValueError(f'{FINGERS[finger]}, {ANGLE_NAMES[angle]}: low={low:g}, high={high:g}, but {expected}')

    @classmethod
    def of(
        cls, values: np.ndarray, defined: np.ndarray, percentile: float = 0.0, source: dict | None = None
    ) -> AngleLimits:
        """Return the limits of a set of hands.

        Args:
            values: Sines and cosines of N hands, -1 to 1, relative to the palm, as
                :func:`~handkd.geometry.joint_angles` returns them, shape (N, 5, 4).
            defined: Which of them exist, of the same shape, bool.
            percentile: Percentage of the values left out at either end, for sets with noisy labels: from 0 (the least
                and the greatest that occur) to less than 50. Defaults to 0.0.
            source: Description of the hands, see :class:`AngleLimits`. Defaults to None: an empty one.

        Raises:
            ValueError: If the arrays don't fit, the percentile is out of range, or an angle exists in no hand; names
                it.
        """
        values, defined = np.asarray(values, np.float64), np.asarray(defined)
        if values.shape[1:] != _SHAPE or defined.shape != values.shape or defined.dtype != bool:
            raise ValueError(
                f'values and defined (bool) must both be (N, 5, 4), found {values.shape} and {defined.shape} '
                f'{defined.dtype}'
            )
        if not 0 <= percentile < 50:
            raise ValueError(f'percentile must be from 0 to less than 50, found {percentile!r}')
        for finger, angle in np.argwhere(~defined.any(0))[:1]:
            raise ValueError(f'{FINGERS[finger]}, {ANGLE_NAMES[angle]}: none of {len(values)} hands has this angle')
        bounds = np.nanpercentile(np.where(defined, values, np.nan), [percentile, 100 - percentile], 0)
        return cls(*bounds, source or {})

    @property
    def degrees(self) -> np.ndarray:
        """Limits as angles, shape (5, 4, 2): (from, to) in degrees; a cosine's lower bound is the larger angle."""
        low, high = self.low.clip(-1, 1), self.high.clip(-1, 1)
        sines = np.stack([np.arcsin(low), np.arcsin(high)], -1)
        cosines = np.stack([np.arccos(high), np.arccos(low)], -1)
        return np.degrees(np.where(np.equal(_FUNCTIONS, 'sin')[:, None], sines, cosines))

    def violated(self, joints: np.ndarray, left: np.ndarray) -> np.ndarray:
        """Return which angles of some hands are out of bounds; an angle that does not exist is not.

        Args:
            joints: Shape (..., 21, 3), camera axes, any unit if the same along all three.
            left: Which of them are left hands, shape (...), bool.

        Returns:
            Shape (..., 5, 4), bool, by finger and angle.
        """
        values, defined = joint_angles(torch.from_numpy(np.asarray(joints, np.float64)), torch.as_tensor(left))
        excess = angle_excess(values, defined, torch.from_numpy(self.low), torch.from_numpy(self.high))
        return (excess > VIOLATION_TOLERANCE).numpy()

    @classmethod
    def read(cls, path: str | PathLike) -> AngleLimits:
        """Read a file of limits; its ``degrees`` are ignored.

        Raises:
            FileNotFoundError: If it is missing; names the command that makes it.
            ValueError: If it is damaged, or something in it is missing, unknown or invalid; names it.
        """
        path = Path(path)
        if not path.is_file():
            raise FileNotFoundError(
                f'no limits of joint angles at {path}: gather them with `handkd limits CONFIG --out {path}`'
            )
        try:
            content = read_json(path, constants=True)  # NaN and infinity are refused below, by finger and angle
        except ValueError as error:
            raise ValueError(f'{error}; delete it and gather the limits again') from error
        try:
            return cls(**_parse(content))
        except ValueError as error:
            raise ValueError(f'{path}: {error}') from error

    def write(self, path: str | PathLike) -> None:
        """Write a file of limits atomically; missing parent folders are made.

        Raises:
            OSError: If it can't be written; names the path.
        """
        fingers = []
        for finger, name in enumerate(FINGERS):
            lines = [f'      "{angle}": {json.dumps(self._entry(finger, i))}' for i, angle in enumerate(ANGLE_NAMES)]
            fingers.append(f'    "{name}": {{\n' + ',\n'.join(lines) + '\n    }')  # one line per angle
        source = json.dumps(self.source, indent=2).replace('\n', '\n  ')
        limits = '{\n' + ',\n'.join(fingers) + '\n  }'
        text = f'{{\n  "about": {json.dumps(_ABOUT)},\n  "source": {source},\n  "limits": {limits}\n}}\n'
        write_atomically(path, text.encode())

    def _entry(self, finger: int, angle: int) -> dict[str, object]:
        """Return an angle's entry in the file."""
        bounds = dict(low=float(self.low[finger, angle]), high=float(self.high[finger, angle]))
        return dict(of=_FUNCTIONS[angle], **bounds, degrees=self.degrees[finger, angle].round(1).tolist())


def _parse(content: object) -> dict[str, object]:
    """Return the arguments of :class:`AngleLimits` from the content of a file."""
    content = _table(content, 'the file', ('source', 'limits'), ('about',))
    fingers = _table(content['limits'], 'limits', FINGERS)
    low, high = np.empty(_SHAPE), np.empty(_SHAPE)
    for i, finger in enumerate(FINGERS):
        angles = _table(fingers[finger], f'limits, {finger}', ANGLE_NAMES)
        for j, angle in enumerate(ANGLE_NAMES):
            where = f'limits, {finger}, {angle}'
            entry = _table(angles[angle], where, ('low', 'high'), ('of', 'degrees'))
            for name, bounds in (('low', low), ('high', high)):
                if isinstance(entry[name], bool) or not isinstance(entry[name], (int, float)):
                    raise ValueError(f'{where}: {name} must be a number, found {shown(entry[name])}')
                bounds[i, j] = np.inf if abs(entry[name]) > 1e9 else entry[name]  # 400 digits are no float
    return dict(low=low, high=high, source=content['source'])


def _table(value: object, where: str, needed: tuple[str, ...], optional: tuple[str, ...] = ()) -> Mapping:
    """Return a JSON object after checking that it has all needed keys and no unknown ones."""
    if not isinstance(value, Mapping):
        raise ValueError(f'{where} must be a table, found {shown(value)}')
    check_keys(value, (*needed, *optional), where)
    for key in needed:
        if key not in value:
            raise ValueError(f'{where}: {key!r} is missing')
    return value
