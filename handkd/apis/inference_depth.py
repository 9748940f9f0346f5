"""Depth images for networks that read depth: reading them, finding the hand, and the steps of the test pipeline."""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike, fspath

import numpy as np
from mmengine.config import Config

from handkd.datasets.depth_files import DepthFormat
from handkd.datasets.transforms import ImageReadError
from handkd.geometry import find_hand, unproject
from handkd.registry import TRANSFORMS
from handkd.size_checks import LOADERS, leaf_datasets, type_name

from .found_hands import found_pipeline

_NEAREST, _FARTHEST = 50.0, 20000.0
"""Between what the median reading of a depth image lies, mm: no hand is nearer, and no camera sees farther."""
_IN_CUBE = ('HandMaskFromCube', 'DepthToCube')
"""What follows once all pixels are where they stay."""


def read_depth(source: str | PathLike | np.ndarray, unit: float = 1.0) -> np.ndarray:
    """Read a depth image.

    Args:
        source: Path of a 16-bit PNG of one channel, or an array (H, W) of numbers; 0, or what is not finite, is no
            reading.
        unit: Millimetres a count. Defaults to 1.0.

    Returns:
        Shape (H, W), float32, mm along the optical axis; 0 where there is no reading.

    Raises:
        OSError: If the file can't be read, or is no such PNG; names it.
        ValueError: If the array is no depth image, there is no reading, or the unit can't be right.
    """
    if isinstance(source, np.ndarray):
        name = 'the depth image'
        if source.ndim != 2 or source.dtype.kind not in 'uif' or source.dtype == np.uint8:
            raise ValueError(
                'the network reads depth, an array (H, W) of uint16 or float; '
                f'found {source.dtype} {source.shape}, as pictures have'
            )
        depth = source.astype(np.float32) * np.float32(unit)
    else:
        name = fspath(source)
        try:
            depth = DepthFormat(unit=unit).read(source)
        except ImageReadError as error:
            raise ImageReadError(f'{error}; the network reads depth, a 16-bit PNG of one channel') from error
    depth[~(np.isfinite(depth) & (depth > 0))] = 0
    readings = depth[depth > 0]
    if not readings.size:
        raise ValueError(f'{name}: there is no depth reading in it, all is 0')
    middle = float(np.median(readings))
    if not _NEAREST <= middle <= _FARTHEST:
        guess = ': it looks like metres, say depth_unit=1000 (--depth-unit 1000)' if middle < _NEAREST else ''
        raise ValueError(
            f'{name}: half of its depth is below {middle:.3g} mm with {unit:g} mm a count, expected {_NEAREST:g} to '
            f'{_FARTHEST:g} mm{guess or "; give the right depth_unit (--depth-unit)"}'
        )
    return depth


def check_depth_known(root: Sequence[float] | None, camera: np.ndarray | None) -> None:
    """Check what is said about a depth image.

    Args:
        root: (u, v, z) of the hand, px and mm, or None.
        camera: Its intrinsics, or None.

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
    """What the test pipeline of a config does to depth, by the hand found in place of true joints.

    Args:
        cfg: The config.

    Raises:
        ValueError: If its test pipeline brings no depth into a cube.
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
        """Return what the cube is centred on, shape (3,), mm, camera frame.

        Args:
            depth: Shape (H, W), mm.
            camera: Intrinsics K, shape (3, 3).
            box: (x, y, width, height) of the hand in px, or None: the whole image is searched.
            root: (u, v, z) of it, px and mm, or None: it is found (:func:`handkd.geometry.find_hand`).

        Raises:
            ValueError: If there is no reading in the box.
        """
        if root is not None:
            return unproject(np.array(root[:2], np.float64), np.float64(root[2]), dict(K=camera))
        return find_hand(depth, dict(K=camera), self.cube, box)

    def scale(self, sample: dict) -> dict:
        """Bring what was cut out into the cube.

        Args:
            sample: ``depth``, ``camera`` and ``hand_center`` of the crop.
        """
        for step in self._steps:
            sample = step.transform(sample)
        return sample
