"""Moving pixels: every modality, the joints and the camera together, through one function."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil

import cv2
import numpy as np
from mmcv.transforms import BaseTransform

from handkd.geometry import affine_camera, crop_matrix, flip_matrix, resize_matrix, split_affine
from handkd.hand import other_side
from handkd.registry import TRANSFORMS

from .resampling import warp_picture, warp_planes
from .sample import PIXEL_KEYS, any_pixels, require, sample_name

_STEP = 1.5
"""Farthest that neighbouring samples of the old image may lie apart, in its pixels, before it is averaged over."""
_MAX_SUPERSAMPLING = 8
"""Finest grid inside one pixel; beyond it, some aliasing costs less than the time."""


def warp_sample(results: dict, matrix: np.ndarray, size: tuple[int, int], border: int = 0) -> dict:
    """Move a sample by an affine map of its pixels: u' = A u.

    The image is interpolated bilinearly, and averaged over the area of each new pixel where it shrinks to less than two
    thirds; ``depth``, ``hand_mask`` and ``part_seg`` take the nearest pixel, since no mean of two surfaces or labels
    means anything. ``keypoints``, ``bbox``, ``camera`` and ``keypoints_cam`` (and a data set's own joints,
    ``keypoints_native`` and ``keypoints_cam_native``) follow
    (:func:`handkd.geometry.affine_camera`; without a camera square pixels are assumed), so that projecting the joints
    gives their pixels as before. A mirroring map swaps ``hand_side``. ``warp_matrix`` (3, 3) takes pixels of the
    original image to the present ones.

    Args:
        results: The sample. The dict is changed; arrays in it are replaced and never written to.
        matrix: A, shape (3, 3), last row (0, 0, 1); pixel centres at whole numbers.
        size: (width, height) of the result.
        border: Value of the image outside of the old one, 0 to 255. Depth there is 0, the mask False, the part 0.

    Returns:
        ``results``.

    Raises:
        ValueError: If the map is singular, or depth is already relative to a cube (DepthToCube).
    """
    if 'depth_cube' in results:
        raise ValueError(f'{sample_name(results)}: put DepthToCube behind all transforms that move pixels')
    if results.get('camera') is not None:
        results['camera'], move = affine_camera(results['camera'], matrix)
    else:
        move = np.eye(3)
        move[:2, :2] = split_affine(matrix[:2, :2])[1]
    _warp_pixels(results, matrix, size, border)
    linear, offset, turn = matrix[:2, :2].T, matrix[:2, 2], move.T
    for key in ('keypoints', 'keypoints_native'):
        if results.get(key) is not None:
            keypoints = results[key]
            results[key] = (keypoints @ linear + offset).astype(keypoints.dtype)
    if results.get('bbox') is not None:
        results['bbox'] = _move_box(results['bbox'][0], matrix)
    for key in ('keypoints_cam', 'keypoints_cam_native'):
        if results.get(key) is not None:
            joints = results[key]
            results[key] = (joints @ turn).astype(joints.dtype)
    if results.get('hand_side') is not None and matrix[0, 0] * matrix[1, 1] < matrix[0, 1] * matrix[1, 0]:
        results['hand_side'] = other_side(results['hand_side'])
    results['img_shape'] = (size[1], size[0])
    results['warp_matrix'] = matrix @ results['warp_matrix'] if 'warp_matrix' in results else matrix
    return results


def _move_box(box: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """Return the upright box around a moved one, shape (1, 4); its centre and half its sides move by themselves."""
    x1, y1, x2, y2 = box.tolist()
    (a, b, x), (c, d, y), _ = matrix.tolist()
    u, v, w, h = (x1 + x2) / 2, (y1 + y2) / 2, (x2 - x1) / 2, (y2 - y1) / 2
    u, v, w, h = a * u + b * v + x, c * u + d * v + y, abs(a) * w + abs(b) * h, abs(c) * w + abs(d) * h
    return np.array([[u - w, v - h, u + w, v + h]], np.float32)


def _warp_pixels(results: dict, matrix: np.ndarray, size: tuple[int, int], border: int) -> None:
    """Resample the images of a sample."""
    inverse = _invert(matrix)
    if results.get('img') is not None:
        results['img'] = _warp_image(results['img'], inverse, size, border)
    by_shape: dict[tuple[int, int], dict[str, np.ndarray]] = {}
    for key in PIXEL_KEYS[1:]:
        if results.get(key) is not None:
            by_shape.setdefault(results[key].shape, {})[key] = results[key]
    for planes in by_shape.values():
        results.update(warp_planes(planes, inverse, size))


def _invert(matrix: np.ndarray) -> np.ndarray:
    """Return the inverse of an affine map; np.linalg.inv takes four times as long."""
    (a, b, x), (c, d, y), _ = matrix.tolist()
    det = a * d - b * c
    return np.array([[d, -b, b * y - d * x], [-c, a, c * x - a * y], [0.0, 0.0, det]]) / det


def _warp_image(image: np.ndarray, inverse: np.ndarray, size: tuple[int, int], border: int) -> np.ndarray:
    """Interpolate bilinearly; where the image shrinks, at n x n points a pixel that are then averaged."""
    shrink = abs(inverse[0, 0] * inverse[1, 1] - inverse[0, 1] * inverse[1, 0]) ** 0.5
    n = min(ceil(shrink / _STEP - 1e-9), _MAX_SUPERSAMPLING)
    if n == 1:
        return warp_picture(image, inverse, size, border)
    fine = (size[0] * n, size[1] * n)
    warped = warp_picture(image, inverse @ resize_matrix(fine, size), fine, border)
    return cv2.resize(warped, size, interpolation=cv2.INTER_AREA)


def _check_size(transform: object, size: int | Sequence[int]) -> tuple[int, int]:
    """Return a size as (width, height)."""
    pair = tuple(size) if isinstance(size, (list, tuple)) else (size, size)
    if len(pair) != 2 or not all(isinstance(edge, int) and edge > 0 for edge in pair):
        raise ValueError(f'{type(transform).__name__}: size must be positive whole px, found {size!r}')
    return pair


def _refuse_pending_crop(transform: object, results: dict) -> None:
    """Raise if a crop was chosen for the image as it is before this transform."""
    if 'crop' in results:
        raise ValueError(f'{type(transform).__name__}: put it before HandCrop or behind WarpCrop')


@TRANSFORMS.register_module()
class WarpCrop(BaseTransform):
    """Cuts the chosen crop out and brings it to the network's size: one resampling for crop, noise and flip together.

    Args:
        size (int): Side of the result in px. Defaults to 64.
        border (int): Value of the image where the crop reaches beyond it; 128 is the mid-grey that Zimmermann and Brox
            have there. Defaults to 0.
    """

    def __init__(self, size: int = 64, border: int = 0) -> None:
        self.size = _check_size(self, size)
        if self.size[0] != self.size[1]:
            raise ValueError(f'WarpCrop cuts squares; size must be one whole number, found {size!r}')
        self.border = border

    def transform(self, results: dict) -> dict:
        """Apply and remove ``crop``.

        Raises:
            ValueError: If no crop was chosen before.
        """
        require(results, self, 'crop')
        return warp_sample(results, crop_matrix(size=self.size[0], **results.pop('crop')), self.size, self.border)


@TRANSFORMS.register_module()
class HandResize(BaseTransform):
    """Resizes the whole image.

    Args:
        size (int | Sequence[int]): Side of a square result, or (width, height), in px.
    """

    def __init__(self, size: int | Sequence[int]) -> None:
        self.size = _check_size(self, size)

    def transform(self, results: dict) -> dict:
        """Resize every modality of a sample.

        Raises:
            ValueError: If a crop is still to be cut.
        """
        _refuse_pending_crop(self, results)
        height, width = results[any_pixels(results, self)].shape[:2]
        return warp_sample(results, resize_matrix((width, height), self.size), self.size)


@TRANSFORMS.register_module()
class RandomHandFlip(BaseTransform):
    """Mirrors a sample horizontally and vertically, each with its own probability.

    A mirrored hand is one of the other side. Between HandCrop and WarpCrop it costs nothing: the flip becomes part of
    the crop.

    Args:
        horizontal (float): Probability of u' = W - 1 - u. Defaults to 0.0.
        vertical (float): Probability of v' = H - 1 - v. Defaults to 0.0.

    Raises:
        ValueError: If a probability is not within [0, 1].
    """

    def __init__(self, horizontal: float = 0.0, vertical: float = 0.0) -> None:
        if not (0 <= horizontal <= 1 and 0 <= vertical <= 1):
            raise ValueError(f'RandomHandFlip: probabilities must lie in [0, 1], found {horizontal!r} and {vertical!r}')
        self.probabilities = (horizontal, vertical)

    def transform(self, results: dict) -> dict:
        """Mirror the sample or its crop."""
        draws = np.random.random(2)
        horizontal, vertical = (bool(draw < p) for draw, p in zip(draws, self.probabilities))
        if not (horizontal or vertical):
            return results
        if 'crop' in results:
            flipped = results['crop']['flip']
            results['crop'] = dict(results['crop'], flip=(flipped[0] != horizontal, flipped[1] != vertical))
            return results
        height, width = results[any_pixels(results, self)].shape[:2]
        return warp_sample(results, flip_matrix((width, height), horizontal, vertical), (width, height))
