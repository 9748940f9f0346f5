"""Depth images for depth networks: finding the hand, and the scaling of depth to a cube around it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from handkd.geometry import find_hand, in_cube, scale_to_cube, unproject

from .crops import HandView


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


@dataclass(frozen=True)
class DepthSpec:
    """Depth steps of a network's test pipeline, around the hand found in the depth instead of true joints.

    Attributes:
        found: Edge of the cube in which the hand is found, mm (:func:`handkd.geometry.find_hand`).
        cube: Edge of the cube to which depth is scaled, mm.
        mask: Edge of the cube outside of which everything is background, mm; None: nothing is masked.
    """

    found: float = 300.0
    cube: float = 300.0
    mask: float | None = None

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
        return find_hand(depth, dict(K=camera), self.found, box)

    def scale(self, view: HandView) -> np.ndarray:
        """Return the depth of a crop scaled to the cube, shape (S, S), float32, -1 to 1; 1 is background.

        Args:
            view: The crop, with its ``center``.
        """
        scaled = np.empty(view.pixels.shape, np.float32)
        scale_to_cube(view.pixels, float(view.center[2]), self.cube, scaled)
        if self.mask is not None:
            scaled[~in_cube(view.pixels, view.camera, view.center, self.mask)] = 1
        return scaled
