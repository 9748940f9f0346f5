"""Photographs of the studio: a hand at any position, seen by calibrated cameras with any pixels and lens.

The studio's renderer draws square images with square pixels. A photograph renders the square around the body, at
the larger of the camera's two focal lengths, and resamples it to the camera's pixels: light bilinearly, depth and
parts from the nearest pixel. If the camera's pixels are square and its lens has no distortion, the two grids are the
same and every pixel of depth and parts is the renderer's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import cv2
import numpy as np

from handkd.geometry import project, unproject

from ..appearance import noise_table
from ..camera_effects import OFFSET_U, SCENE_U, expose, sensor_tables
from ..dataset import StudioDataset
from ..image import paint_background, shade_body, soften_edges
from ..look import LIGHT, WALL_IS_NEAR
from ..occluders import ALL_CONES, ALL_FACES, ALL_KINDS
from ..renderer import FAR, NO_HIT
from ..sample import (
    Draw,
    SampleSettings,
    background_scene,
    compress,
    draw_buffers,
    draw_sample,
    exposure,
    sample_look,
    workspace,
)
from ..scene import Scene, view_scene

_CELL = 16
"""Side of the cells (px) in which the distortion is interpolated linearly: within 0.05 px for hand cameras."""
_MARGIN = 16
"""Margin (px) of the rendered image around the kept part: shading uses neighbours."""
_SIZE_STEP = 128
"""The renderer's images have multiples of this size (px), since each size has its own buffers."""
_NEAREST = 5.0
"""Spheres nearer to the camera than this (mm) are not drawn by the renderer."""


@dataclass(frozen=True, eq=False)
class Camera:
    """A camera in the writer's world.

    Attributes:
        K: (3, 3) intrinsics, px; pixel centres at integers.
        size: Width and height, px.
        R: (3, 3) rotation, world to camera.
        T: (3,) translation, mm: x_cam = R x_world + T.
        dist: (5,) OpenCV's k1, k2, p1, p2, k3; None for a lens without distortion.
    """

    K: np.ndarray
    size: tuple[int, int]
    R: np.ndarray = field(default_factory=lambda: np.eye(3))
    T: np.ndarray = field(default_factory=lambda: np.zeros(3))
    dist: np.ndarray | None = None

    def as_dict(self) -> dict:
        """Return the camera in the form of a sample: new float64 arrays ``K``, ``R``, ``T`` and any ``dist``."""
        camera = {key: np.array(getattr(self, key), np.float64) for key in ('K', 'R', 'T')}
        return camera if self.dist is None else camera | {'dist': np.array(self.dist, np.float64)}


@dataclass(frozen=True)
class Photograph:
    """One camera's view of one hand; arrays are of the camera's full size.

    Attributes:
        image: (H, W, 3) uint8 BGR.
        depth: (H, W) float32 mm along the optical axis, 0 without a surface (there is no wall).
        part_seg: (H, W) uint8, as the studio's: 0 background, arm and objects, 1..20 parts.
        keypoints_cam: (21, 3) float64 mm in this camera's frame.
        camera: ``K``, ``R``, ``T`` (world to camera, mm) and any ``dist``.
        hand_side: 'left' or 'right'.
    """

    image: np.ndarray
    depth: np.ndarray
    part_seg: np.ndarray
    keypoints_cam: np.ndarray
    camera: dict
    hand_side: str

    @property
    def arm(self) -> np.ndarray:
        """(H, W) bool: pixels of hand, forearm or objects."""
        return self.depth > 0

    @property
    def keypoints(self) -> np.ndarray:
        """(21, 2) float64 px, through the lens."""
        return project(self.keypoints_cam, self.camera)

    def truth(
        self,
        split: str,
        img_path: str | None = None,
        depth_path: str | None = None,
        mask_path: str | None = None,
        depth_view: Photograph | None = None,
    ) -> dict:
        """Return the sample that a reader of the written files must return.

        Args:
            split: The reader's name of the split.
            img_path, depth_path, mask_path: Files, relative to the root of the data set; the result has only the given
                ones, with the image or depth in them.
            depth_view: The photograph in ``depth_path``, if it was taken by another camera than this one;
                its camera and joints become ``depth_camera`` and ``keypoints_depth_cam``.

        Returns:
            ``split``, ``keypoints_cam``, ``keypoints``, ``camera``, ``hand_side``, ``hand_mask`` (bool) and
            ``part_seg`` in the frame of this camera; ``img_path`` and ``img``, ``depth_path`` and ``depth``,
            ``mask_path``, ``depth_camera`` and ``keypoints_depth_cam``, as requested.
        """
        record = {
            'split': split,
            'keypoints_cam': self.keypoints_cam,
            'keypoints': self.keypoints,
            'camera': self.camera,
            'hand_side': self.hand_side,
            'hand_mask': self.part_seg > 0,
            'part_seg': self.part_seg,
        }
        if img_path is not None:
            record |= {'img_path': img_path, 'img': self.image}
        if depth_path is not None:
            record |= {'depth_path': depth_path, 'depth': (depth_view or self).depth}
        if mask_path is not None:
            record['mask_path'] = mask_path
        if depth_view is not None:
            record |= {'depth_camera': depth_view.camera, 'keypoints_depth_cam': depth_view.keypoints_cam}
        return record


def photograph(
    index: int,
    seed: int,
    split: str,
    side: str,
    cameras: Sequence[Camera],
    center: Sequence[float],
    rotation: np.ndarray | None = None,
    scenery: int | None = None,
    randomisation: str | Mapping[str, object] = 'default',
    person: int | None = None,
) -> list[Photograph]:
    """Take photographs of one hand by several cameras at the same moment.

    Args:
        index: Number of the studio's sample with the hand.
        seed: Seed of the studio.
        split: The studio's split: 'train', 'val' or 'test'.
        side: 'left' or 'right'.
        cameras: The cameras.
        center: (3,) position of the middle finger's MCP joint, world, mm.
        rotation: (3, 3) from the axes of the sample's camera to the world's. None rotates the hand so that the first
            camera sees it from the direction of the sample's camera (whose forearms never point at the camera).
        scenery: Number of the studio's sample with background, light and exposure: the same number for frames of
            one sequence or for two hands in one image. None is ``index``.
        randomisation: As for :class:`~handkd.studio.StudioDataset`.
        person: Number of the person of the split whose hand it is, which gives its shape and skin: the same number for
            the frames and hands of one person. None is the sample's own.

    Returns:
        One photograph per camera. The direction of light is that of the scenery's sample in the first camera's axes.

    Raises:
        ValueError: If ``split``, ``side`` or ``randomisation`` is unknown.
    """
    settings = StudioDataset(split, 1, seed, sides=(side,), randomisation=randomisation).settings
    draw = draw_sample(settings, index, person)
    stage = draw if scenery is None else draw_sample(settings, scenery)
    look = sample_look(settings, stage)
    look[WALL_IS_NEAR] = 0.0  # no wall near enough for shadows
    light = cameras[0].R.T @ look[LIGHT, :3]
    if rotation is None:
        rotation = _seen_alike(draw.scene.joints[9], cameras[0], np.asarray(center, np.float64))
    views = []
    for camera in cameras:
        turn = camera.R @ rotation
        move = camera.R @ center + camera.T - turn @ draw.scene.joints[9]
        turned = look.copy()
        turned[LIGHT, :3] = camera.R @ light
        views.append(_take(settings, draw, stage, turned, camera, turn, move))
    return views


def overlay(photographs: Sequence[Photograph]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Combine hands that were photographed separately by one camera, with the same scenery, in one image.

    Args:
        photographs: One camera's photographs, one per hand.

    Returns:
        Image (H, W, 3) uint8; depth (H, W) float32 mm, the nearest, 0 without a surface; and the index of the visible
        photograph at each pixel, (H, W) int, -1 for none.
    """
    image, depth = photographs[0].image.copy(), photographs[0].depth.copy()
    owner = np.where(photographs[0].arm, 0, -1)
    for k, other in enumerate(photographs[1:], 1):
        nearer = other.arm & ((owner < 0) | (other.depth < depth))
        image[nearer], depth[nearer], owner[nearer] = other.image[nearer], other.depth[nearer], k
    return image, depth, owner


def _seen_alike(joint: np.ndarray, camera: Camera, center: np.ndarray) -> np.ndarray:
    """Rotation of the sample's axes into the world that keeps the angle under which the camera sees the hand."""
    a, b = joint / np.linalg.norm(joint), camera.R @ center + camera.T
    b = b / np.linalg.norm(b)
    # The smallest rotation from a to b: a half turn about their middle after one about a.
    middle = (a + b) / np.linalg.norm(a + b)
    half_turns = [2 * np.outer(axis, axis) - np.eye(3) for axis in (middle, a)]
    return camera.R.T @ half_turns[0] @ half_turns[1]


class _Region(NamedTuple):
    """Region of a camera's image that the body may cover, and the square that the renderer draws for it."""

    rows: slice
    cols: slice
    origin: np.ndarray
    """(2,) int: corner of the square in the renderer's plane, px."""
    size: int
    """Side of the square, px."""
    at: tuple[np.ndarray, np.ndarray]
    """(h, w) float32 each: column and row in the square of each pixel of the region."""


def _take(
    settings: SampleSettings,
    draw: Draw,
    stage: Draw,
    look: np.ndarray,
    camera: Camera,
    turn: np.ndarray,
    move: np.ndarray,
) -> Photograph:
    """Photograph a hand with one camera; ``turn`` and ``move`` transform the sample's axes to the camera's."""
    width, height = camera.size
    focal = max(camera.K[0, 0], camera.K[1, 1])
    plane = np.array([focal, camera.K[0, 2], camera.K[1, 2]])
    scene = view_scene(draw.scene, turn, move, plane)
    light = _background(background_scene(settings, stage.camera[SCENE_U]), look, scene, width, height)
    depth, parts = np.zeros((height, width), np.float32), np.zeros((height, width), np.uint8)
    region = _region(scene, camera)
    if region is not None:
        seen = (region.rows, region.cols)
        scene.intrinsics[1:] -= region.origin
        square = _render(scene, draw, look, region, light, camera)
        light[seen], depth[seen], parts[seen] = _resample(square, region, light[seen])
    return Photograph(
        _develop(light, settings, stage, draw), depth, parts, scene.joints, camera.as_dict(), settings.sides[0]
    )


def _background(bank: np.ndarray, look: np.ndarray, scene: Scene, width: int, height: int) -> np.ndarray:
    """Linear light (H, W, 3) float32 of the background."""
    side = max(width, height)
    light = np.empty((height, side, 3), np.float32)
    nothing = np.full((height, side), NO_HIT, np.uint8)
    paint_background(bank, look, nothing, *scene.intrinsics, np.zeros((3, 5)), np.empty((1, 1)), light)
    return np.ascontiguousarray(light[:, :width])


def _body_box(scene: Scene) -> tuple[np.ndarray, np.ndarray]:
    """Corners (2,) of a box around the body in the renderer's plane, px."""
    spheres = scene.spheres[(scene.spheres[:, 3] >= 0) & (scene.spheres[:, 2] - scene.spheres[:, 3] >= _NEAREST)]
    if len(spheres) == 0:
        return np.full(2, np.inf), np.full(2, -np.inf)
    place, r, z = spheres[:, :2], spheres[:, 3:], spheres[:, 2:3]
    slopes = np.stack([(place + a * r) / (z + b * r) for a in (-1, 1) for b in (-1, 1)])
    low, high = slopes.min((0, 1)), slopes.max((0, 1))
    return low * scene.intrinsics[0] + scene.intrinsics[1:], high * scene.intrinsics[0] + scene.intrinsics[1:]


def _region(scene: Scene, camera: Camera) -> _Region | None:
    """Find the region of a camera's image that the body may cover; None if it is out of view."""
    cols, rows = (np.arange(0, n - 1 + _CELL, _CELL) for n in camera.size)
    nodes = np.stack(np.meshgrid(cols, rows), -1)
    lens = unproject(nodes, np.ones(nodes.shape[:2]), camera.as_dict())[..., :2]
    lens = lens * scene.intrinsics[0] + scene.intrinsics[1:]
    corners = np.stack([lens[:-1, :-1], lens[:-1, 1:], lens[1:, :-1], lens[1:, 1:]])
    low, high = corners.min(0), corners.max(0)
    body_low, body_high = _body_box(scene)
    touched = ((low <= body_high) & (high >= body_low)).all(-1)
    if not touched.any():
        return None
    # `touched` cells form a box of the image, up to lens distortion: use the box around them.
    (top, left), (bottom, right) = (f(np.argwhere(touched), 0) for f in (np.min, np.max))
    box = np.s_[top : bottom + 1, left : right + 1]
    first = np.floor(np.maximum(low[box].min((0, 1)), body_low)).astype(int) - _MARGIN
    last = np.ceil(np.minimum(high[box].max((0, 1)), body_high)).astype(int) + _MARGIN
    size = -(-int((last - first).max() + 1) // _SIZE_STEP) * _SIZE_STEP
    rows = np.arange(top * _CELL, min((bottom + 1) * _CELL, camera.size[1]))
    cols = np.arange(left * _CELL, min((right + 1) * _CELL, camera.size[0]))
    by_row, by_col = _hats(rows, lens.shape[0]), _hats(cols, lens.shape[1])
    at = tuple((by_row @ lens[..., k] @ by_col.T - first[k]).astype(np.float32) for k in range(2))
    return _Region(slice(rows[0], rows[-1] + 1), slice(cols[0], cols[-1] + 1), first, size, at)


def _hats(pixels: np.ndarray, nodes: int) -> np.ndarray:
    """(n, nodes) weights of linear interpolation between nodes at a distance of _CELL px."""
    return np.maximum(0, 1 - np.abs(pixels[:, None] / _CELL - np.arange(nodes)))


def _render(
    scene: Scene, draw: Draw, look: np.ndarray, region: _Region, behind: np.ndarray, camera: Camera
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Draw a region's square: light (S, S, 3), depth (S, S) mm or FAR, and parts."""
    work, parts = workspace(region.size), np.empty((region.size, region.size), np.uint8)
    draw_buffers(scene, work.z, work.ids, parts)
    shade_body(scene, draw.subject, work, parts, ALL_KINDS, ALL_CONES, ALL_FACES, look, noise_table(), np.zeros((3, 5)))
    # The background matters only at the outline, where it is blended with the hand: lens distortion is ignored.
    scale = np.array([camera.K[0, 0], camera.K[1, 1]]) / scene.intrinsics[0]
    affine = np.column_stack([np.diag(scale), (scale - 1) * -camera.K[:2, 2] + scale * region.origin])
    size, flags = (region.size, region.size), cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP
    background = cv2.warpAffine(behind, affine, size, flags=flags, borderMode=cv2.BORDER_REPLICATE)
    np.copyto(work.light, background, where=(work.ids == NO_HIT)[..., None])
    soften_edges(work.light, work.z, work.mixed)
    return work.mixed, work.z, parts


def _resample(
    square: tuple[np.ndarray, np.ndarray, np.ndarray], region: _Region, behind: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Resample a rendered square to the pixels of its region: light over ``behind``, depth (0 for none) and parts."""
    light, z, parts = square
    hit = (z < FAR).astype(np.float32)
    outline = cv2.dilate(hit, np.ones((3, 3), np.uint8))  # the range of blending with the background
    z = cv2.remap(np.where(hit, z, 0).astype(np.float32), *region.at, cv2.INTER_NEAREST)
    parts = cv2.remap(parts, *region.at, cv2.INTER_NEAREST)
    share = cv2.remap(outline, *region.at, cv2.INTER_LINEAR)[..., None]
    light = cv2.remap(light, *region.at, cv2.INTER_LINEAR)
    return share * light + (1 - share) * behind, z, parts


def _develop(light: np.ndarray, settings: SampleSettings, stage: Draw, draw: Draw) -> np.ndarray:
    """Convert linear light (overwritten) to the image of the scenery's camera, with different noise per sample."""
    height, width = light.shape[:2]
    image = np.empty((height, width, 3), np.uint8)
    sigma, grain = exposure(settings.randomisation, stage.camera)
    deviates, curve = sensor_tables()
    flat = light.reshape(height, 3 * width)
    offset = int(draw.camera[OFFSET_U] * 1e5)
    expose(flat, np.empty_like(flat), sigma, grain, offset, deviates, curve, image.reshape(flat.shape))
    return compress(image, settings.randomisation, stage.camera)
