"""Depth images for depth networks: finding the hand, and the steps of the test pipeline."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from mmengine.config import Config

from handkd.geometry import find_hand, unproject
from handkd.registry import TRANSFORMS
from handkd.size_checks import LOADERS, leaf_datasets, type_name

from .found_hands import found_pipeline

IN_CUBE = ('HandMaskFromCube', 'DepthToCube')
"""Transforms after the last one that moves pixels."""


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
        self.steps = [TRANSFORMS.build(step) for step in steps if type_name(step) in IN_CUBE]

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
        for step in self.steps:
            sample = step.transform(sample)
        return sample
