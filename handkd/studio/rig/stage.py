"""Static parts of a sequence of the rig: its cameras, its light, and the background of each camera."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from ..anatomy import ARM_FRAME, UPPER_ARM_FRAME, Subject
from ..appearance import noise_table
from ..background import list_backgrounds, load_background, procedural_bank
from ..body import palm_lines, place_spheres
from ..camera_effects import SCENE_U, expose, sensor_tables
from ..image import render_light
from ..layouts.rig import look_at
from ..look import (
    BACKGROUND_UNIFORMS,
    LIGHT,
    LOOK_SHAPE,
    NUM_LOOK_UNIFORMS,
    WALL_DISTANCE,
    WALL_IS_NEAR,
    draw_look,
)
from ..occluders import ALL_CONES, ALL_FACES, ALL_KINDS, add_things
from ..pose import forward_kinematics
from ..randomisation import Randomisation
from ..sample import SPLITS, compress, draw_buffers, exposure, workspace
from ..scene import Scene, empty_scene, view_scene
from .motion import Posture

DISTANCE = 1200.0
"""Distance (mm) of the cameras from the middle of the rig, +- 50."""
EXTENT = 620.0
"""Width (mm) of an image's field of view at the middle of the rig: a moving hand is always inside."""
_ASIDE = np.array([0.0, 1.0, 0.0])
"""Direction of an upper arm in the rig: down."""


class Stage(NamedTuple):
    """A sequence without the hand's motion.

    Attributes:
        subject: The subject.
        side: 'left' or 'right'.
        cameras: One dict per camera: ``K``, ``R`` and ``T``, world to camera, mm. The world is the rig: origin in its
            middle, y down.
        things: (24,) uniform deviates of the sleeve.
        look: (64,) uniform deviates of light and colours.
        behind: (V, 64) the same for the background of each camera.
        lenses: (V, 8) uniform deviates of each camera, as named in :mod:`..camera_effects`.
    """

    subject: Subject
    side: str
    cameras: list[dict]
    things: np.ndarray
    look: np.ndarray
    behind: np.ndarray
    lenses: np.ndarray


def draw_stage(
    seed: tuple[int, ...], rig: tuple[int, ...], subject: Subject, side: str, views: int, arc: float, size: int
) -> Stage:
    """Draw a sequence's stage.

    Args:
        seed: Numbers that identify the sequence.
        rig: Seed of the cameras' positions: the same for all sequences of a rig.
        subject: The subject.
        side: 'left' or 'right'.
        views: Number of cameras.
        arc: Arc of the cameras around the hand, degrees.
        size: Side of their images, px.
    """
    rng = np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed)))
    things, look = rng.random(24), rng.random(NUM_LOOK_UNIFORMS)
    behind, lenses = rng.random((views, NUM_LOOK_UNIFORMS)), rng.random((views, 8))
    return Stage(subject, side, place_cameras(rig, views, arc, size), things, look, behind, lenses)


def place_cameras(rig: tuple[int, ...], views: int, arc: float, size: int) -> list[dict]:
    """Place cameras along an arc around the rig, at heights from slightly below the hand to far above it.

    Args:
        rig: Seed.
        views: Number of cameras.
        arc: Degrees of the arc; 360 is all around.
        size: Side of their images, px.

    Returns:
        One dict per camera: ``K``, ``R``, ``T``.
    """
    rng = np.random.Generator(np.random.PCG64(np.random.SeedSequence(rig)))
    cameras = []
    for k in range(views):
        jitter = rng.uniform(-1, 1, 7)
        around = np.radians(arc) * ((k + 0.5 + 0.2 * jitter[0]) / views - 0.5)
        # The golden ratio distributes any number of heights evenly.
        up = np.radians(-10.0 + 60.0 * (k * 0.6180339887 % 1) + 4 * jitter[1])
        distance = DISTANCE + 50 * jitter[2]
        eye = distance * np.array([np.cos(up) * np.sin(around), -np.sin(up), -np.cos(up) * np.cos(around)])
        rotation, translation = look_at(eye, 15 * jitter[3:6], (0, 1, 0))
        focal = size * DISTANCE / EXTENT * (1 + 0.03 * jitter[6])
        middle = (size - 1) / 2 + 0.02 * size * rng.uniform(-1, 1, 2)
        matrix = np.array([[focal, 0, middle[0]], [0, focal, middle[1]], [0, 0, 1]])
        cameras.append({'K': matrix, 'R': rotation, 'T': translation})
    return cameras


def pose_body(stage: Stage, posture: Posture, sleeve: float) -> Scene:
    """Return hand, arm and sleeve of a sequence in the rig's axes.

    Args:
        stage: The sequence.
        posture: The hand's pose and position.
        sleeve: Probability of a sleeve.
    """
    scene, subject = empty_scene(), stage.subject
    scene.angles[:] = posture.angles
    forward_kinematics(posture.angles, subject, scene.palm_joints, scene.frames)
    mirror = np.diag([-1.0 if stage.side == 'left' else 1.0, 1.0, 1.0])
    axes = posture.rotation @ mirror
    forearm = -scene.frames[ARM_FRAME, :, 1]
    scene.frames[UPPER_ARM_FRAME, :, 1] = _unit(axes.T @ _ASIDE + 0.6 * forearm)
    place_spheres(subject, scene.palm_joints, scene.frames, scene.spheres)
    palm_lines(scene.palm_joints, scene.lines)
    scene.pose[:, :3] = np.eye(3)
    scene.joints[:] = scene.palm_joints
    add_things(stage.things, scene, subject, sleeve, 0.0, 0.0)
    return view_scene(scene, axes, posture.place - axes @ scene.palm_joints[9], np.zeros(3))


def see(scene: Scene, camera: dict) -> Scene:
    """Return a scene of the rig in a camera's axes."""
    matrix = camera['K']
    return view_scene(scene, camera['R'], camera['T'], matrix[[0, 0, 1], [0, 2, 2]])


def photograph_body(
    scene: Scene, stage: Stage, view: int, grain: float, size: int, bank: np.ndarray, randomisation: Randomisation
) -> tuple[np.ndarray, np.ndarray]:
    """Photograph a body with one camera of its sequence.

    Args:
        scene: The body in that camera's axes, mm.
        stage: The sequence.
        view: Number of the camera.
        grain: Uniform deviate of this frame's noise.
        size: Side of the image, px.
        bank: The encoded scene behind the hand, see :func:`bank_behind`.
        randomisation: Ranges of light and camera effects.

    Returns:
        Image (H, W, 3), uint8, BGR; and parts (H, W), uint8.
    """
    look = _look(stage, view, scene, randomisation)
    work, parts = workspace(size), np.empty((size, size), np.uint8)
    draw_buffers(scene, work.z, work.ids, parts)
    render_light(scene, stage.subject, work, parts, ALL_KINDS, ALL_CONES, ALL_FACES, bank, look, noise_table())
    image, lens = np.empty((size, size, 3), np.uint8), stage.lenses[view]
    blur, noise = exposure(randomisation, lens)
    deviates, curve = sensor_tables()
    shape = (size, 3 * size)
    light, scratch = work.mixed.reshape(shape), work.light.reshape(shape)
    expose(light, scratch, blur, noise, int(grain * 1e5), deviates, curve, image.reshape(shape))
    return compress(image, randomisation, lens), parts


def bank_behind(stage: Stage, view: int, seed: int, split: str, backgrounds: str | None) -> np.ndarray:
    """Return the encoded scene behind the hand in a camera.

    Args:
        stage: The sequence.
        view: Number of the camera.
        seed: Seed of the studio.
        split: Its split.
        backgrounds: Folder of background images; None for procedural ones.
    """
    u = stage.lenses[view, SCENE_U]
    if backgrounds is None:
        bank = procedural_bank(seed, SPLITS[split])
        return bank[int(u * len(bank))]
    files = _files(backgrounds, SPLITS[split])
    return load_background(files[int(u * len(files))])


@lru_cache(maxsize=8)
def _files(folder: str, split_id: int) -> tuple[str, ...]:
    return tuple(list_backgrounds(folder, split_id))


def _look(stage: Stage, view: int, scene: Scene, randomisation: Randomisation) -> np.ndarray:
    """Light and colours (16, 4) in a camera: one light in the rig, another background in each camera."""
    u, look = stage.look.copy(), np.zeros(LOOK_SHAPE)
    u[list(BACKGROUND_UNIFORMS)] = stage.behind[view, BACKGROUND_UNIFORMS]
    draw_look(u, randomisation.light, randomisation.plain, scene, stage.subject, look)
    look[LIGHT, :3] = stage.cameras[view]['R'] @ look[LIGHT, :3]
    look[WALL_DISTANCE], look[WALL_IS_NEAR] = 1e5, 0.0  # no wall near enough for shadows: backgrounds are static
    return look


def _unit(vector: np.ndarray) -> np.ndarray:
    return vector / math.sqrt(vector @ vector)
