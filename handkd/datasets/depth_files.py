"""Depth maps in files: millimetres from the bytes that each data set's owners chose."""

from __future__ import annotations

import os
from dataclasses import dataclass

import numpy as np

from handkd.units import FARTHEST

from .transforms import ImageReadError, read_raster

_CHANNELS = 'BGR'  # as OpenCV reads them


def check_depth_unit(unit: object, where: str) -> None:
    """Refuse what is no millimetres a count.

    Args:
        unit: It.
        where: What the error calls it.

    Raises:
        ValueError: If it is no number above 0 and up to :data:`handkd.units.FARTHEST`.
    """
    if isinstance(unit, bool) or not isinstance(unit, (int, float)) or not 0 < unit <= FARTHEST:
        raise ValueError(f'{where} must be a number above 0, up to {FARTHEST:g}, found {unit!r:.80}')


@dataclass(frozen=True)
class DepthFormat:
    """How a PNG holds a depth map.

    Attributes:
        channels: The channels of an 8-bit colour PNG in which the high and the low byte stand, such as 'RG'. None is a
            16-bit PNG of one channel.
        unit: Millimetres a count.
        nothing: Counts that mean 'no reading', besides 0.

    Raises:
        ValueError: If the unit is none.
    """

    channels: str | None = None
    unit: float = 1.0
    nothing: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        check_depth_unit(self.unit, 'the millimetres a count of depth maps')

    def read(self, path: str | os.PathLike) -> np.ndarray:
        """Read a file.

        Returns:
            Shape (H, W), float32, mm; 0 where there is no reading.

        Raises:
            OSError: If the file is missing, damaged or of another kind (:func:`~.transforms.read_raster`), or its
                colour channels are swapped.
        """
        counts = read_raster(path, np.uint16, 1) if self.channels is None else self._join(path)
        depth = counts.astype(np.float32) * np.float32(self.unit)
        for count in self.nothing:
            depth[counts == count] = 0
        return depth

    def _join(self, path: str | os.PathLike) -> np.ndarray:
        """Put the two bytes together; a byte that is 0 everywhere betrays swapped channels."""
        raster = read_raster(path, np.uint8, 3)
        high, low = (raster[..., _CHANNELS.index(channel)] for channel in self.channels)
        (spare,) = set(_CHANNELS) - set(self.channels)
        empty = [channel for channel, byte in zip(self.channels, (high, low)) if not byte.any()]
        if empty and raster[..., _CHANNELS.index(spare)].any():
            raise ImageReadError(
                f'{os.fspath(path)!r}: channel {empty[0]} is empty, which holds a byte of the depth (high '
                f'{self.channels[0]}, low {self.channels[1]}), and {spare} is not, which holds none: red and blue were '
                'swapped when the file was written'
            )
        return high.astype(np.uint16) * np.uint16(256) + low
