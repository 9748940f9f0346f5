"""Geometry of one sample: pose, view, camera and spheres, drawn from one block of uniform deviates."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from handkd.compiling import njit

from .anatomy import ARM_FRAME, NUM_FRAMES, UPPER_ARM_FRAME, Subject
from .body import palm_lines, place_spheres
from .framing import crop_intrinsics, random_rotation, upright_rotation
from .occluders import NUM_SPHERES
from .pose import ATTEMPTS, HIGH, LOW, NUM_ANGLES, UNIFORMS, forward_kinematics, sample_pose
from .renderer import JIT

FULL_WIDTH, FULL_HEIGHT = 640, 480
"""Size (px) of the whole image of which a sample is a crop."""
FOREARM_CONE = math.cos(math.radians(56.0))
"""Cosine of the smallest angle between forearm and view ray; below it the forearm hides the hand, and is redrawn."""
NUM_VIEW_UNIFORMS = 64
NUM_UNIFORMS = ATTEMPTS * UNIFORMS + NUM_VIEW_UNIFORMS
"""Number of uniform deviates for the geometry of one sample."""


class Scene(NamedTuple):
    """Geometry of one sample; camera axes and mm unless stated otherwise."""

    angles: np.ndarray
    """(24,) radians: see :data:`handkd.studio.pose.ANGLES`."""
    palm_joints: np.ndarray
    """(21, 3) joints of the right hand in the palm frame."""
    joints: np.ndarray
    """(21, 3) joints."""
    frames: np.ndarray
    """(23, 3, 3) bone frames (columns lateral, along, palmar); of a left hand mirrored, so with determinant -1."""
    spheres: np.ndarray
    """(S, 4) spheres of body and objects."""
    pose: np.ndarray
    """(3, 4) palm frame to camera: rotation (mirrored for a left hand) and the wrist."""
    intrinsics: np.ndarray
    """(3,) focal length and principal point, px."""
    lines: np.ndarray
    """(5, 3) borders of the palm's regions."""


def empty_scene() -> Scene:
    """Allocate a scene."""
    return Scene(
        np.zeros(NUM_ANGLES), np.zeros((21, 3)), np.zeros((21, 3)), np.zeros((NUM_FRAMES, 3, 3)),
        np.zeros((NUM_SPHERES, 4)), np.zeros((3, 4)), np.zeros(3), np.zeros((5, 3)),
    )  # fmt: skip


@njit(**JIT)
def _aim(v: np.ndarray, mirror: bool, x: float, y: float, z: float, view: float, scene: Scene) -> None:
    """Draw view and wrist until the forearm of a hand at (x, y, z) does not point at the camera."""
    side = -1.0 if mirror else 1.0
    inv = 1.0 / math.sqrt(x * x + y * y + z * z)
    rotation = scene.pose[:, :3]
    for k in range(5):
        if view < math.pi:
            upright_rotation(v[3 * k], v[3 * k + 1], v[3 * k + 2], v[48 + k], view, rotation)
        else:
            random_rotation(v[3 * k], v[3 * k + 1], v[3 * k + 2], rotation)
        for w in range(4):
            if k + w > 0:
                a, b = v[16 + 2 * ((k + w) % 8)], v[17 + 2 * ((k + w) % 8)]
                scene.angles[0] = LOW[0] + (HIGH[0] - LOW[0]) * a
                scene.angles[1] = LOW[1] + (HIGH[1] - LOW[1]) * b
            arm = _forearm_axis(scene.angles[0], scene.angles[1])
            towards = 0.0
            for i in range(3):
                along = rotation[i, 0] * side * arm[0] + rotation[i, 1] * arm[1] + rotation[i, 2] * arm[2]
                towards += (x, y, z)[i] * inv * along
            if towards < FOREARM_CONE:
                return


@njit(**JIT)
def _forearm_axis(flexion: float, deviation: float) -> tuple[float, float, float]:
    """Direction from the elbow to the wrist in the palm frame: Rx(-flexion) Rz(-deviation) y."""
    c, s = math.cos(flexion), math.sin(flexion)
    return math.sin(deviation), math.cos(deviation) * c, -math.cos(deviation) * s


@njit(**JIT)
def _aim_upper_arm(scene: Scene, u: float) -> None:
    """Point the upper arm away from the image's centre, so that no cut end is visible."""
    m = scene.frames
    r = scene.pose
    dx, dy = -m[ARM_FRAME, 0, 1], -m[ARM_FRAME, 1, 1]
    ox = r[0, 0] * dx + r[0, 1] * dy - r[0, 2] * m[ARM_FRAME, 2, 1] + 0.25 * (u - 0.5)
    oy = r[1, 0] * dx + r[1, 1] * dy - r[1, 2] * m[ARM_FRAME, 2, 1] + 0.15
    oz = 0.25
    n = math.sqrt(ox * ox + oy * oy + oz * oz)
    for k in range(3):
        m[UPPER_ARM_FRAME, k, 1] = (r[0, k] * ox + r[1, k] * oy + r[2, k] * oz) / n


@njit(**JIT)
def build_scene(
    u: np.ndarray,
    subject: Subject,
    mirror: bool,
    resolution: int,
    factor: float,
    zoom: tuple[float, float],
    shift: float,
    focal_range: tuple[float, float],
    distance_range: tuple[float, float],
    view: float,
    offset: float,
    scene: Scene,
) -> None:
    """Draw pose, view and camera, and place the body in front of the camera.

    Args:
        u: (NUM_UNIFORMS,) uniform deviates.
        subject: The subject.
        mirror: True for a left hand.
        resolution: Side of the image, px.
        factor: Side of the crop over the joints' extent.
        zoom: (low, high) random factor on that side.
        shift: Largest random displacement of the crop, over its side.
        focal_range: (low, high) focal length of the whole 640 x 480 camera, px.
        distance_range: (low, high) distance of the hand, mm.
        view: Largest angle to an upright hand that shows palm or back, radians; from pi on views are uniform.
        offset: Share of the whole image, from its middle, within which the hand lies.
        scene: Output.
    """
    sample_pose(u[: ATTEMPTS * UNIFORMS], subject, scene.angles, scene.palm_joints, scene.frames)
    v = u[ATTEMPTS * UNIFORMS :]
    focal = focal_range[0] * (focal_range[1] / focal_range[0]) ** v[41]
    distance = distance_range[0] * (distance_range[1] / distance_range[0]) ** v[42]
    px, py = 0.5 * (FULL_WIDTH - 1), 0.5 * (FULL_HEIGHT - 1)
    x = (v[43] - 0.5) * offset * FULL_WIDTH / focal * distance
    y = (v[44] - 0.5) * offset * FULL_HEIGHT / focal * distance
    _aim(v, mirror, x, y, distance, view, scene)
    forward_kinematics(scene.angles, subject, scene.palm_joints, scene.frames)
    if mirror:
        scene.pose[:, 0] *= -1.0
    _aim_upper_arm(scene, v[40])
    place_spheres(subject, scene.palm_joints, scene.frames, scene.spheres)
    palm_lines(scene.palm_joints, scene.lines)
    _move(scene, x, y, distance)
    side = factor * (zoom[0] + (zoom[1] - zoom[0]) * v[45])
    sx, sy = shift * (2.0 * v[46] - 1.0), shift * (2.0 * v[47] - 1.0)
    crop_intrinsics(scene.joints, focal, px, py, side, sx, sy, resolution, scene.intrinsics)


@njit(**JIT)
def _move(scene: Scene, x: float, y: float, z: float) -> None:
    """Transform everything from the palm frame to camera axes, the middle finger's MCP joint to (x, y, z), mm."""
    r = scene.pose
    mid = scene.palm_joints[9]
    target = (x, y, z)
    for i in range(3):
        r[i, 3] = target[i] - (r[i, 0] * mid[0] + r[i, 1] * mid[1] + r[i, 2] * mid[2])
    for j in range(scene.joints.shape[0]):
        p = scene.palm_joints[j]
        for i in range(3):
            scene.joints[j, i] = r[i, 0] * p[0] + r[i, 1] * p[1] + r[i, 2] * p[2] + r[i, 3]
    for j in range(scene.spheres.shape[0]):
        a, b, c = scene.spheres[j, 0], scene.spheres[j, 1], scene.spheres[j, 2]
        for i in range(3):
            scene.spheres[j, i] = r[i, 0] * a + r[i, 1] * b + r[i, 2] * c + r[i, 3]
    for p in range(scene.frames.shape[0]):
        for k in range(3):
            a, b, c = scene.frames[p, 0, k], scene.frames[p, 1, k], scene.frames[p, 2, k]
            for i in range(3):
                scene.frames[p, i, k] = r[i, 0] * a + r[i, 1] * b + r[i, 2] * c


def view_scene(scene: Scene, rotation: np.ndarray, translation: np.ndarray, intrinsics: np.ndarray) -> Scene:
    """Return a scene in the axes of another camera.

    Args:
        scene: A scene; its camera axes are the world.
        rotation, translation: (3, 3) and (3,) mm, world to the other camera.
        intrinsics: (3,) focal length and principal point of the other camera, px.
    """
    spheres = scene.spheres.copy()
    spheres[:, :3] = spheres[:, :3] @ rotation.T + translation
    pose = rotation @ scene.pose
    pose[:, 3] += translation
    return scene._replace(
        joints=scene.joints @ rotation.T + translation, frames=rotation @ scene.frames, spheres=spheres, pose=pose,
        intrinsics=np.asarray(intrinsics, np.float64),
    )  # fmt: skip
