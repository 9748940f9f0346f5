"""Position in an image of a hand of known shape, which a network for relative 3D joints does not determine."""

from __future__ import annotations

import numpy as np

from handkd.geometry import project

_STEPS = 200


def place_in_box(joints: np.ndarray, center: np.ndarray, extent: float, camera: np.ndarray | None = None) -> np.ndarray:
    """Place a hand of known shape in an image, so that the tight box of its joints has a given centre and size.

    Args:
        joints: Joints up to their position, shape (21, 3), any unit, camera axes.
        center: Centre of the box in px of the image, shape (2,).
        extent: Longer side of the box in px of the image.
        camera: Intrinsics K, shape (3, 3), px, for perspective: the hand's distance follows from its size. Defaults
            to None: weak perspective, without foreshortening.

    Returns:
        The joints in px of the image, shape (21, 2).

    Raises:
        ValueError: If the joints coincide, or if no distance from this camera gives that box.
    """
    if camera is not None:
        return project(place_in_space(joints, center, extent, camera), {'K': np.asarray(camera, np.float64)})
    joints = np.asarray(joints, np.float64)
    size = _size(joints)
    middle = (joints[:, :2].min(0) + joints[:, :2].max(0)) / 2
    return (joints[:, :2] - middle) * (extent / size) + center


def place_in_space(joints: np.ndarray, center: np.ndarray, extent: float, camera: np.ndarray) -> np.ndarray:
    """Place a hand of known shape in front of a camera, so that its joints' tight box has a given centre and size.

    Args:
        joints: Joints up to their position, shape (21, 3), any unit, camera axes.
        center: Centre of the box in px, shape (2,).
        extent: Longer side of the box in px.
        camera: Intrinsics K, shape (3, 3).

    Returns:
        The joints in the camera frame, shape (21, 3), in the unit of ``joints``.

    Raises:
        ValueError: If the joints coincide, or if no distance from this camera gives that box.
    """
    joints = np.asarray(joints, np.float64)
    size = _size(joints)
    intrinsics = np.asarray(camera, np.float64)
    inverse = np.linalg.inv(intrinsics)
    shape = joints - joints.mean(0)
    nearest = -shape[:, 2].min() + 0.05 * np.ptp(shape, axis=0).max()
    distance = max(nearest, intrinsics[0, 0] * size / extent)
    aim = np.array(center, np.float64)  # pixel that the hand's centroid is put on
    for _ in range(_STEPS):
        placed = shape + distance * (inverse @ (*aim, 1.0))
        pixels = project(placed, {'K': intrinsics})
        low, high = pixels.min(0), pixels.max(0)
        ratio, offset = (high - low).max() / extent, center - (low + high) / 2
        if abs(ratio - 1) < 1e-6 and np.abs(offset).max() < 1e-4 * extent:
            return placed
        distance, aim = max(nearest, distance * ratio), aim + offset
    raise ValueError(
        f'camera: no distance gives this hand a box of {extent:.0f} px at {np.round(center).tolist()}: check K '
        '(in px of this image) and the box'
    )


def _size(joints: np.ndarray) -> float:
    """Return the longer side of the joints' box perpendicular to the optical axis."""
    size = np.ptp(joints[:, :2], axis=0).max()
    if not size > 0:
        raise ValueError('the predicted joints all coincide: the network is not trained, use other weights')
    return float(size)
