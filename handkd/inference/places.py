"""Hands in images: what is known of one, and the square around it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from handkd.geometry.camera import check_camera
from handkd.hand import SIDES
from handkd.units import FARTHEST

from .crops import CropSpec, HandPlace
from .depth import DepthSpec, check_depth_known
from .images import InferenceImage


@dataclass(frozen=True)
class KnownHand:
    """What is known of a hand before inference, and who said it.

    Attributes:
        box: (x, y, width, height) of its joints in px, or 'full': the image is the network's crop already.
        side: 'left' or 'right', or None.
        hand_scale_mm: Length of the codec's scale bone in mm, or None.
        camera: Intrinsics K of the image, shape (3, 3), px, or None.
        root: (u, v) in px, or (u, v, z) in px and mm, of the joint that the crop is centred on; or None.
        box_source: 'given', 'detector' or 'track'. Defaults to 'given'.
        box_score: Score of a detector. Defaults to None.
        side_source: 'given', 'detector' or 'track'. Defaults to 'given'.
        track: Number of the hand in a video. Defaults to None.

    Raises:
        ValueError: If a value is invalid.
    """

    box: str | Sequence[float] = 'full'
    side: str | None = None
    hand_scale_mm: float | None = None
    camera: np.ndarray | None = None
    root: Sequence[float] | None = None
    box_source: str = 'given'
    box_score: float | None = None
    side_source: str = 'given'
    track: int | None = None

    def __post_init__(self) -> None:
        if self.side not in (None, *SIDES):
            raise ValueError(f'side must be one of {SIDES}, or None to estimate it; found {self.side!r}')
        if self.hand_scale_mm is not None and not 0 < self.hand_scale_mm <= FARTHEST:
            raise ValueError(
                f'the hand scale must be a positive length in mm up to {FARTHEST:g}, found {self.hand_scale_mm}'
            )
        if self.camera is None:
            return
        if np.shape(self.camera) != (3, 3):
            raise ValueError(f'camera must be the intrinsics K, shape (3, 3), found shape {np.shape(self.camera)}')
        object.__setattr__(self, 'camera', np.asarray(self.camera, np.float64))
        check_camera(dict(K=self.camera), 'camera')

    @property
    def boxed(self) -> bool:
        """Whether the box is given."""
        return not isinstance(self.box, str)


@dataclass(frozen=True)
class FoundHand:
    """A hand in an image, to be cut out.

    Attributes:
        pixels: The image, BGR, uint8, shape (H, W, 3); or depth, shape (H, W), mm.
        square: The square to cut, centre (2,) and side, in px of the image.
        place: Position of the hand.
        center: Centre of the cube of depth, mm, camera frame, shape (3,); None for colour.
        searched: Whether the hand was searched for in the whole image.
    """

    pixels: np.ndarray
    square: tuple[np.ndarray, float]
    place: HandPlace
    center: np.ndarray | None = None
    searched: bool = False


class HandFinder:
    """Chooses the square to cut out of an image around a hand, from what is known of it.

    Args:
        crop: The crops of the network.
        depth: Its depth steps. Defaults to None: a network of colour images.
    """

    def __init__(self, crop: CropSpec, depth: DepthSpec | None = None) -> None:
        self.crop, self.depth = crop, depth

    def check(self, known: KnownHand) -> None:
        """Check that the known values are enough to crop the hand, and to place it in the image.

        Raises:
            ValueError: If not; names the input to give.
        """
        if self.depth is not None:
            check_depth_known(known.root, known.camera)
            return
        self.crop.check(known.boxed, known.root, known.camera)
        if self.crop.rule != 'cube' or known.hand_scale_mm is not None or (known.root is not None and known.boxed):
            return
        raise ValueError(
            f"HandCrop(rule='cube') needs the depth of {self.crop.root}: give its pixel and depth "
            "(--root U,V,Z) with the hand's box or scale, or box and scale (--box X,Y,W,H --hand-scale MM)"
        )

    def __call__(self, image: InferenceImage, known: KnownHand) -> FoundHand:
        """Find a hand.

        Args:
            image: The image.
            known: What is known of the hand.

        Raises:
            ValueError: If the box is invalid or outside the image, or has no depth; names the image.
        """
        if self.depth is not None:
            return self._find_in_depth(image, known)
        place = self._place(image, known)
        return FoundHand(image.pixels, self.crop.square(place, image.shape), place)

    def _place(self, image: InferenceImage, known: KnownHand) -> HandPlace:
        """Return the known position of the hand in a colour image."""
        if known.root is not None and not known.boxed and known.box == 'full':
            return HandPlace(None, root=known.root, camera=known.camera)
        box = find_box(known.box, image.shape, image.name, self.crop.box_ratio)
        return HandPlace(box, not known.boxed, known.root, known.camera)

    def _find_in_depth(self, image: InferenceImage, known: KnownHand) -> FoundHand:
        """Find the hand in depth."""
        found = find_box(known.box, image.shape, image.name, self.crop.box_ratio)  # raises an error for an invalid box
        box = found if known.boxed else None
        try:
            center = self.depth.locate(image.pixels, known.camera, box, known.root)
        except ValueError as error:
            raise ValueError(f'{image.name}: {error}') from error
        if box is not None and self.crop.rule != 'cube':
            place = HandPlace(box, root=known.root, camera=known.camera)
            return FoundHand(image.pixels, self.crop.square(place, image.shape), place, center)
        square = self.crop.around_found(center, known.camera)
        place = HandPlace(box or self.crop.box_of(square), root=known.root, camera=known.camera)
        return FoundHand(image.pixels, square, place, center, searched=box is None)


def find_box(
    box: str | Sequence[float], shape: tuple[int, int], name: str, ratio: float
) -> tuple[float, float, float, float]:
    """Check a hand's box, and resolve the value 'full'.

    Args:
        box: (x, y, width, height) in px; or 'full': the whole image is the crop, so the box is the square in its middle
            that the crop's rule enlarges to the image's longer side.
        shape: (height, width) of the image.
        name: Name of the image in errors.
        ratio: Side of the crop over the box's longer side.

    Returns:
        (x, y, width, height) in px.

    Raises:
        ValueError: If the box is malformed, empty, or entirely outside the image.
    """
    height, width = shape
    if isinstance(box, str):
        if box != 'full':
            raise ValueError(f"box must be 'full' or (x, y, width, height) in px, found {box!r}")
        edge = max(height, width) / ratio
        return ((width - 1 - edge) / 2, (height - 1 - edge) / 2, edge, edge)
    values = np.asarray(box, np.float64)
    if values.shape != (4,) or not np.isfinite(values).all() or not (values[2:] > 0).all():
        raise ValueError(f'box must be (x, y, width, height) in px with a positive size, found {tuple(box)}')
    x, y, w, h = values.tolist()
    if x >= width or y >= height or x + w <= 0 or y + h <= 0:
        raise ValueError(f'{name}: the box {(x, y, w, h)} lies outside the image of {width} x {height} px: correct it')
    return x, y, w, h
