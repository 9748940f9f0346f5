"""Hands found in the depth itself: test pipelines that know no true joint."""

from __future__ import annotations

import numpy as np

from handkd.geometry import find_hand, in_cube
from handkd.registry import TRANSFORMS

from .batch import BatchTransform, SampleBatch
from .sample import sample_name


class _CubeTransform(BatchTransform):
    """Base of the transforms that know the edge of a metric cube."""

    def __init__(self, cube: float = 300.0) -> None:
        if not cube > 0:
            raise ValueError(f'{type(self).__name__}: cube must be a positive length in mm, found {cube!r}')
        self.cube = cube


@TRANSFORMS.register_module()
class FindHandCube(_CubeTransform):
    """Finds the nearest hand in the depth map; moves no pixel.

    Sets ``hand_center`` (1, 1, 3), mm, camera frame, which all later transforms move along. By it go
    ``HandCrop(center='hand')``, ``HandMaskFromCube`` and ``DepthToCube(center='hand')``. Put it before all that cuts.

    Args:
        cube (float): The cube's edge in mm; see :func:`handkd.geometry.find_hand`. Defaults to 300.0.

    Raises:
        ValueError: If the cube is not positive.
    """

    def transform_batch(self, batch: SampleBatch, draws: np.ndarray) -> None:
        """Set ``hand_center``.

        Raises:
            ValueError: If a sample has no depth, no camera, or no reading in its depth; names it.
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
    """Takes for the hand what lies within a metric cube around the hand found; sets ``hand_mask``.

    Without true joints nothing tells the forearm from the hand: what of it is in the cube is counted in.

    Args:
        cube (float): The cube's edge in mm. Defaults to 300.0.

    Raises:
        ValueError: If the cube is not positive.
    """

    def transform_batch(self, batch: SampleBatch, draws: np.ndarray) -> None:
        """Set ``hand_mask`` (H, W), bool.

        Raises:
            ValueError: If a sample has no depth, no camera or no hand found; names it.
        """
        batch.require(self, 'depth', 'camera', 'hand_center')
        batch['hand_mask'] = [
            in_cube(sample['depth'], sample['camera'], sample['hand_center'][0, 0].astype(np.float64), self.cube)
            for sample in batch.samples()
        ]
