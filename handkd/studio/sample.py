"""One sample of the studio as a pure function of (settings, seed, split, index)."""

from __future__ import annotations

import math
import threading
from dataclasses import dataclass

import numpy as np

from handkd.compiling import njit
from handkd.hints import check_choice

from .anatomy import Subject, subject_of
from .appearance import noise_table
from .background import list_backgrounds, load_background, procedural_bank
from .body import label_parts
from .camera_effects import (
    BLUR_U,
    JPEG_U,
    NOISE_U,
    OFFSET_U,
    QUALITY_U,
    SCENE_U,
    expose,
    jpeg,
    sensor_tables,
)
from .framing import project_joints
from .image import render_light
from .look import LIGHT, LOOK_SHAPE, NUM_LOOK_UNIFORMS, WALL_DISTANCE, WALL_IS_NEAR, draw_look
from .occluders import ALL_CONES, ALL_FACES, ALL_KINDS, add_things
from .randomisation import Randomisation
from .renderer import FAR, JIT, NO_HIT, draw_body
from .scene import NUM_UNIFORMS, Scene, build_scene, empty_scene, view_scene
from .sensor import DepthSensor, apply_sensor
from .workspace import Workspace, make_workspace

SPLITS: dict[str, int] = {'train': 0, 'val': 1, 'test': 2}
"""Split -> the number that goes into every seed; splits share no random stream."""
SUBJECTS: dict[str, int] = {'train': 2000, 'val': 200, 'test': 200}
"""People in each split."""
MODALITIES = ('rgb', 'depth', 'parts')
"""Modalities of a sample: ``img``; ``depth``; ``hand_mask`` and ``part_seg``."""
_NUM_THING_UNIFORMS = 24
_NUM_CAMERA_UNIFORMS = 16
_SIDE_U, _SUBJECT_U = -2, -1  # at the end of those of the camera


def split_number(split: str) -> int:
    """Return the number of a split.

    Raises:
        ValueError: If the split is unknown; names the nearest one.
    """
    check_choice(split, SPLITS, 'split')
    return SPLITS[split]


@dataclass(frozen=True)
class SampleSettings:
    """All settings of a sample but its index; see :class:`~.dataset.StudioDataset`, which checks the values."""

    split: str
    seed: int
    resolution: int
    rgb: bool
    depth: bool
    sides: tuple[str, ...]
    factor: float
    zoom: tuple[float, float]
    shift: float
    randomisation: Randomisation
    sensor: DepthSensor | None
    background_depth: bool
    backgrounds: str | None
    label_noise_mm: float


@njit(**JIT)
def draw_buffers(scene: Scene, z: np.ndarray, ids: np.ndarray, parts: np.ndarray) -> None:
    """Draw depth z, mm, primitive ids and parts of a scene in camera axes into buffers of shape (H, W)."""
    z[:] = FAR
    ids[:] = NO_HIT
    fx, px, py = scene.intrinsics[0], scene.intrinsics[1], scene.intrinsics[2]
    draw_body(z, ids, fx, px, py, scene.spheres, ALL_CONES, ALL_FACES)
    label_parts(z, ids, fx, px, py, ALL_KINDS, scene.pose, scene.palm_joints, scene.lines, parts)


@njit(**JIT)
def _make_depth(z: np.ndarray, wall: float, out: np.ndarray) -> None:
    for row in range(z.shape[0]):
        for col in range(z.shape[1]):
            t = z[row, col]
            out[row, col] = t if t < FAR else wall


@njit(**JIT)
def _develop(
    scene: Scene,
    subject: Subject,
    work: Workspace,
    parts: np.ndarray,
    bank: np.ndarray,
    look: np.ndarray,
    noise: np.ndarray,
    sigma: float,
    grain: float,
    offset: int,
    deviates: np.ndarray,
    curve: np.ndarray,
    image: np.ndarray,
) -> None:
    size = parts.shape[0]
    render_light(scene, subject, work, parts, ALL_KINDS, ALL_CONES, ALL_FACES, bank, look, noise)
    shape = (size, 3 * size)
    expose(
        work.mixed.reshape(shape),
        work.light.reshape(shape),
        sigma,
        grain,
        offset,
        deviates,
        curve,
        image.reshape(shape),
    )


_local = threading.local()


def workspace(size: int) -> Workspace:
    """This thread's buffers for an image size."""
    spaces = _local.__dict__.setdefault('spaces', {})
    if size not in spaces:
        spaces[size] = make_workspace(size)
    return spaces[size]


def background_scene(settings: SampleSettings, u: float) -> np.ndarray:
    """The encoded background scene selected by a uniform deviate, (SIZE, SIZE, 3), uint8."""
    split_id = SPLITS[settings.split]
    if settings.backgrounds is None:
        bank = procedural_bank(settings.seed, split_id)
        return bank[int(u * len(bank))]
    files = list_backgrounds(settings.backgrounds, split_id)
    return load_background(files[int(u * len(files))])


def _colour(
    settings: SampleSettings,
    scene: Scene,
    subject: Subject,
    look: np.ndarray,
    work: Workspace,
    parts: np.ndarray,
    v: np.ndarray,
) -> np.ndarray:
    """Render the BGR image (H, W, 3), uint8; ``v`` (16,) are uniform deviates of the camera."""
    r = settings.randomisation
    image = np.empty((settings.resolution, settings.resolution, 3), np.uint8)
    deviates, curve = sensor_tables()
    sigma, grain = exposure(r, v)
    bank, offset = background_scene(settings, v[SCENE_U]), int(v[OFFSET_U] * 1e5)
    _develop(scene, subject, work, parts, bank, look, noise_table(), sigma, grain, offset, deviates, curve, image)
    return compress(image, r, v)


def exposure(r: Randomisation, v: np.ndarray) -> tuple[float, float]:
    """Blur (px) and noise at white of a camera, from its uniform deviates ``v``, shape (6,) at least."""
    return r.blur[0] + (r.blur[1] - r.blur[0]) * v[BLUR_U], r.noise[0] + (r.noise[1] - r.noise[0]) * v[NOISE_U] ** 2


def compress(image: np.ndarray, r: Randomisation, v: np.ndarray) -> np.ndarray:
    """Return an image (H, W, 3), uint8, BGR, after JPEG compression or unchanged, by its deviates ``v``."""
    if v[JPEG_U] < r.jpeg:
        return jpeg(image, int(r.quality[0] + (r.quality[1] - r.quality[0]) * v[QUALITY_U]))
    return image


@dataclass(frozen=True)
class Draw:
    """Random quantities of a sample, before rendering."""

    scene: Scene
    subject: Subject
    side: str
    look: np.ndarray
    """(NUM_LOOK_UNIFORMS,) uniform deviates of light and colours."""
    camera: np.ndarray
    """(16,) uniform deviates: those of the camera, and last those of side and subject."""
    rng: np.random.Generator
    """Generator of sensor and label noise."""


def draw_sample(settings: SampleSettings, index: int, person: int | None = None) -> Draw:
    """Draw the geometry and the look of sample ``index``, the same on every process and run.

    Args:
        settings: Settings of the samples.
        index: Number of the sample.
        person: Number of the person of the split, modulo :data:`SUBJECTS`, whose hand it is. Defaults to None: drawn.
    """
    split_id = SPLITS[settings.split]
    rng = np.random.Generator(np.random.PCG64(np.random.SeedSequence((settings.seed, split_id, 0, index))))
    u = rng.random(NUM_UNIFORMS + _NUM_THING_UNIFORMS + NUM_LOOK_UNIFORMS + _NUM_CAMERA_UNIFORMS)
    tail = u[NUM_UNIFORMS + _NUM_THING_UNIFORMS :]
    people = SUBJECTS[settings.split]
    person = int(tail[_SUBJECT_U] * people) if person is None else person % people
    subject = subject_of(settings.seed, split_id, person)
    side = settings.sides[int(tail[_SIDE_U] * len(settings.sides))]
    r = settings.randomisation
    scene = empty_scene()
    build_scene(
        u, subject, side == 'left', settings.resolution, settings.factor, settings.zoom, settings.shift, r.focal,
        r.distance, math.radians(r.view), r.offset, scene,
    )  # fmt: skip
    add_things(u[NUM_UNIFORMS:], scene, subject, r.sleeve, r.stick, r.front)
    return Draw(scene, subject, side, tail[:NUM_LOOK_UNIFORMS], tail[NUM_LOOK_UNIFORMS:], rng)


def make_sample(settings: SampleSettings, index: int) -> dict:
    """Render sample ``index``: the keys of the design's table, without a pipeline."""
    draw = draw_sample(settings, index)
    look = sample_look(settings, draw)
    results = _labels(settings, draw, draw.scene, index)
    return results | _render(settings, draw, draw.scene, look)


def make_labels(settings: SampleSettings, index: int) -> dict:
    """Draw the labels of sample ``index``: the result of :func:`make_sample` without images."""
    draw = draw_sample(settings, index)
    return _labels(settings, draw, draw.scene, index)


def render_views(settings: SampleSettings, index: int, cameras: list[dict]) -> list[dict]:
    """Render the pose, subject and light of sample ``index`` through several cameras.

    Args:
        settings: As for :func:`make_sample`; ``resolution`` is every view's.
        index: The sample.
        cameras: Dicts with ``K`` (3, 3), square pixels and no skew, px of the view; ``R`` (3, 3) and ``T`` (3,) mm,
            world to camera. The world is the camera frame of the sample.

    Returns:
        One results dict per camera, with that camera; the wall behind the hand is far away in all of them.

    Raises:
        ValueError: If a camera's pixels are not square or are skewed.
    """
    draw = draw_sample(settings, index)
    look = sample_look(settings, draw)
    look[WALL_DISTANCE], look[WALL_IS_NEAR] = look[WALL_DISTANCE] + 2000.0, 0.0
    views = []
    for k, camera in enumerate(cameras):
        matrix = np.asarray(camera['K'], np.float64)
        if abs(matrix[0, 0] - matrix[1, 1]) > 1e-6 * matrix[0, 0] or matrix[0, 1] != 0:
            raise ValueError(f'cameras[{k}]: K must have square pixels and no skew, found {matrix.tolist()}')
        rotation, translation = np.asarray(camera['R'], np.float64), np.asarray(camera['T'], np.float64)
        scene = view_scene(draw.scene, rotation, translation, matrix[[0, 0, 1], [0, 2, 2]])
        turned = look.copy()
        turned[LIGHT, :3] = rotation @ look[LIGHT, :3]
        results = _labels(settings, draw, scene, index)
        results['camera'] = {'K': matrix.copy(), 'R': rotation.copy(), 'T': translation.copy()}
        views.append(results | _render(settings, draw, scene, turned))
    return views


def sample_look(settings: SampleSettings, draw: Draw) -> np.ndarray:
    """Light and colours of a sample, (16, 4), see :mod:`.look`."""
    look = np.zeros(LOOK_SHAPE)
    if settings.rgb or settings.background_depth:
        r = settings.randomisation
        draw_look(draw.look, r.light, r.plain, draw.scene, draw.subject, look)
    return look


def _render(settings: SampleSettings, draw: Draw, scene: Scene, look: np.ndarray) -> dict:
    """Render the parts and the requested modalities."""
    size = settings.resolution
    work, parts = workspace(size), np.empty((size, size), np.uint8)
    draw_buffers(scene, work.z, work.ids, parts)
    images = {'part_seg': parts, 'hand_mask': parts > 0}
    if settings.rgb:
        images['img'] = _colour(settings, scene, draw.subject, look, work, parts, draw.camera)
    if settings.depth:
        depth = np.empty((size, size), np.float32)
        _make_depth(work.z, look[WALL_DISTANCE] if settings.background_depth else 0.0, depth)
        images['depth'] = depth if settings.sensor is None else apply_sensor(depth, settings.sensor, draw.rng)
    return images


def _labels(settings: SampleSettings, draw: Draw, scene: Scene, index: int) -> dict:
    """Joints, camera, box and bookkeeping; ``scene`` is that of the draw, or its view through another camera."""
    size = settings.resolution
    joints = scene.joints
    if settings.label_noise_mm:
        joints = joints + draw.rng.normal(0, settings.label_noise_mm, joints.shape)
    keypoints, visible, box = (
        np.empty((1, 21, 2), np.float32),
        np.empty((1, 21), np.float32),
        np.empty((1, 4), np.float32),
    )
    project_joints(joints, scene.intrinsics, size, keypoints[0], visible[0], box[0])
    matrix = np.eye(3)
    matrix[0, 0] = matrix[1, 1] = scene.intrinsics[0]
    matrix[:2, 2] = scene.intrinsics[1:]
    return {
        'keypoints': keypoints,
        'keypoints_visible': visible,
        'keypoints_cam': joints.astype(np.float32)[None],
        'camera': {'K': matrix, 'R': np.eye(3), 'T': np.zeros(3)},
        'hand_side': draw.side,
        'skin_tone': float(draw.subject.skin[0]),
        'bbox': box,
        'img_id': index,
        'img_shape': (size, size),
        'ori_shape': (size, size),
    }
