"""Affine warping of a sample: all modalities, the joints and the camera together."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from mmcv.transforms import BaseTransform

from handkd.geometry import affine_camera, crop_matrix, flip_matrix, resize_matrix, split_affine
from handkd.geometry.resampling import warp_planes
from handkd.geometry.warping import warp_image
from handkd.hand import other_side
from handkd.registry import TRANSFORMS

from .batch import BatchTransform, SampleBatch, empty_arrays
from .sample import PICTURE_KEYS, PIXEL_KEYS, any_pixels, sample_name

_DIRECTIONS = {(False, False): 'none', (True, False): 'horizontal', (False, True): 'vertical', (True, True): 'diagonal'}
"""Whether a sample is mirrored horizontally and vertically -> the name of that, MMPose's if there is one."""


def warp_sample(results: dict, matrix: np.ndarray, size: tuple[int, int], border: int = 0) -> dict:
    """Warp a sample by an affine map of its pixels: u' = A u.

    The image and its ``background`` are interpolated bilinearly, and averaged over the area of each new pixel if
    they shrink to less than two thirds; ``depth``, ``hand_mask`` and ``part_seg`` take the nearest pixel, since a mean
    of two surfaces or labels is meaningless. ``keypoints``, ``bbox``, ``camera`` and ``keypoints_cam`` (and a data
    set's own joints, ``keypoints_native`` and ``keypoints_cam_native``, and a found ``hand_center``) are transformed
    (:func:`handkd.geometry.affine_camera`; without a camera square pixels are assumed), so that the joints still
    project to their pixels. A mirroring map swaps ``hand_side``. ``warp_matrix`` (3, 3) maps pixels of the
    original image to the present ones.

    Args:
        results: The sample. The dict is changed; arrays in it are replaced and never written to.
        matrix: A, shape (3, 3), last row (0, 0, 1); pixel centres at whole numbers.
        size: (width, height) of the result, px.
        border: Value of the image outside the old one, 0 to 255. Depth there is 0, the mask False, the part 0.

    Returns:
        ``results``.

    Raises:
        ValueError: If the map is singular, or depth is already relative to a cube (DepthToCube).
    """
    batch = SampleBatch.of([results])
    warp_batch(batch, np.asarray(matrix, np.float64)[None], size, border)
    results.update(batch.sample(0))
    return results


def warp_batch(batch: SampleBatch, matrices: np.ndarray, size: tuple[int, int], border: int = 0) -> None:
    """Warp each sample of a batch by its own map, all to one size; see :func:`warp_sample`.

    Args:
        batch: The samples.
        matrices: Pixels of each image -> pixels of its result, shape (N, 3, 3).
        size: (width, height) of the results, px.
        border: Value of the images outside the old ones.
    """
    if 'depth_cube' in batch:
        raise ValueError(f'{sample_name(batch.sample(0))}: put DepthToCube after all transforms that warp pixels')
    linear = matrices[:, :2, :2]
    if 'camera' in batch:
        batch['camera'], move = affine_camera(batch['camera'], matrices)
    else:
        move = np.zeros((batch.size, 3, 3))
        move[:, :2, :2] = split_affine(linear)[1]
        move[:, 2, 2] = 1
    _warp_pixels(batch, matrices, size, border)
    turn, slope, offset = np.swapaxes(move, 1, 2), np.swapaxes(linear, 1, 2), matrices[:, None, :2, 2]
    for key in ('keypoints', 'keypoints_native'):
        if key in batch:
            batch[key] = (batch[key] @ slope + offset).astype(batch[key].dtype)
    for key in ('keypoints_cam', 'keypoints_cam_native', 'hand_center'):
        if key in batch:
            batch[key] = (batch[key] @ turn).astype(batch[key].dtype)
    if 'bbox' in batch:
        batch['bbox'] = _move_boxes(batch['bbox'], matrices)
    if 'hand_side' in batch:
        mirrored = np.linalg.det(linear) < 0
        batch['hand_side'] = [other_side(side) if m else side for side, m in zip(batch['hand_side'], mirrored)]
    batch['img_shape'] = [(size[1], size[0])] * batch.size
    batch['warp_matrix'] = matrices @ batch['warp_matrix'] if 'warp_matrix' in batch else matrices


def _move_boxes(boxes: np.ndarray, matrices: np.ndarray) -> np.ndarray:
    """Return the axis-aligned boxes around warped ones, shape (N, 4), from their centres and half sides."""
    low, high, linear = boxes[:, :2], boxes[:, 2:], matrices[:, :2, :2]
    center = (linear @ ((low + high) / 2)[..., None])[..., 0] + matrices[:, :2, 2]
    half = (np.abs(linear) @ ((high - low) / 2)[..., None])[..., 0]
    return np.concatenate([center - half, center + half], 1).astype(np.float32)


def _warp_pixels(batch: SampleBatch, matrices: np.ndarray, size: tuple[int, int], border: int) -> None:
    """Resample the images of a batch."""
    keys = [key for key in PIXEL_KEYS if key in batch]
    if not keys:
        return
    inverses = np.linalg.inv(matrices)
    shape = (batch.size, size[1], size[0])
    moved = empty_arrays({key: ((*shape, *batch[key][0].shape[2:]), batch[key][0].dtype) for key in keys})
    for i, inverse in enumerate(inverses):
        by_shape: dict[tuple[int, int], list[str]] = {}
        for key in keys:
            if key in PICTURE_KEYS:
                warp_image(batch[key][i], inverse, border, moved[key][i])
            else:
                by_shape.setdefault(batch[key][i].shape, []).append(key)
        for group in by_shape.values():
            warp_planes([batch[key][i] for key in group], inverse, [moved[key][i] for key in group])
    batch.update(moved)


def _check_size(transform: object, size: int | Sequence[int]) -> tuple[int, int]:
    """Return a size as (width, height)."""
    pair = tuple(size) if isinstance(size, (list, tuple)) else (size, size)
    if len(pair) != 2 or not all(isinstance(edge, int) and edge > 0 for edge in pair):
        raise ValueError(f'{type(transform).__name__}: size must be positive whole px, found {size!r}')
    return pair


def _refuse_pending_crop(transform: object, results: dict) -> None:
    """Raise a ValueError if a crop was chosen before this transform, but not cut yet."""
    if 'crop' in results:
        raise ValueError(f'{type(transform).__name__}: put it before HandCrop or after WarpCrop')


@TRANSFORMS.register_module()
class WarpCrop(BatchTransform):
    """Cuts the chosen crop and resizes it to the network's size: one resampling for crop, noise and flip together.

    Args:
        size (int): Side of the result in px. Defaults to 64.
        border (int): Value of the image outside the original; 128 is the mid-grey of Zimmermann and Brox.
            Defaults to 0.
    """

    cache_effect = 'fixed'

    def __init__(self, size: int = 64, border: int = 0) -> None:
        self.size = _check_size(self, size)
        if self.size[0] != self.size[1]:
            raise ValueError(f'WarpCrop cuts squares; size must be one whole number, found {size!r}')
        self.border = border

    def transform_batch(self, batch: SampleBatch, draws: np.ndarray) -> None:
        """Apply and remove ``crop``: images become (size, size), px; joints follow, in px and mm of the camera.

        Raises:
            ValueError: If no crop was chosen before.
        """
        batch.require(self, 'crop')
        warp_batch(batch, crop_matrix(size=self.size[0], **batch.pop('crop')), self.size, self.border)


@TRANSFORMS.register_module()
class HandResize(BaseTransform):
    """Resizes the whole image.

    Args:
        size (int | Sequence[int]): Side of a square result, or (width, height), in px.
    """

    cache_effect = 'fixed'

    def __init__(self, size: int | Sequence[int]) -> None:
        self.size = _check_size(self, size)

    def transform(self, results: dict) -> dict:
        """Resize every modality of a sample.

        Raises:
            ValueError: If a chosen crop is not cut yet.
        """
        _refuse_pending_crop(self, results)
        height, width = results[any_pixels(results, self)].shape[:2]
        return warp_sample(results, resize_matrix((width, height), self.size), self.size)


@TRANSFORMS.register_module()
class RandomHandFlip(BatchTransform):
    """Mirrors a sample horizontally and vertically, each with its own probability.

    A mirrored hand changes its side. ``flip`` of the sample is whether it was mirrored, and ``flip_direction`` how:
    'horizontal', 'vertical', 'diagonal' for both, or 'none'. Between HandCrop and WarpCrop it costs nothing: the flip
    becomes part of the crop.

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

    num_draws = 2

    @property
    def cache_effect(self) -> str:
        """Effect on the input of a teacher (:mod:`~.replay`): none if it never mirrors."""
        return 'flip' if any(self.probabilities) else 'fixed'

    def flip_outcomes(self) -> dict[str, dict]:
        """Return the possible mirrorings by name, 'none' among them, each with the settings that force it."""
        wide, high = ([False] * (p < 1) + [True] * (p > 0) for p in self.probabilities)
        pairs = [(horizontal, vertical) for vertical in high for horizontal in wide]
        names = ('horizontal', 'vertical')
        return {_DIRECTIONS[pair]: dict(zip(names, map(float, pair))) for pair in pairs}

    def transform_batch(self, batch: SampleBatch, draws: np.ndarray) -> None:
        """Mirror the samples, images (H, W) with joints in px and mm of the camera, or their crops."""
        mirrored = draws < self.probabilities
        batch['flip'] = [bool(flips.any()) for flips in mirrored]
        batch['flip_direction'] = [_DIRECTIONS[horizontal, vertical] for horizontal, vertical in mirrored.tolist()]
        if 'crop' in batch:
            batch['crop'] = dict(batch['crop'], flip=batch['crop']['flip'] != mirrored)
        elif any(self.probabilities):
            samples = batch.samples()
            for sample, (horizontal, vertical) in zip(samples, mirrored.tolist()):
                height, width = sample[any_pixels(sample, self)].shape[:2]
                # Also without mirroring: all samples of a batch must keep the same keys.
                warp_sample(sample, flip_matrix((width, height), horizontal, vertical), (width, height))
            batch.replace(samples)
