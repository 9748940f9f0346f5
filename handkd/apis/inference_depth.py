"""Depth images for depth networks: reading them, finding the hand, and the steps of the test pipeline."""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike, fspath

import numpy as np
from mmengine.config import Config

from handkd.datasets.readers.depth_files import DepthFormat
from handkd.datasets.transforms import ImageReadError
from handkd.geometry import find_hand, unproject
from handkd.registry import TRANSFORMS
from handkd.size_checks import LOADERS, leaf_datasets, type_name

from .found_hands import found_pipeline

_NEAREST, _FARTHEST = 50.0, 20000.0
"""Range of the median reading of a depth image, mm: no hand is nearer, and no camera sees farther."""
_IN_CUBE = ('HandMaskFromCube', 'DepthToCube')
"""Transforms after the last one that moves pixels."""


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
            depth = DepthFormat(unit=unit).read(source)
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


def check_depth_known(root: Sequence[float] | None, camera: np.ndarray | None) -> None:
    """Check the root and the camera given for a depth image.

    Args:
        root: (u, v, z) of the hand, px and mm, or None.
        camera: Intrinsics K of the image, shape (3, 3), px, or None.

    Raises:
        ValueError: If the camera is missing, or the root is malformed.
    """
    if camera is None:
        raise ValueError(
            'this network reads depth, in a cube of mm: give the camera K of the image (--camera FX,FY,CX,CY)'
        )
    if root is not None and (np.shape(root) != (3,) or not np.isfinite(root).all() or not root[2] > 0):
        raise ValueError(f'for a network that reads depth root must be (u, v, z), px and mm, found {tuple(root)}')


class ConfigDepth:
    """Depth steps of a config's test pipeline, around the hand found in the depth instead of true joints.

    Args:
        cfg: The config.

    Raises:
        ValueError: If its test pipeline does not scale depth to a cube.
    """

    def __init__(self, cfg: Config) -> None:
        leaves = [leaf for loader in LOADERS for leaf in leaf_datasets(cfg, loader)]
        where, dataset = leaves[0]
        steps = found_pipeline(cfg, where, dataset)
        self.cube = TRANSFORMS.build(steps[[type_name(step) for step in steps].index('FindHandCube')]).cube
        self._steps = [TRANSFORMS.build(step) for step in steps if type_name(step) in _IN_CUBE]

    def locate(
        self,
        depth: np.ndarray,
        camera: np.ndarray,
        box: tuple[float, float, float, float] | None,
        root: Sequence[float] | None,
    ) -> np.ndarray:
        """Return the centre of the cube, shape (3,), mm, camera frame.

        Args:
            depth: Shape (H, W), mm.
            camera: Intrinsics K, shape (3, 3), px.
            box: (x, y, width, height) of the hand in px, or None: the whole image is searched.
            root: (u, v, z) of it, px and mm, or None: it is found (:func:`handkd.geometry.find_hand`).

        Raises:
            ValueError: If the box has no reading.
        """
        if root is not None:
            return unproject(np.array(root[:2], np.float64), np.float64(root[2]), dict(K=camera))
        return find_hand(depth, dict(K=camera), self.cube, box)

    def scale(self, sample: dict) -> dict:
        """Scale the depth of a crop to the cube.

        Args:
            sample: ``depth`` (H, W) in mm, ``camera`` and ``hand_center`` (1, 1, 3) in mm, camera frame, of the crop.
        """
        for step in self._steps:
            sample = step.transform(sample)
        return sample
