"""Pictures of what a sample holds besides colour: depth, masks, parts, and activation maps over the image."""

from __future__ import annotations

import colorsys

import cv2
import numpy as np

from handkd.hand import NUM_PARTS, PALM_PARTS, PART_UNKNOWN

from .skeleton import joint_color


def depth_picture(depth: np.ndarray) -> np.ndarray:
    """Show depth as brightness: near is bright, far is dark, no reading is black.

    Args:
        depth: Shape (H, W): mm with 0 for no reading, or the network's range from -1 to 1, where 1 is the background.

    Returns:
        BGR, uint8, shape (H, W, 3).
    """
    depth = np.asarray(depth, np.float32)
    depth = np.nan_to_num(depth)
    shown = depth < 1 if depth.max() <= 1 else depth > 0
    shown &= bool(depth.any())
    grey = np.zeros(depth.shape, np.uint8)
    if shown.any():
        near, far = np.percentile(depth[shown], (0.5, 99.5))
        grey[shown] = 255 - 190 * np.clip((depth[shown] - near) / max(far - near, 1e-6), 0, 1)
    return cv2.cvtColor(grey, cv2.COLOR_GRAY2BGR)


def part_picture(part_seg: np.ndarray) -> np.ndarray:
    """Show part labels in the fingers' colours, paler towards the tip; palm grey, background black, unknown white.

    Args:
        part_seg: uint8, shape (H, W): 0 background, 1..20 parts, 255 unknown.

    Returns:
        BGR, uint8, shape (H, W, 3).
    """
    table = np.zeros((256, 3), np.uint8)
    for part in range(1, NUM_PARTS + 1):
        hue, light, saturation = colorsys.rgb_to_hls(*(channel / 255 for channel in joint_color(part)))
        if part in PALM_PARTS:
            saturation *= 0.35
        table[part] = np.multiply(colorsys.hls_to_rgb(hue, light + 0.1 * ((part - 1) % 4 - 1), saturation), 255)
    table[PART_UNKNOWN] = 255
    return table[part_seg]


def activation_map(features: np.ndarray) -> np.ndarray:
    """Reduce a feature map to where it is active: the maximum over the channels, stretched to 0..1.

    Args:
        features: Shape (C, H, W).

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
    """Lay an activation map over its image.

    Args:
        image: BGR, uint8, shape (H, W, 3).
        activation: 0..1, shape (h, w), covering the same field of view; it is enlarged smoothly.
        opacity: Of the map, from 0 to 1.

    Returns:
        BGR, uint8, shape (H, W, 3).
    """
    height, width = image.shape[:2]
    smooth = cv2.resize(np.asarray(activation, np.float32), (width, height), interpolation=cv2.INTER_CUBIC)
    heat = cv2.applyColorMap((np.clip(smooth, 0, 1) * 255).astype(np.uint8), cv2.COLORMAP_TURBO)
    return cv2.addWeighted(image, 1 - opacity, heat, opacity, 0)
