"""Images of one sample, as tiles of a sheet."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from handkd.skeleton_drawing import draw_skeleton

from .modalities import depth_picture
from .parts import part_picture


def mask_picture(mask: np.ndarray) -> np.ndarray:
    """Show a mask in black and white.

    Args:
        mask: Mask of an image, shape (H, W), bool.

    Returns:
        BGR, uint8, shape (H, W, 3).
    """
    return cv2.cvtColor(mask.astype(np.uint8) * 255, cv2.COLOR_GRAY2BGR)


TILES = {
    'rgb': ('img', lambda image: image),
    'depth': ('depth', depth_picture),
    'mask': ('hand_mask', mask_picture),
    'parts': ('part_seg', part_picture),
}
"""Modality -> its key in a sample, and the function that draws it."""


def sample_tiles(sample: dict, modalities: Sequence[str] | None, skeleton: bool, size: int) -> list[np.ndarray]:
    """Draw the modalities of a sample.

    Args:
        sample: The sample.
        modalities: Keys of :data:`TILES`; None for all that the sample has.
        skeleton: Whether to draw the joints on the first tile.
        size: Least side of the first tile in px, if joints are drawn on it.

    Returns:
        BGR images, uint8, shape (H, W, 3) each.

    Raises:
        ValueError: If the sample lacks one of them, or the joints.
    """
    present = [name for name, (key, _) in TILES.items() if sample.get(key) is not None]
    missing = set(modalities or present) - set(present)
    if missing or not present:
        raise ValueError(
            f'the samples have {present}, not {sorted(missing)}; --raw shows all modalities of the data set'
        )
    tiles = [TILES[name][1](sample[TILES[name][0]]) for name in modalities or present]
    if skeleton:
        if sample.get('keypoints') is None:
            raise ValueError('the samples have no 2D joints: leave --skeleton out')
        keypoints, valid = sample['keypoints'][0], sample.get('keypoints_valid')
        if valid is not None:
            keypoints = np.where(valid[0, :, None] > 0, keypoints, np.nan)
        tiles[0] = draw_skeleton(tiles[0], keypoints, min_size=size)
    return tiles
