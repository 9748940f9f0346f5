"""Crops as in a config's test pipeline, around hands whose joints are not known."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from mmengine.config import Config

from handkd.datasets.packed.recipe import read_recipe
from handkd.datasets.transforms import HandCrop, VirtualCamera, WarpCrop
from handkd.geometry import box_square, cube_square, original_pixels, project, unproject, zb_square
from handkd.geometry.crops import HAND_EXTENT, ZB_MARGIN
from handkd.geometry.virtual_camera import turn_onto
from handkd.hand import JOINT_INDEX, JOINTS, NUM_JOINTS
from handkd.registry import DATASETS, TRANSFORMS
from handkd.size_checks import LOADERS, argument, last_cut, leaf_datasets, type_name


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
        sample: The crop, with the keys of a sample: ``img``, or ``depth`` with its camera and ``hand_center``.
        camera: The crop's camera; None if the image's is not known.
        matrix: Map of the image's pixels to those of the crop, shape (3, 3); None with a virtual camera.
        turn: Rotation of the image's camera axes to those of the crop's, shape (3, 3).
        original: The image's camera, or None.
        square: The square that was cut, centre (2,) and side, in px of the image.
    """

    sample: dict
    camera: dict | None
    matrix: np.ndarray | None
    turn: np.ndarray
    original: dict | None
    square: tuple[np.ndarray, float]

    def to_image(self, points: np.ndarray) -> np.ndarray:
        """Map points in px of the crop, shape (N, 2), to px of the image, shape (N, 2)."""
        if self.matrix is not None:
            return original_pixels(points, self.matrix)
        rays = unproject(points, np.ones(len(points)), self.camera)
        return project(rays @ self.turn, self.original)

    def to_camera(self, joints: np.ndarray) -> np.ndarray:
        """Rotate joints (N, 3), any unit, from the axes of the crop's camera to those of the image's camera, (N, 3)."""
        return joints @ self.turn


class ConfigCrop:
    """Cuts images as the test pipeline of a config does, by HandCrop's rules for a hand whose joints are not known.

    ========== ============================================= ==========================================================
    rule       square in testing                             square here
    ========== ============================================= ==========================================================
    ``square`` the joints' tight box, times ``factor``       the box: the same square if it is tight
    ``box``    the labelled box, times ``factor``            the box
    ``zb``     the visible joints' box around middle_mcp     the box and ``root``, (u, v): the same square; without
                                                             ``root`` the box's centre and :data:`ZB_MARGIN`
    ``cube``   pixel and depth of the root, and the camera   ``root``, (u, v, z), and ``camera``: the same square;
                                                             without ``root`` :meth:`first_guess`, to be refined
    ========== ============================================= ==========================================================

    StudioDataset, which renders crops, has the rule 'square' and its own ``factor``. Random noise on crops is left out.

    Args:
        cfg: The config.

    Raises:
        ValueError: If its test pipeline does not choose a square and cut it.

    Attributes:
        rule: 'square', 'box', 'zb' or 'cube'.
        size: Side of the network's input in px.
        turns: Whether a virtual camera is turned onto the hand.
        root: Index of the joint in the middle of the squares of 'zb' and 'cube'.
    """

    def __init__(self, cfg: Config) -> None:
        leaves = [leaf for loader in LOADERS for leaf in leaf_datasets(cfg, loader)]
        if not leaves:
            raise ValueError(
                f'{cfg.filename}: test_dataloader.dataset is missing; its pipeline is needed to crop images'
            )
        self._choose, self._cut, self._margin = _read_steps(*leaves[0], str(cfg.filename))
        self.rule, self.turns = self._choose.rule, isinstance(self._cut, VirtualCamera)
        self.root = self._choose.root if self.rule == 'cube' else JOINT_INDEX['middle_mcp']
        self.size = self._cut.size if self.turns else self._cut.size[0]

    @property
    def margin(self) -> float:
        """Side of the square over the longer side of the joints' box; 1 for 'cube', which does not depend on a box."""
        return self._margin * {'zb': ZB_MARGIN, 'cube': 1.0}.get(self.rule, self._choose.factor)

    def check(self, box_given: bool, root: Sequence[float] | None, camera: np.ndarray | None) -> None:
        """Check that all inputs that the crop needs are given, and none that it can't use.

        Args:
            box_given: Whether the hand's box is known.
            root: (u, v) in px, or (u, v, z) in px and mm, see :class:`HandPlace`; or None.
            camera: Intrinsics K of the image, shape (3, 3), px; or None.

        Raises:
            ValueError: If not; names the input to give.
        """
        name, joint = f"HandCrop(rule='{self.rule}')", JOINTS[self.root]
        if root is not None:
            count = {'zb': 2, 'cube': 3}.get(self.rule)
            if count is None:
                raise ValueError(f"root is for crops of the rules 'zb' and 'cube', found {name}: leave it out")
            if np.shape(root) != (count,) or not np.isfinite(root).all() or (count == 3 and not root[2] > 0):
                wanted = f'(u, v) of {joint} in px' if count == 2 else f'(u, v, z) of {joint}, px and mm'
                raise ValueError(f'for {name} root must be {wanted}, found {tuple(root)}')
            if self.rule == 'zb' and not box_given:
                raise ValueError(f"for {name} root needs the hand's box: give the box, too")
        if camera is None and (self.turns or self.rule == 'cube'):
            what = 'virtual cameras turned onto the hand' if self.turns else 'what a metric cube spans'
            raise ValueError(
                f'this network was trained on {what} ({name}, {type(self._cut).__name__}): give the camera K of the '
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
        center, side = box_square(np.array([x, y, x + width, y + height]), self._choose.factor)
        return center, side * self._margin

    def around_found(self, sample: dict) -> tuple[np.ndarray, float]:
        """Return the square around a hand found in depth, as ``HandCrop(center='hand')`` does; see :meth:`square`.

        Args:
            sample: Its ``depth``, ``camera`` and ``hand_center``.
        """
        choose = copy.copy(self._choose)
        choose.center = 'hand'
        crop = choose.transform(dict(sample))['crop']
        return crop['center'], float(crop['side']) * self._margin

    def box_of(self, square: tuple[np.ndarray, float]) -> tuple[float, float, float, float]:
        """Return the box (x, y, width, height) of a mean hand that would have this square (:meth:`square`), px."""
        center, side = square
        ratio = self._choose.cube / HAND_EXTENT if self.rule == 'cube' else self.margin / self._margin
        edge = side / self._margin / ratio
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
        center, side = cube_square(pixel, depth, camera, self._choose.cube)
        return center, float(side) * self._margin

    def depth_of(self, side: float, camera: np.ndarray) -> float:
        """Return the depth of a cube from its square: the inverse of :meth:`around`.

        Args:
            side: Side of the square in px of the image.
            camera: Intrinsics K of the image, shape (3, 3), px.

        Returns:
            Depth in the camera frame, mm.
        """
        return float(cube_square(np.zeros(2), 1.0, camera, self._choose.cube)[1]) * self._margin / side

    def first_guess(self, place: HandPlace) -> tuple[np.ndarray, float]:
        """Return the square of a cube around a mean hand that fills the box; see :meth:`square`."""
        return place.middle, place.extent * self._choose.cube / HAND_EXTENT * self._margin

    def cut(self, pixels: dict, center: np.ndarray, side: float, camera: np.ndarray | None = None) -> HandView:
        """Cut a square out as the test pipeline does.

        Args:
            pixels: The image, with the keys of a sample: ``img``, BGR, uint8, shape (H, W, 3); or ``depth``, shape
                (H, W), mm, and ``hand_center``, shape (1, 1, 3), mm, camera frame.
            center: The square's centre in px of the image, shape (2,).
            side: Its side in px of the image.
            camera: Intrinsics K of the image, shape (3, 3), px. Defaults to None: not known.
        """
        sample = dict(pixels, crop=dict(center=center, side=side, rotation=0.0, flip=np.zeros(2, bool)))
        original = None if camera is None else dict(K=camera)
        if original is not None:
            sample['camera'] = original
        seen = self._cut.transform(sample)
        turn = turn_onto(center, 0.0, original) if self.turns else np.eye(3)
        return HandView(seen, seen.get('camera'), seen.get('warp_matrix'), turn, original, (center, side))

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
        return center, side * self._margin


def _read_steps(where: str, dataset: Mapping, filename: str) -> tuple[HandCrop, WarpCrop | VirtualCamera, float]:
    """Return the transforms that choose and cut a data set's squares, and the margin stored around them."""
    steps, cut = dataset.get('pipeline') or (), last_cut(dataset)
    if cut is None:
        factor, resolution = (argument(dataset, name, DATASETS) for name in ('factor', 'resolution'))
        if factor is not None and resolution is not None:  # StudioDataset renders crops
            return HandCrop('square', factor), WarpCrop(resolution), 1.0
        if dataset.get('recipe'):
            _, made = read_recipe(dataset['recipe'])
            return HandCrop(made.rule, made.factor, made.cube, made.root), WarpCrop(made.size, made.border), made.margin
    choices = [step for step in steps if type_name(step) == 'HandCrop']
    if cut is None or not choices or type_name(cut[1]) not in ('WarpCrop', 'VirtualCamera'):
        raise ValueError(
            f'{filename}: {where}.pipeline does not crop an image: it must choose a square (HandCrop) and '
            f'cut it (WarpCrop, VirtualCamera); found {[type_name(step) for step in steps]}'
        )
    return TRANSFORMS.build(choices[-1]), TRANSFORMS.build(cut[1]), 1.0
