"""Restoration of predicted part maps: search, choice of patches, voting (Neverova et al. 2017, section 3.2)."""

from __future__ import annotations

import numpy as np

from .crf import CandidateCRF
from .search import ExactSearch, IndexedSearch
from .voting import check_window, vote
from .windows import check_maps, hand_pixels

_AT_ONCE = 32
"""Maps that are searched together: enough to keep the search busy, few enough for memory, about 100 MB."""


class Restorer:
    """Replaces predicted part labels by those of similar patches of true label maps.

    Args:
        search: Search for the patches (Eq. 1).
        window: Side of the window in which they vote, px, W of Eq. 2; 1 is the variant without integration. Defaults to
            17: the paper's.
        stride: Patches are searched only for pixels whose row and column are multiples of it, at 1 / stride^2 of the
            cost. Defaults to 1: for all pixels, as in the paper.
        crf: Chooses among several patches per pixel. Defaults to None: the nearest is taken.

    Raises:
        ValueError: If the window is even or larger than a patch, or the stride is too large for the window, or not 1
            with a CRF.
    """

    def __init__(
        self,
        search: ExactSearch | IndexedSearch,
        window: int = 17,
        stride: int = 1,
        crf: CandidateCRF | None = None,
    ) -> None:
        check_window(window)
        if not 1 <= stride <= (window + 1) // 2:
            raise ValueError(
                f'the stride must be from 1 to {(window + 1) // 2}, so that every window of {window} px has a pixel '
                f'with a patch; found {stride}'
            )
        if crf is not None and stride != 1:
            raise ValueError(f'the CRF links neighbouring pixels: it needs stride=1, found {stride}')
        self.search, self.window, self.stride, self.crf = search, window, stride, crf

    def __call__(self, maps: np.ndarray) -> np.ndarray:
        """Return restored maps; a batch is faster than single maps.

        Args:
            maps: Predicted part maps of the image, shape (B, H, W), uint8: 0 background, 1..20 parts.

        Returns:
            The same shape and type. The background is unchanged, and no other pixel becomes background.

        Raises:
            ValueError: If the maps have another type, shape or labels.
        """
        check_maps(maps, 'maps to restore')
        restored = maps.copy()
        for start in range(0, len(maps), _AT_ONCE):
            restored[start : start + _AT_ONCE] = self._restore(maps[start : start + _AT_ONCE])
        return restored

    def _restore(self, maps: np.ndarray) -> np.ndarray:
        """Return a few maps restored."""
        pixels = hand_pixels(maps)
        if self.stride > 1:
            _, y, x = np.unravel_index(pixels, maps.shape)
            pixels = pixels[(y % self.stride == 0) & (x % self.stride == 0)]
        found = self.search(maps, pixels, 1 if self.crf is None else self.crf.candidates)
        dictionary = self.search.dictionary
        nearest = found.patches[:, 0]
        patches = nearest if self.crf is None else self.crf(pixels, maps.shape[1:], found, dictionary)
        return vote(maps, pixels, dictionary.maps, patches, self.window)
