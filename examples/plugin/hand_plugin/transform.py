"""A transform: a class whose ``transform`` takes the dict of one sample and returns it."""

from __future__ import annotations

import cv2
import numpy as np
from mmcv.transforms import BaseTransform

from handkd.registry import TRANSFORMS


@TRANSFORMS.register_module()
class RandomGrey(BaseTransform):
    """Converts some images to grey; depth and joints stay as they are.

    Randomness comes from ``np.random``, which the data set seeds anew for every sample.

    Args:
        prob (float): Probability of the conversion. Defaults to 0.2.
    """

    cache_effect = 'rgb'  # a cached teacher of another modality is not affected, see docs/teacher-cache.md

    def __init__(self, prob: float = 0.2) -> None:
        self.prob = prob

    def transform(self, results: dict) -> dict:
        """Replace ``img``, uint8 (H, W, 3) BGR."""
        if np.random.random() < self.prob:
            results['img'] = cv2.cvtColor(cv2.cvtColor(results['img'], cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)
        return results
