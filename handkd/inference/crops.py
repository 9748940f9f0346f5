"""Crops as in a config's test pipeline, around hands whose joints are not known.

The rule is plain data, :class:`CropSpec`: a config gives it (:mod:`handkd.apis.inference_config`), and an exported
network carries it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from handkd.geometry import (
    affine_camera,
    box_square,
    crop_matrix,
    cube_square,
    found_square,
    original_pixels,
    project,
    unproject,
    zb_square,
)
from handkd.geometry.crops import HAND_EXTENT, ZB_MARGIN
from handkd.geometry.resampling import warp_planes
from handkd.geometry.virtual_camera import look_up, points_per_pixel, turn_picture, virtual_camera
from handkd.geometry.warping import warp_image
from handkd.hand import JOINT_INDEX, JOINTS, NUM_JOINTS
from handkd.hints import check_choice

RULES = ('square', 'box', 'zb', 'cube')
"""Rules of HandCrop."""
_NO_LENS = np.zeros(5)


@dataclass(frozen=True)
class HandPlace:
    """Known position of a hand in an image.

    Attributes:
        box: (x, y, width, height) of its joints in px; None if only ``root`` is known.
        whole: Whether the image is the network's crop already.
        root: Pixel (u, v), or pixel and depth (u, v, z in mm), of the joint that the crop is centred on; or None.
        camera: Intrinsics K of the image, shape (3, 3), px; or None.
    """

    box: tuple[float, float, float, float] | None
    whole: bool = False
    root: Sequence[float] | None = None
    camera: np.ndarray | None = None

    @property
    def middle(self) -> np.ndarray:
        """Centre of the box in px of the image, shape (2,)."""
        return np.array([self.box[0] + self.box[2] / 2, self.box[1] + self.box[3] / 2])

    @property
    def extent(self) -> float:
        """Longer side of the box in px."""
        return max(self.box[2:])


@dataclass(frozen=True)
class HandView:
    """Crop of an image that a network is given, with the maps back to the image.

    Attributes:
        pixels: The crop: BGR, uint8, shape (S, S, 3); or depth, shape (S, S), mm, 0 where there is no reading.
        camera: The crop's camera; None if the image's is not known.
        matrix: Map of the image's pixels to those of the crop, shape (3, 3); None with a virtual camera.
        turn: Rotation of the image's camera axes to those of the crop's, shape (3, 3).
        original: The image's camera, or None.
        square: The square that was cut, centre (2,) and side, in px of the image.
        center: Centre of the depth cube around the hand, mm, frame of the crop's camera, shape (3,); None for colour.
    """

    pixels: np.ndarray
    camera: dict | None
    matrix: np.ndarray | None
    turn: np.ndarray
    original: dict | None
    square: tuple[np.ndarray, float]
    center: np.ndarray | None = None

    @property
    def seen_from(self) -> dict:
        """Camera of the crop; if it is not known one so far away that perspective hardly matters."""
        if self.camera is not None:
            return self.camera
        size = len(self.pixels)
        focal, middle = 20.0 * size, (size - 1) / 2
        return dict(K=np.array([[focal, 0.0, middle], [0.0, focal, middle], [0.0, 0.0, 1.0]]))

    def to_image(self, points: np.ndarray) -> np.ndarray:
        """Map points in px of the crop, shape (N, 2), to px of the image, shape (N, 2)."""
        if self.matrix is not None:
            return original_pixels(points, self.matrix)
        rays = unproject(points, np.ones(len(points)), self.camera)
        return project(rays @ self.turn, self.original)

    def to_camera(self, joints: np.ndarray) -> np.ndarray:
        """Rotate joints (N, 3), any unit, from the axes of the crop's camera to those of the image's camera, (N, 3)."""
        return joints @ self.turn


@dataclass(frozen=True)
class CropSpec:
    """Rule for the square that a network is given, and its cutting, by HandCrop's rules for unknown joints.

    ========== ============================================= ==========================================================
    rule       square in testing                             square here
    ========== ============================================= ==========================================================
    ``square`` the joints' tight box, times ``factor``       the box: the same square if it is tight
    ``box``    the labelled box, times ``factor``            the box
    ``zb``     the visible joints' box around middle_mcp     the box and ``root``, (u, v): the same square; without
                                                             ``root`` the box's centre and ``ZB_MARGIN``
    ``cube``   pixel and depth of the root, and the camera   ``root``, (u, v, z), and ``camera``: the same square;
                                                             without ``root`` :meth:`first_guess`, to be refined
    ========== ============================================= ==========================================================

    Random noise on crops is left out.

    Attributes:
        rule: One of :data:`RULES`. Defaults to 'square'.
        factor: Side of the square over the longer side of the box, for 'square' and 'box'. Defaults to 1.25.
        cube: Edge of the cube in mm, for 'cube'. Defaults to 300.0.
        root: Joint in the middle of the squares of 'zb' and 'cube'. Defaults to 'middle_mcp'.
        size: Side of the network's input in px. Defaults to 64.
        border: Value of pixels outside the image. Defaults to 0.
        margin: Side of the square that is cut over that of the rule. Defaults to 1.0.
        turns: Whether a virtual camera is turned onto the hand. Defaults to False.

    Raises:
        ValueError: If a value is invalid.
    """

    rule: str = 'square'
    factor: float = 1.25
    cube: float = 300.0
    root: str = 'middle_mcp'
    size: int = 64
    border: int = 0
    margin: float = 1.0
    turns: bool = False

    def __post_init__(self) -> None:
        check_choice(self.rule, RULES, 'the rule of a crop')
        if self.root not in JOINT_INDEX or not (
            self.factor > 0 and self.cube > 0 and self.margin > 0 and self.size > 0
        ):
            raise ValueError(f'a crop must have positive sizes and a joint as its root, found {self}')

    @property
    def root_index(self) -> int:
        """Index of ``root``."""
        return JOINT_INDEX[self.root]

    @property
    def box_ratio(self) -> float:
        """Side of the square over the longer side of the joints' box; 1 for 'cube', which does not depend on a box."""
        return self.margin * {'zb': ZB_MARGIN, 'cube': 1.0}.get(self.rule, self.factor)

    def check(self, box_given: bool, root: Sequence[float] | None, camera: np.ndarray | None) -> None:
        """Check that all inputs that the crop needs are given, and none that it can't use.

        Args:
            box_given: Whether the hand's box is known.
            root: (u, v) in px, or (u, v, z) in px and mm, see :class:`HandPlace`; or None.
            camera: Intrinsics K of the image, shape (3, 3), px; or None.

        Raises:
            ValueError: If not; names the input to give.
        """
        name, joint = f"HandCrop(rule='{self.rule}')", JOINTS[self.root_index]
        if root is not None:
            count = {'zb': 2, 'cube': 3}.get(self.rule)
            if count is None:
                raise ValueError(f"root is for crops of the rules 'zb' and 'cube', found {name}: leave it out")
            if np.shape(root) != (count,) or not np.isfinite(root).all() or (count == 3 and not root[2] > 0):
                wanted = f'(u, v) of {joint} in px' if count == 2 else f'(u, v, z) of {joint}, px and mm'
                raise ValueError(f'for {name} root must be {wanted}, found {tuple(root)}')
            if self.rule == 'zb' and not box_given:
                raise ValueError(f"for {name} root needs the hand's box: give the box, too")
        cut = 'VirtualCamera' if self.turns else 'WarpCrop'
        if camera is None and (self.turns or self.rule == 'cube'):
            what = 'virtual cameras turned onto the hand' if self.turns else 'what a metric cube spans'
            raise ValueError(
                f'this network was trained on {what} ({name}, {cut}): give the camera K of the '
                'image (--camera FX,FY,CX,CY)'
            )

    def square(self, place: HandPlace, shape: tuple[int, int]) -> tuple[np.ndarray, float]:
        """Return the square to cut, centre (2,) and side, in px of the image.

        Args:
            place: Position of the hand.
            shape: (height, width) of the image.
        """
        if place.whole:
            return (np.array(shape[::-1]) - 1) / 2, float(max(shape))
        if self.rule == 'cube':
            if place.root is None:
                return self.first_guess(place)
            return self.around(np.array(place.root[:2]), place.root[2], place.camera)
        if self.rule == 'zb':
            return self._zb_square(place, shape)
        x, y, width, height = place.box
        center, side = box_square(np.array([x, y, x + width, y + height]), self.factor)
        return center, side * self.margin

    def around_found(self, center: np.ndarray, camera: np.ndarray) -> tuple[np.ndarray, float]:
        """Return the square around a hand found in depth, as ``HandCrop(center='hand')`` does; see :meth:`square`.

        Args:
            center: Position of the hand, mm, camera frame, shape (3,).
            camera: Intrinsics K of the image, shape (3, 3), px.
        """
        size = self.cube if self.rule == 'cube' else self.factor
        pixel, side = found_square(self.rule, size, project(center, dict(K=camera)), center[2], camera)
        return pixel, float(side) * self.margin

    def box_of(self, square: tuple[np.ndarray, float]) -> tuple[float, float, float, float]:
        """Return the box (x, y, width, height) of a mean hand that would have this square (:meth:`square`), px."""
        center, side = square
        ratio = self.cube / HAND_EXTENT if self.rule == 'cube' else self.box_ratio / self.margin
        edge = side / self.margin / ratio
        return (*(center - edge / 2).tolist(), edge, edge)

    def around(self, pixel: np.ndarray, depth: float, camera: np.ndarray) -> tuple[np.ndarray, float]:
        """Return the square of a cube around a root.

        Args:
            pixel: Pixel of the root in the image, shape (2,).
            depth: Its depth in the camera frame, mm.
            camera: Intrinsics K of the image, shape (3, 3), px.

        Returns:
            Centre (2,) and side in px of the image, as of :meth:`square`.
        """
        center, side = cube_square(pixel, depth, camera, self.cube)
        return center, float(side) * self.margin

    def depth_of(self, side: float, camera: np.ndarray) -> float:
        """Return the depth of a cube from its square: the inverse of :meth:`around`.

        Args:
            side: Side of the square in px of the image.
            camera: Intrinsics K of the image, shape (3, 3), px.

        Returns:
            Depth in the camera frame, mm.
        """
        return float(cube_square(np.zeros(2), 1.0, camera, self.cube)[1]) * self.margin / side

    def first_guess(self, place: HandPlace) -> tuple[np.ndarray, float]:
        """Return the square of a cube around a mean hand that fills the box; see :meth:`square`."""
        return place.middle, place.extent * self.cube / HAND_EXTENT * self.margin

    def cut(
        self,
        pixels: np.ndarray,
        center: np.ndarray,
        side: float,
        camera: np.ndarray | None = None,
        hand_center: np.ndarray | None = None,
    ) -> HandView:
        """Cut a square out as the test pipeline does.

        Args:
            pixels: The image, BGR, uint8, shape (H, W, 3); or depth, shape (H, W), mm.
            center: The square's centre in px of the image, shape (2,).
            side: Its side in px of the image.
            camera: Intrinsics K of the image, shape (3, 3), px. Defaults to None: not known.
            hand_center: Centre of the depth cube, mm, camera frame, shape (3,). Defaults to None.
        """
        original = None if camera is None else dict(K=camera)
        square = (center, side)
        if self.turns:
            seen, turned, turn = self._turn(pixels, center, side, original)
            return HandView(seen, turned, None, turn, original, square)
        matrix, moved = crop_matrix(center, side, self.size), None
        if original is not None:
            moved, move = affine_camera(original, matrix)
            hand_center = None if hand_center is None else hand_center @ move.T
        seen = np.empty((self.size, self.size, *pixels.shape[2:]), pixels.dtype)
        if pixels.ndim == 3:
            warp_image(pixels, np.linalg.inv(matrix), self.border, seen)
        else:
            warp_planes([pixels], np.linalg.inv(matrix), [seen])
        return HandView(seen, moved, matrix, np.eye(3), original, square, hand_center)

    def _turn(
        self, pixels: np.ndarray, center: np.ndarray, side: float, original: dict
    ) -> tuple[np.ndarray, dict, np.ndarray]:
        """Return what a virtual camera on the square sees, (S, S, 3), the camera, and the rotation of its axes."""
        old = dict(K=np.asarray(original['K'], np.float64)[None])
        new, move = virtual_camera(np.array(center)[None], np.array([side]), np.zeros(1), old, self.size)
        (fine,) = points_per_pixel(move, old, new, self.size)
        rays = np.swapaxes(move, 1, 2) @ np.linalg.inv(new['K'])
        maps = cv2.convertMaps(*look_up(self.size, fine, rays[0], old['K'][0], _NO_LENS), cv2.CV_16SC2)
        seen = np.empty((self.size, self.size, 3), np.uint8)
        turn_picture(pixels, maps, fine, self.border, seen)
        return seen, dict(K=new['K'][0]), move[0]

    def _zb_square(self, place: HandPlace, shape: tuple[int, int]) -> tuple[np.ndarray, float]:
        """Apply the rule 'zb': two joints in the corners of the box, and the centre at the root if it is known."""
        x, y, width, height = place.box
        low, high = np.array([x, y]), np.array([x + width, y + height])
        if place.root is not None:
            center = np.array(place.root[:2], np.float64)
        else:  # as far to either side as the mean hand's farthest joint
            center, reach = place.middle, place.extent * ZB_MARGIN / 2
            low, high = center - reach, center + reach
        joints = np.tile(center, (NUM_JOINTS, 1))
        joints[[0, 1]] = low, high
        center, side = zb_square(joints, np.ones(NUM_JOINTS, bool), shape[::-1])
        return center, side * self.margin
