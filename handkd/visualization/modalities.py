"""Images of depth maps, and of activation maps over the image."""

from __future__ import annotations

import cv2
import numpy as np


def depth_picture(depth: np.ndarray, span: tuple[float, float] | None = None) -> np.ndarray:
    """Show depth as brightness: near is bright, far is dark, no measurement is black.

    Args:
        depth: Shape (H, W): mm along the camera's axis with 0 for no measurement, or the network's range from -1 to 1,
            where 1 is the background.
        span: Depths of the brightest and darkest grey, in the unit of ``depth``; values beyond are clipped. Defaults
            to None: the nearest and the farthest depth, without 0.5 % at either end.

    Returns:
        BGR, uint8, shape (H, W, 3).
    """
    depth = np.asarray(depth, np.float32)
    depth = np.nan_to_num(depth)
    shown = depth < 1 if depth.max() <= 1 else depth > 0
    shown &= bool(depth.any())
    grey = np.zeros(depth.shape, np.uint8)
    if shown.any():
        near, far = np.percentile(depth[shown], (0.5, 99.5)) if span is None else span
        grey[shown] = 255 - 190 * np.clip((depth[shown] - near) / max(far - near, 1e-6), 0, 1)
    return cv2.cvtColor(grey, cv2.COLOR_GRAY2BGR)


def activation_map(features: np.ndarray) -> np.ndarray:
    """Activation map of a feature map: the maximum over the channels, normalised to [0, 1].

    Args:
        features: Shape (C, H, W), any unit, a feature map of the crop.

    Returns:
        float32, shape (H, W); zeros where the features are constant.

    Raises:
        ValueError: If the features are not of that shape.
    """
    features = np.asarray(features, np.float32)
    if features.ndim != 3:
        raise ValueError(f'features must have shape (C, H, W), found {features.shape}')
    strongest = features.max(0)
    return (strongest - strongest.min()) / max(float(np.ptp(strongest)), 1e-12)


def activation_picture(image: np.ndarray, activation: np.ndarray, opacity: float = 0.55) -> np.ndarray:
    """Overlay an activation map on its image.

    Args:
        image: BGR, uint8, shape (H, W, 3).
        activation: In [0, 1], shape (h, w), of the same field of view; it is enlarged smoothly.
        opacity: Of the map, from 0 to 1.

    Returns:
        BGR, uint8, shape (H, W, 3).
    """
    height, width = image.shape[:2]
    smooth = cv2.resize(np.asarray(activation, np.float32), (width, height), interpolation=cv2.INTER_CUBIC)
    heat = cv2.applyColorMap((np.clip(smooth, 0, 1) * 255).astype(np.uint8), cv2.COLORMAP_TURBO)
    return cv2.addWeighted(image, 1 - opacity, heat, opacity, 0)
