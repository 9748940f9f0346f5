"""Augmentations of the colour image alone; depth map, labels and camera are unchanged."""

from __future__ import annotations

import cv2
import numpy as np
from mmcv.transforms import BaseTransform

from handkd.registry import TRANSFORMS

from .sample import require

_LUMA = np.array([0.114, 0.587, 0.299])
"""Weights of B, G and R in the luminance (ITU-R BT.601)."""
_GREY = np.full((3, 3), 1 / 3)
"""Projection onto the grey axis, the axis of hue rotations."""
_TURN = np.array([[0.0, -1.0, 1.0], [1.0, 0.0, -1.0], [-1.0, 1.0, 0.0]]) * 3**-0.5
"""Cross product with the grey axis: a quarter turn of its orthogonal plane."""


@TRANSFORMS.register_module()
class PhotometricJitter(BaseTransform):
    """Varies brightness, contrast, saturation and hue, blurs and adds noise; each strength is drawn uniformly.

    The four colour changes are one linear map of BGR, applied in one pass: hue rotates about the grey axis,
    saturation scales the distance to it, contrast the distance to the image's mean luminance, brightness
    all values.

    Args:
        brightness (float): The factor is drawn from 1 +- this. Defaults to 0.2.
        contrast (float): The factor is drawn from 1 +- this. Defaults to 0.2.
        saturation (float): The factor is drawn from 1 +- this. Defaults to 0.2.
        hue (float): The angle is drawn from +- this, in degrees. Defaults to 10.0.
        blur (float): Largest standard deviation of a Gaussian blur, in px. Defaults to 0.0.
        noise (float): Largest standard deviation of Gaussian pixel noise, in grey levels. Defaults to 0.0.

    Raises:
        ValueError: If a strength is negative, or a factor's range reaches below 0.
    """

    cache_effect = 'rgb'

    def __init__(
        self,
        brightness: float = 0.2,
        contrast: float = 0.2,
        saturation: float = 0.2,
        hue: float = 10.0,
        blur: float = 0.0,
        noise: float = 0.0,
    ) -> None:
        factors = dict(brightness=brightness, contrast=contrast, saturation=saturation)
        for name, strength in dict(factors, hue=hue, blur=blur, noise=noise).items():
            if strength < 0 or (name in factors and strength > 1):
                limits = '[0, 1]' if name in factors else '[0, inf)'
                raise ValueError(f'PhotometricJitter: {name} must lie in {limits}, found {strength!r}')
        self.strengths = np.array([brightness, contrast, saturation, hue, blur, noise])

    def transform(self, results: dict) -> dict:
        """Replace ``img``, (H, W, 3), uint8, BGR.

        Raises:
            ValueError: If the sample has no image.
        """
        require(results, self, 'img')
        image = results['img']
        draws = np.random.uniform(-1, 1, 6) * self.strengths
        if self.strengths[:4].any():
            image = cv2.transform(image, _colour_map(image, *draws[:4]))
        sigma = abs(draws[4])
        if sigma > 0.2:  # below, the kernel's centre weighs more than 0.999
            image = cv2.GaussianBlur(image, (0, 0), sigma)
        if self.strengths[5] > 0:
            # OpenCV's generator is five times as fast as NumPy's, which seeds it to keep the sample reproducible.
            cv2.setRNGSeed(int(np.random.randint(2**31)))
            noise = cv2.randn(np.empty(image.shape, np.int16), (0, 0, 0), (abs(draws[5]),) * 3)
            image = cv2.add(image, noise, dtype=cv2.CV_8U)
        results['img'] = image
        return results


def _colour_map(image: np.ndarray, brightness: float, contrast: float, saturation: float, hue: float) -> np.ndarray:
    """Return the affine map of BGR, shape (3, 4); all arguments are deviations from no change."""
    mean = _LUMA @ cv2.mean(image)[:3]
    saturate = (1 + saturation) * np.eye(3) - saturation * _LUMA  # rows: s x + (1 - s) luma(x)
    angle = np.deg2rad(hue)
    turn = _GREY + np.cos(angle) * (np.eye(3) - _GREY) + np.sin(angle) * _TURN
    colour = (1 + brightness) * (1 + contrast) * (saturate @ turn)
    return np.column_stack([colour, np.full(3, -(1 + brightness) * contrast * mean)])


@TRANSFORMS.register_module()
class RandomBlockReplacement(BaseTransform):
    """Replaces a random block of the colour image by its right neighbour (Wang et al. 2020, section 3.4).

    With the block's corner at (x, y): img[y : y + K, x : x + K] = img[y : y + K, x + K : x + 2 K]. The paper does not
    specify the border; here x <= W - 2 K, so that the neighbour is always whole. It is applied at the network's
    resolution, when the student is trained.

    Args:
        block (int): K, the block's edge in px; 14 on STB and 5 on RHD in the paper.
        prob (float): Probability of a replacement. Defaults to 0.5 (the paper's).

    Raises:
        ValueError: If the block is not positive or the probability not within [0, 1].
    """

    cache_effect = 'rgb'

    def __init__(self, block: int, prob: float = 0.5) -> None:
        if block < 1 or not 0 <= prob <= 1:
            raise ValueError(f'RandomBlockReplacement: need block >= 1 and 0 <= prob <= 1, found {block!r}, {prob!r}')
        self.block, self.prob = block, prob

    def transform(self, results: dict) -> dict:
        """Replace ``img``, (H, W, 3), uint8, BGR, by a changed copy.

        Raises:
            ValueError: If the sample has no image, or the image is smaller than the block and its neighbour.
        """
        require(results, self, 'img')
        height, width = results['img'].shape[:2]
        k = self.block
        if 2 * k > width or k > height:
            raise ValueError(
                f'RandomBlockReplacement: block={k} and its right neighbour need an image of {2 * k} x {k} px, '
                f'found {width} x {height} (width x height); choose a smaller block'
            )
        if np.random.random() < self.prob:
            x, y = np.random.randint(0, width - 2 * k + 1), np.random.randint(0, height - k + 1)
            image = results['img'].copy()
            image[y : y + k, x : x + k] = image[y : y + k, x + k : x + 2 * k]
            results['img'] = image
        return results
