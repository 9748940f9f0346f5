"""Images for inference: colour pictures and depth images, each decoded once."""

from __future__ import annotations

from dataclasses import dataclass
from os import PathLike, fspath

import numpy as np

from handkd.image_files import ImageReadError, read_picture, read_raster

_NEAREST, _FARTHEST = 50.0, 20000.0
"""Range of the median reading of a depth image, mm: no hand is nearer, and no camera sees farther."""


@dataclass(frozen=True)
class InferenceImage:
    """A decoded image.

    Attributes:
        modality: 'rgb' or 'depth'.
        pixels: BGR, uint8, shape (H, W, 3); or depth, float32, shape (H, W), mm along the optical axis, 0 where there
            is no reading.
        file: Its path, None for an array.
        label: Name of the image in errors. Defaults to None: the file, or 'the image'.
    """

    modality: str
    pixels: np.ndarray
    file: str | None = None
    label: str | None = None

    @property
    def name(self) -> str:
        """Name of the image in errors."""
        return self.label or self.file or 'the image'

    @property
    def shape(self) -> tuple[int, int]:
        """(height, width) in px."""
        return self.pixels.shape[:2]


def check_depth_unit(unit: float | None, modality: str) -> None:
    """Check a depth unit that is given for images.

    Args:
        unit: Millimetres per count, or None.
        modality: 'rgb' or 'depth'.

    Raises:
        ValueError: If it is not positive, or the images are of colour.
    """
    if unit is not None and (modality != 'depth' or not 0 < unit < np.inf):
        what = 'is for depth networks only' if modality != 'depth' else 'must be a positive length in mm'
        raise ValueError(f'depth_unit {what}; found {unit}')


def open_image(source: str | PathLike | np.ndarray, modality: str, depth_unit: float = 1.0) -> InferenceImage:
    """Decode an image.

    Args:
        source: Path of a file, or an array; see :func:`~handkd.image_files.read_picture` and :func:`read_depth`.
        modality: 'rgb' or 'depth'.
        depth_unit: Millimetres per count of a depth image. Defaults to 1.0.

    Raises:
        OSError: If the file can't be read; names it.
        ValueError: If the array is of the other kind, or has no depth.
    """
    pixels = read_depth(source, depth_unit) if modality == 'depth' else read_picture(source)
    return InferenceImage(modality, pixels, None if isinstance(source, np.ndarray) else fspath(source))


def read_depth(source: str | PathLike | np.ndarray, unit: float = 1.0) -> np.ndarray:
    """Read a depth image.

    Args:
        source: Path of a 16-bit PNG of one channel, or an array (H, W) of numbers; 0 and non-finite values mean no
            reading.
        unit: Millimetres per count. Defaults to 1.0.

    Returns:
        Shape (H, W), float32, mm along the optical axis; 0 where there is no reading.

    Raises:
        OSError: If the file can't be read, or is not such a PNG; names it.
        ValueError: If the array is not a depth image, has no reading, or the unit can't be right.
    """
    if isinstance(source, np.ndarray):
        name = 'the depth image'
        if source.ndim != 2 or source.dtype.kind not in 'uif' or source.dtype == np.uint8:
            raise ValueError(
                'the network reads depth: expected an array (H, W) of uint16 or float, '
                f'found {source.dtype} {source.shape}, the form of colour images'
            )
        depth = source.astype(np.float32) * np.float32(unit)
    else:
        name = fspath(source)
        try:
            depth = read_raster(source, np.uint16, 1).astype(np.float32) * np.float32(unit)
        except ImageReadError as error:
            raise ImageReadError(f'{error}; the network reads depth: give a 16-bit PNG of one channel') from error
    depth[~(np.isfinite(depth) & (depth > 0))] = 0
    readings = depth[depth > 0]
    if not readings.size:
        raise ValueError(f'{name}: no depth reading in it, all values are 0: give another image')
    middle = float(np.median(readings))
    if not _NEAREST <= middle <= _FARTHEST:
        guess = ': it looks like metres, set depth_unit=1000 (--depth-unit 1000)' if middle < _NEAREST else ''
        raise ValueError(
            f'{name}: the median depth is {middle:.3g} mm with {unit:g} mm per count, expected {_NEAREST:g} to '
            f'{_FARTHEST:g} mm{guess or "; give the right depth_unit (--depth-unit)"}'
        )
    return depth
