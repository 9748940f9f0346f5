"""Estimation of hands in decoded images: crops of many hands go through the network together."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from handkd.geometry import project
from handkd.hand import other_side

from .crops import CropSpec, HandView
from .images import InferenceImage
from .networks import CropNetwork, predict
from .placement import place_in_space
from .places import FoundHand, HandFinder, KnownHand
from .results import result_of

_ROUNDS = 4
"""Maximum number of times that a cube is moved onto the predicted hand; it hardly moves after the second time."""
_AT_REST = 0.005  # of the square's side


class HandEstimator:
    """A network with the crops that it takes, on hands in images.

    Args:
        network: The network.
    """

    def __init__(self, network: CropNetwork) -> None:
        self._network = network
        self._finder = HandFinder(network.facts.crop, network.facts.depth)

    def check(self, known: KnownHand) -> None:
        """Check that what is known of a hand is enough for this network.

        Raises:
            ValueError: If not; names the input to give.
        """
        self._finder.check(known)

    def __call__(self, hands: Sequence[tuple[InferenceImage, KnownHand]]) -> list[dict | ValueError]:
        """Estimate hands.

        Args:
            hands: For each hand its image, and what is known of it.

        Returns:
            For each hand the keys of :data:`.records.HAND_KEYS`, or the error: a box outside the image or without
            depth, an argument that the network can't use, or joints that are not finite.
        """
        searches: list[_Search | ValueError] = [self._begin(image, known) for image, known in hands]
        active = [search for search in searches if isinstance(search, _Search)]
        while active:
            views = [search.cut() for search in active]
            joints = predict(self._network, views, [self._mirrored(search.known) for search in active])
            active = [search for search, found in zip(active, joints) if search.goes_on(found)]
        return [search if isinstance(search, ValueError) else self._result(search) for search in searches]

    def _begin(self, image: InferenceImage, known: KnownHand) -> _Search | ValueError:
        try:
            return _Search(self._network.facts.crop, self._finder(image, known), known)
        except ValueError as error:
            return error

    def _mirrored(self, known: KnownHand) -> bool:
        """Whether a hand is of the side that the network was not trained on."""
        trained_on = self._network.facts.trained_on
        return trained_on != 'both' and known.side is not None and known.side == other_side(trained_on)

    def _result(self, search: _Search) -> dict | ValueError:
        if isinstance(search.joints, ValueError):
            return search.joints
        try:
            return result_of(search.joints, search.view, search.found, search.known, self._network.facts)
        except ValueError as error:
            return error


class _Search:
    """The search of one hand; a cube of unknown depth is moved onto the predicted hand.

    Args:
        crop: The network's crops.
        found: The hand in the image.
        known: What is known of it.
    """

    def __init__(self, crop: CropSpec, found: FoundHand, known: KnownHand) -> None:
        self._crop, self.found, self.known = crop, found, known
        place = found.place
        self._moving = crop.rule == 'cube' and found.center is None and not place.whole and place.root is None
        self._square, self._rounds = found.square, 0
        self.view: HandView | None = None
        self.joints: dict[str, np.ndarray] | ValueError | None = None

    def cut(self) -> HandView:
        """Cut the present square out of the image."""
        self.view = self._crop.cut(self.found.pixels, *self._square, self.found.place.camera, self.found.center)
        return self.view

    def goes_on(self, joints: dict[str, np.ndarray] | ValueError) -> bool:
        """Take the joints predicted in the present square; return whether another square is to be tried."""
        self.joints = joints
        if not self._moving or self._rounds == _ROUNDS or isinstance(joints, ValueError):
            return False
        if 'keypoints_xyz' not in joints:
            return False
        place, old = self.found.place, self._square
        try:
            hand = place_in_space(joints['keypoints_xyz'], place.middle, place.extent, place.camera)
        except ValueError as error:
            self.joints = error
            return False
        root = hand[self._crop.root_index]
        pixel = project(root[None], dict(K=place.camera))[0]
        self._square = self._crop.around(pixel, root[2] * self.known.hand_scale_mm, place.camera)
        self._rounds += 1
        moved = max(abs(self._square[1] - old[1]), np.abs(self._square[0] - old[0]).max())
        self._moving = moved >= _AT_REST * self._square[1]
        return True
