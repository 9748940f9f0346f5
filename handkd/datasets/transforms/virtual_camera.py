"""Virtual camera that looks at the hand: crops off the optical axis without perspective distortion."""

from __future__ import annotations

import cv2
import numpy as np

from handkd.geometry.virtual_camera import look_up, points_per_pixel, turn_picture, turn_points, virtual_camera
from handkd.registry import TRANSFORMS

from .batch import BatchTransform, SampleBatch, empty_arrays
from .sample import PICTURE_KEYS, PIXEL_KEYS, sample_name

_CORNERS = np.array([[0, 1], [2, 1], [0, 3], [2, 3]])
"""Columns of x and y of each corner in a box (x1, y1, x2, y2)."""
_NO_LENS = np.zeros(5)


@TRANSFORMS.register_module()
class VirtualCamera(BatchTransform):
    """Cuts the chosen crop in the view of a camera that looks at its centre: WarpCrop without perspective distortion.

    The camera is rotated by the smallest rotation R_corr that puts the ray through the crop's centre on the optical
    axis, and by the crop's in-plane rotation R_z: R' = R_z R_corr R, T' = R_z R_corr T, x_cam' = R_z R_corr x_cam
    (``perspectiveCorrection`` and ``rotation_augmentation`` of Rhodin et al., "Unsupervised Geometry-Aware
    Representation Learning for 3D Human Pose Estimation", ECCV 2018). So two views i and j of a hand, its root in the
    origin, are P_j = R_j' R_i'^T P_i, whatever their crops and rotations. Its pixels are square, without skew, its
    principal point is the middle of the result and it has no lens distortion, unlike the old camera. A cube that
    HandCrop puts around a joint fills the result, at any position in the image: at an angle t from the old axis the
    focal length is size / side sqrt(fx fy) / cos(t), which is size / edge times the distance.

    Image, ``background``, mask and parts, joints, box and ``camera`` are transformed together, as in
    :func:`~handkd.datasets.transforms.warp_sample`. This is not an affine map of pixels: ``warp_matrix`` is
    removed, and transforms that need it must come before.

    Args:
        size (int): Side of the result in px. Defaults to 128.
        border (int): Value of pixels outside the old camera's view. Defaults to 0.

    Raises:
        ValueError: If the size is not a positive whole number.
    """

    cache_effect = 'fixed'

    def __init__(self, size: int = 128, border: int = 0) -> None:
        if not isinstance(size, int) or size < 1:
            raise ValueError(f'VirtualCamera: size must be positive whole px, found {size!r}')
        self.size, self.border = size, border

    def transform_batch(self, batch: SampleBatch, draws: np.ndarray) -> None:
        """Apply and remove ``crop``: images become (size, size), px; joints move to the new camera's frame, mm.

        Raises:
            ValueError: If no crop was chosen before, there is no camera, the crop is mirrored, or the sample has
                depth, which would have to be measured along another axis; names the sample.
        """
        batch.require(self, 'crop', 'camera')
        crop, old = batch['crop'], batch['camera']
        if np.any(crop['flip']):
            mirrored = batch.sample(int(np.argmax(np.any(crop['flip'], -1))))
            raise ValueError(
                f'{sample_name(mirrored)}: VirtualCamera rotates a camera and cannot mirror; remove RandomHandFlip'
            )
        if 'depth' in batch:
            raise ValueError(
                f'{sample_name(batch.sample(0))}: VirtualCamera does not support depth; load rgb alone (modalities)'
            )
        del batch['crop']
        new, move = virtual_camera(crop['center'], crop['side'], crop['rotation'], old, self.size)
        self._turn_pixels(batch, move, old, new)
        for key in ('keypoints', 'keypoints_native'):
            if key in batch:
                batch[key] = turn_points(batch[key], move, old, new).astype(batch[key].dtype)
        for key in ('keypoints_cam', 'keypoints_cam_native', 'hand_center'):
            if key in batch:
                batch[key] = (batch[key] @ np.swapaxes(move, 1, 2)).astype(batch[key].dtype)
        if 'bbox' in batch:
            corners = turn_points(batch['bbox'][:, _CORNERS], move, old, new)
            batch['bbox'] = np.concatenate([corners.min(1), corners.max(1)], 1).astype(np.float32)
        batch['camera'], batch['img_shape'] = new, [(self.size, self.size)] * batch.size
        batch.pop('warp_matrix', None)

    def _turn_pixels(self, batch: SampleBatch, move: np.ndarray, old: dict, new: dict) -> None:
        """Resample the images in the new cameras' views."""
        keys = [key for key in PIXEL_KEYS if key in batch]
        if not keys:
            return
        shape = (batch.size, self.size, self.size)
        seen = empty_arrays({key: ((*shape, *batch[key][0].shape[2:]), batch[key][0].dtype) for key in keys})
        rays = np.swapaxes(move, 1, 2) @ np.linalg.inv(new['K'])
        for i, fine in enumerate(points_per_pixel(move, old, new, self.size)):
            lens = np.asarray(old['K'][i], np.float64), np.asarray(old['dist'][i] if 'dist' in old else _NO_LENS, float)
            # A pixel is the mean of n x n points; n = 1 is its centre.
            maps = look_up(self.size, fine, rays[i], *lens)
            fixed = cv2.convertMaps(*maps, cv2.CV_16SC2)  # once for all pictures
            for key in keys:
                pixels, out = np.asarray(batch[key][i]), seen[key][i]
                if key in PICTURE_KEYS:
                    turn_picture(pixels, fixed, fine, self.border, out)
                else:
                    middles = maps if fine == 1 else look_up(self.size, 1, rays[i], *lens)
                    plane = pixels.view(np.uint8) if pixels.dtype == bool else pixels
                    out[...] = cv2.remap(plane, *middles, cv2.INTER_NEAREST)
        batch.update(seen)
