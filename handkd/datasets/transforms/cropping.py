"""Choice of the network's crop of an image; :class:`~handkd.datasets.transforms.WarpCrop` then cuts it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from handkd.geometry import box_square, cube_square, found_square, joint_square, project, zb_square
from handkd.hand import JOINTS, joint_index
from handkd.hints import check_choice
from handkd.registry import TRANSFORMS

from .batch import BatchTransform, SampleBatch
from .sample import any_pixels, sample_name


@TRANSFORMS.register_module()
class HandCrop(BatchTransform):
    """Chooses a square around the hand; changes no pixel.

    Sets ``crop``: dict of ``center`` (2,) and ``side`` in px, ``rotation`` in degrees, and ``flip`` (horizontal,
    vertical). A crop may extend beyond the image.

    A sample that was warped before (resized, or packed with a margin) gets the same square: 'square' and 'box' follow
    its pixels, 'cube' its camera, and 'zb' is applied to the pixels of the original image.

    Args:
        rule (str): 'square', around the tight box of all labelled joints; 'box', around ``bbox``; 'zb', the rule of
            Zimmermann and Brox (:func:`handkd.geometry.zb_square`); or 'cube', the projection of a metric cube around a
            joint (:func:`handkd.geometry.cube_square`). Defaults to 'square'.
        factor (float, optional): The square's side in units of the box's longer side, for 'square' and 'box'. Defaults
            to None: 1.25.
        cube (float, optional): The cube's edge in mm, for 'cube'. Defaults to None: 300.
        root (str | int, optional): The joint in the middle of the cube, for 'cube'. Defaults to None: 'middle_mcp'.
        center (str): 'labels' for the above; or 'hand' for the hand found by FindHandCube in the depth, without labels:
            the square is then the projection of a metric cube around it, of edge ``cube``, or, for the other rules, as
            large as their squares around a mean hand. Defaults to 'labels'.

    Raises:
        ValueError: If the rule or joint is unknown, factor or cube is not positive, or a setting is given for a rule
            that does not use it.
    """

    RULES = ('square', 'box', 'zb', 'cube')
    _NEEDS = {'box': ('bbox',), 'cube': ('keypoints', 'keypoints_cam', 'camera')}

    cache_effect = 'fixed'

    def __init__(
        self,
        rule: str = 'square',
        factor: float | None = None,
        cube: float | None = None,
        root: str | int | None = None,
        center: str = 'labels',
    ) -> None:
        check_choice(rule, self.RULES, 'HandCrop(rule=...)')
        check_choice(center, ('labels', 'hand'), 'HandCrop(center=...)')
        if factor is not None and (rule not in ('square', 'box') or not factor > 0):
            raise ValueError(f"HandCrop: factor must be positive, and is for 'square' and 'box'; found {factor!r}")
        if cube is not None and (rule != 'cube' or not cube > 0):
            raise ValueError(f"HandCrop: cube must be a positive length in mm, and is for 'cube'; found {cube!r}")
        if root is not None and rule != 'cube':
            raise ValueError(f"HandCrop: root is for 'cube'; found {root!r} for {rule!r}")
        self.rule = rule
        self.factor = 1.25 if factor is None else factor
        self.cube = 300.0 if cube is None else cube
        self.root = joint_index('middle_mcp' if root is None else root)
        self.center = center

    def transform_batch(self, batch: SampleBatch, draws: np.ndarray) -> None:
        """Set ``crop``: ``center`` (N, 2), ``side`` (N,) in px of the image, ``rotation`` (N,), ``flip`` (N, 2).

        Raises:
            ValueError: If the samples lack the rule's input (joints, box, camera, the root's label, the hand found),
                or the square is empty; names the sample.
        """
        found = self.center == 'hand'
        batch.require(self, *(('hand_center', 'camera') if found else self._NEEDS.get(self.rule, ('keypoints',))))
        try:
            center, side = self._squares(batch)
        except ValueError:
            self._name_the_culprit(batch)
            raise
        batch['crop'] = dict(
            center=center, side=side, rotation=np.zeros(batch.size), flip=np.zeros((batch.size, 2), bool)
        )

    def _squares(self, batch: SampleBatch) -> tuple[np.ndarray, np.ndarray]:
        """Return centres (N, 2) and sides (N,)."""
        if self.center == 'hand':
            return self._squares_of_found(batch)
        if self.rule == 'box':
            return box_square(batch['bbox'], self.factor)
        valid = batch.labelled()
        if self.rule == 'square':
            return joint_square(batch['keypoints'], valid, self.factor)
        if self.rule == 'cube':
            if not valid[:, self.root].all():
                raise ValueError(f'the root {JOINTS[self.root]} has no label')
            pixels, depths = batch['keypoints'][:, self.root], batch['keypoints_cam'][:, self.root, 2]
            return cube_square(pixels, depths, batch['camera']['K'], self.cube)
        squares = [self._zb_square(sample, valid[i]) for i, sample in enumerate(batch.samples())]
        return np.stack([center for center, _ in squares]), np.array([side for _, side in squares])

    def _squares_of_found(self, batch: SampleBatch) -> tuple[np.ndarray, np.ndarray]:
        """Return the projections of metric cubes around the hands: centres (N, 2) and sides (N,), px."""
        pixels, depths = project(batch['hand_center'], batch['camera'])[:, 0], batch['hand_center'][:, 0, 2]
        size = self.cube if self.rule == 'cube' else self.factor
        return found_square(self.rule, size, pixels, depths, batch['camera']['K'])

    def _name_the_culprit(self, batch: SampleBatch) -> None:
        """Raise the error of the first sample that has one, with the sample's name."""
        for sample in batch.samples():
            try:
                self._squares(SampleBatch.of([sample]))
            except ValueError as error:
                raise ValueError(f'HandCrop on {sample_name(sample)}: {error}') from error

    def _zb_square(self, results: dict, valid: np.ndarray) -> tuple[np.ndarray, float]:
        """Apply the rule in the original image, whose pixels its limits refer to, and map the square to this one."""
        keypoints, visible = results['keypoints'][0], results.get('keypoints_visible')
        visible = valid if visible is None else valid & (visible[0] > 0)
        height, width = results.get('ori_shape') or results[any_pixels(results, self)].shape[:2]
        matrix = results.get('warp_matrix')
        if matrix is None:
            return zb_square(keypoints, visible, (width, height))
        back = np.linalg.inv(matrix)
        center, side = zb_square(keypoints @ back[:2, :2].T + back[:2, 2], visible, (width, height))
        return matrix[:2, :2] @ center + matrix[:2, 2], side * abs(np.linalg.det(matrix[:2, :2])) ** 0.5


@TRANSFORMS.register_module()
class RandomCropNoise(BatchTransform):
    """Varies a chosen crop: its size, position and in-plane rotation, each drawn uniformly.

    Args:
        scale (Sequence[float]): Range of the factor on the side; above 1 the hand gets smaller. Defaults to
            (1.0, 1.0).
        shift (float): Largest shift along x and y, as a fraction of the side. Defaults to 0.0.
        rotation (float): Largest angle in degrees, either way. Defaults to 0.0.

    Raises:
        ValueError: If a range is empty or not positive, or a strength is negative.
    """

    def __init__(self, scale: Sequence[float] = (1.0, 1.0), shift: float = 0.0, rotation: float = 0.0) -> None:
        if len(scale) != 2 or not 0 < scale[0] <= scale[1] or shift < 0 or rotation < 0:
            raise ValueError(
                'RandomCropNoise: scale must be (low, high) with 0 < low <= high, shift and rotation not negative; '
                f'found scale={scale!r}, shift={shift!r}, rotation={rotation!r}'
            )
        self.scale, self.shift, self.rotation = tuple(scale), shift, rotation

    num_draws = 4

    @property
    def cache_effect(self) -> str:
        """Effect on the input of a teacher (:mod:`~.replay`): none with ranges that are empty."""
        return 'crop' if self.scale[0] != self.scale[1] or self.shift or self.rotation else 'fixed'

    def transform_batch(self, batch: SampleBatch, draws: np.ndarray) -> None:
        """Replace ``crop``: ``center`` (N, 2) and ``side`` (N,) in px of the image, ``rotation`` (N,) in degrees.

        Raises:
            ValueError: If no crop was chosen before.
        """
        batch.require(self, 'crop')
        crop, (zoom, *shift, turn) = batch['crop'], draws.T
        side = crop['side'] * (self.scale[0] + (self.scale[1] - self.scale[0]) * zoom)
        center = crop['center'] + (2 * np.stack(shift, -1) - 1) * self.shift * side[:, None]
        rotation = crop['rotation'] + (2 * turn - 1) * self.rotation
        batch['crop'] = dict(crop, center=center, side=side, rotation=rotation)
