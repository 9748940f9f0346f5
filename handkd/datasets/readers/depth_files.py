"""Common base of the depth readers: millimetres from the byte layouts of the data sets."""

from __future__ import annotations

import os
from dataclasses import dataclass

import numpy as np

from handkd.image_files import ImageReadError, read_raster
from handkd.units import FARTHEST

_CHANNELS = 'BGR'  # as OpenCV reads them


def check_depth_unit(unit: object, where: str) -> None:
    """Check a depth unit, in mm per count.

    Args:
        unit: The unit.
        where: Its name in the error.

    Raises:
        ValueError: If it is not a number above 0 and up to :data:`handkd.units.FARTHEST`.
    """
    if isinstance(unit, bool) or not isinstance(unit, (int, float)) or not 0 < unit <= FARTHEST:
        raise ValueError(f'{where} must be a number above 0, up to {FARTHEST:g}, found {unit!r:.80}')


@dataclass(frozen=True)
class DepthFormat:
    """Encoding of a depth map in a PNG.

    Attributes:
        channels: The channels of an 8-bit colour PNG that hold the high and the low byte, such as 'RG'. None is a
            16-bit PNG of one channel.
        unit: Millimetres per count.
        nothing: Counts that mean 'no measurement', besides 0.

    Raises:
        ValueError: If the unit is not a positive number.
    """

    channels: str | None = None
    unit: float = 1.0
    nothing: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        check_depth_unit(self.unit, 'the unit of depth maps in mm')

    def read(self, path: str | os.PathLike) -> np.ndarray:
        """Read a file.

        Returns:
            Shape (H, W), float32, mm along the camera's optical axis; 0 without a measurement.

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
        """Combine the two bytes; a byte that is 0 everywhere reveals swapped channels."""
        raster = read_raster(path, np.uint8, 3)
        high, low = (raster[..., _CHANNELS.index(channel)] for channel in self.channels)
        (spare,) = set(_CHANNELS) - set(self.channels)
        empty = [channel for channel, byte in zip(self.channels, (high, low)) if not byte.any()]
        if empty and raster[..., _CHANNELS.index(spare)].any():
            raise ImageReadError(
                f'{os.fspath(path)!r}: channel {empty[0]}, a byte of the depth (high {self.channels[0]}, low '
                f'{self.channels[1]}), is empty, but {spare}, which is unused, is not: red and blue were swapped when '
                'the file was written; write it again'
            )
        return high.astype(np.uint16) * np.uint16(256) + low
