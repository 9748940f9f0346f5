"""Virtual camera that looks at the hand: crops off the optical axis without perspective distortion."""

from __future__ import annotations

from math import ceil

import cv2
import numpy as np

from handkd.compiling import njit
from handkd.geometry import project, rotation_2d, unproject
from handkd.registry import TRANSFORMS

from .batch import BatchTransform, SampleBatch, empty_arrays
from .sample import PICTURE_KEYS, PIXEL_KEYS, sample_name
from .warping import MAX_SUPERSAMPLING, STEP

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
        move = turn_onto(crop['center'], crop['rotation'], old)
        new = {key: value for key, value in old.items() if key != 'dist'}
        focal = np.sqrt(old['K'][:, 0, 0] * old['K'][:, 1, 1])
        new['K'] = np.zeros((batch.size, 3, 3))
        new['K'][:, 0, 0] = new['K'][:, 1, 1] = self.size / crop['side'] * focal / move[:, 2, 2]
        new['K'][:, :2, 2] = (self.size - 1) / 2
        new['K'][:, 2, 2] = 1
        if 'R' in old:
            new['R'] = move @ old['R']
            new['T'] = (move @ np.asarray(old['T'], np.float64)[..., None])[..., 0]
        self._turn_pixels(batch, move, old, new)
        for key in ('keypoints', 'keypoints_native'):
            if key in batch:
                batch[key] = _turn_points(batch[key], move, old, new).astype(batch[key].dtype)
        for key in ('keypoints_cam', 'keypoints_cam_native', 'hand_center'):
            if key in batch:
                batch[key] = (batch[key] @ np.swapaxes(move, 1, 2)).astype(batch[key].dtype)
        if 'bbox' in batch:
            corners = _turn_points(batch['bbox'][:, _CORNERS], move, old, new)
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
        for i, fine in enumerate(self._fineness(move, old, new)):
            lens = np.asarray(old['K'][i], np.float64), np.asarray(old['dist'][i] if 'dist' in old else _NO_LENS, float)
            # A pixel is the mean of n x n points; n = 1 is its centre.
            maps = look_up(self.size, fine, rays[i], *lens)
            fixed = cv2.convertMaps(*maps, cv2.CV_16SC2)  # once for all pictures
            for key in keys:
                pixels, out = np.asarray(batch[key][i]), seen[key][i]
                if key in PICTURE_KEYS:
                    points = out if fine == 1 else np.empty((*maps[0].shape, 3), np.uint8)
                    edge = (self.border,) * 3
                    cv2.remap(pixels, *fixed, cv2.INTER_LINEAR, dst=points, borderValue=edge)
                    if fine > 1:
                        cv2.resize(points, (self.size,) * 2, dst=out, interpolation=cv2.INTER_AREA)
                else:
                    middles = maps if fine == 1 else look_up(self.size, 1, rays[i], *lens)
                    plane = pixels.view(np.uint8) if pixels.dtype == bool else pixels
                    out[...] = cv2.remap(plane, *middles, cv2.INTER_NEAREST)
        batch.update(seen)

    def _fineness(self, move: np.ndarray, old: dict, new: dict) -> list[int]:
        """Number of points of the old image, along x and along y, that each new pixel averages."""
        steps = np.linspace(0, self.size - 1, 3)
        grid = np.broadcast_to(np.stack(np.meshgrid(steps, steps), -1).reshape(9, 2), (len(move), 9, 2))
        probe = _turn_points(grid, np.swapaxes(move, 1, 2), new, old).reshape(-1, 3, 3, 2)
        reach = np.linalg.norm(np.diff(probe, axis=1), axis=-1).max((1, 2)) / max(steps[1], 1)
        return [min(max(ceil(length / STEP - 1e-9), 1), MAX_SUPERSAMPLING) for length in reach.tolist()]


def turn_onto(pixel: np.ndarray, rotation: float | np.ndarray, camera: dict) -> np.ndarray:
    """Return the rotation of a camera's axes after which its optical axis goes through a pixel.

    Args:
        pixel: The pixel (2,), px; for several cameras (N, 2).
        rotation: Clockwise in-plane rotation of the image, in degrees; for several cameras (N,).
        camera: The camera, or several with all their arrays of shape (N, ...).

    Returns:
        R_z R_corr, shape (..., 3, 3), float64: x_cam' = R_z R_corr x_cam. R_corr is the smallest rotation.
    """
    pixel = np.asarray(pixel, np.float64)[..., None, :]
    ray = unproject(pixel, np.ones(pixel.shape[:-1]), camera)[..., 0, :]
    x, y, z = np.moveaxis(ray / np.linalg.norm(ray, axis=-1, keepdims=True), -1, 0)
    # Rodrigues' formula for the rotation that takes (x, y, z) to (0, 0, 1), with 1 / (1 + cos) for (1 - cos) / sin^2.
    cross, turn = np.zeros((*z.shape, 3, 3)), np.zeros((*z.shape, 3, 3))
    cross[..., 0, 2], cross[..., 1, 2], cross[..., 2, 0], cross[..., 2, 1] = -x, -y, x, y
    matrix = np.eye(3) + cross + cross @ cross / (1 + z)[..., None, None]
    turn[..., :2, :2] = rotation_2d(rotation)
    turn[..., 2, 2] = 1
    return turn @ matrix


def _turn_points(pixels: np.ndarray, move: np.ndarray, old: dict, new: dict) -> np.ndarray:
    """Pixels (N, M, 2) of the old cameras in the new ones."""
    rays = unproject(pixels, np.ones(pixels.shape[:-1]), old)
    return project(rays @ np.swapaxes(move, 1, 2), new)


@njit(cache=True, nogil=True, error_model='numpy')
def look_up(
    size: int, fine: int, rays: np.ndarray, intrinsics: np.ndarray, dist: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the positions in an image of the pixels of another camera at the same place.

    Args:
        size: Side of the other camera's image in px.
        fine: Points per pixel along x and along y.
        rays: Homogeneous pixels of the other camera -> rays in the image's camera, shape (3, 3), float64.
        intrinsics: K of the image's camera, shape (3, 3), float64.
        dist: Its distortion, shape (5,), float64; 0 for none, and then the map is the homography K rays.

    Returns:
        Columns and rows, shape (size * fine, size * fine), float32, px, as by :func:`handkd.geometry.project`.
    """
    k1, k2, p1, p2, k3 = dist[0], dist[1], dist[2], dist[3], dist[4]
    bent = k1 != 0 or k2 != 0 or p1 != 0 or p2 != 0 or k3 != 0
    columns = np.empty((size * fine, size * fine), np.float32)
    rows = np.empty_like(columns)
    for i in range(size * fine):
        v = (i + 0.5) / fine - 0.5
        for j in range(size * fine):
            u = (j + 0.5) / fine - 0.5
            z = rays[2, 0] * u + rays[2, 1] * v + rays[2, 2]
            x = (rays[0, 0] * u + rays[0, 1] * v + rays[0, 2]) / z
            y = (rays[1, 0] * u + rays[1, 1] * v + rays[1, 2]) / z
            if bent:
                r2 = x * x + y * y
                factor = 1 + r2 * (k1 + r2 * (k2 + r2 * k3)) + 2 * (p2 * x + p1 * y)
                x, y = x * factor + r2 * p2, y * factor + r2 * p1
            columns[i, j] = intrinsics[0, 0] * x + intrinsics[0, 1] * y + intrinsics[0, 2]
            rows[i, j] = intrinsics[1, 0] * x + intrinsics[1, 1] * y + intrinsics[1, 2]
    return columns, rows
