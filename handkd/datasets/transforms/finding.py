"""Localisation of hands in the depth map, for test pipelines without true joints."""

from __future__ import annotations

import numpy as np

from handkd.geometry import find_hand, in_cube
from handkd.registry import TRANSFORMS

from .batch import BatchTransform, SampleBatch
from .sample import sample_name


class _CubeTransform(BatchTransform):
    """Base of the transforms with a metric cube."""

    cache_effect = 'fixed'

    def __init__(self, cube: float = 300.0) -> None:
        if not cube > 0:
            raise ValueError(f'{type(self).__name__}: cube must be a positive length in mm, found {cube!r}')
        self.cube = cube


@TRANSFORMS.register_module()
class FindHandCube(_CubeTransform):
    """Finds the nearest hand in the depth map; changes no pixel.

    Sets ``hand_center`` (1, 1, 3), mm, camera frame, which all later transforms update. It is used by
    ``HandCrop(center='hand')``, ``HandMaskFromCube`` and ``DepthToCube(center='hand')``. Put it before all crops.

    Args:
        cube (float): The cube's edge in mm; see :func:`handkd.geometry.find_hand`. Defaults to 300.0.

    Raises:
        ValueError: If the cube is not positive.
    """

    def transform_batch(self, batch: SampleBatch, draws: np.ndarray) -> None:
        """Set ``hand_center``, (N, 1, 3), mm, camera frame.

        Raises:
            ValueError: If a sample has no depth, no camera, or an empty depth map; names it.
        """
        batch.require(self, 'depth', 'camera')
        batch['hand_center'] = np.stack([self._find(sample) for sample in batch.samples()])

    def _find(self, sample: dict) -> np.ndarray:
        try:
            return find_hand(sample['depth'], sample['camera'], self.cube).astype(np.float32)[None]
        except ValueError as error:
            raise ValueError(f'FindHandCube on {sample_name(sample)}: {error}') from error


@TRANSFORMS.register_module()
class HandMaskFromCube(_CubeTransform):
    """Sets ``hand_mask`` to everything within a metric cube around the hand found.

    Without true joints the forearm cannot be separated from the hand: its part in the cube is included.

    Args:
        cube (float): The cube's edge in mm. Defaults to 300.0.

    Raises:
        ValueError: If the cube is not positive.
    """

    def transform_batch(self, batch: SampleBatch, draws: np.ndarray) -> None:
        """Set ``hand_mask`` (H, W), bool, in the pixels of the image.

        Raises:
            ValueError: If a sample has no depth, no camera or no ``hand_center``; names it.
        """
        batch.require(self, 'depth', 'camera', 'hand_center')
        batch['hand_mask'] = [
            in_cube(sample['depth'], sample['camera'], sample['hand_center'][0, 0].astype(np.float64), self.cube)
            for sample in batch.samples()
        ]
