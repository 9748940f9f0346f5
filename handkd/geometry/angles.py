"""The 20 joint angles of Zhang et al. (2020, EKD), as sines and cosines, and their excess over bounds.

R is the wrist, M, P, D, T the joints of a finger from palm to tip, FF and LF the index and the little finger:
l12 = P - M, l23 = D - P, l34 = T - D. The reference line is u = M_FF - M_LF (the paper's L1), the reference plane (P1)
has the normal n = s (M_FF - R) x (M_LF - R), where s is 1 for a right hand and -1 for a left one, so that an angle
means the same on both. If a data set labels another point as joint 0, such as the palm's centre, that is R, and theta1
differs by some degrees: limits hold for one kind of joint 0 only. With hats for unit vectors each finger has

* sin theta0 = l12^ . u^, its swing along the line, positive towards the index: the angle to its perpendicular;
* sin theta1 = l12^ . n^, its rise out of the plane, positive towards the palm;
* cos theta2 = l12^ . l23^ and cos theta3 = l23^ . l34^, the bends of the next two joints, 0 to 180 degrees.

theta0 and theta1 are from -90 to 90 degrees, where the sine grows with them. The cosine falls as theta2 and theta3
grow: their largest angle is their *lowest* value. The thumb's M is its first joint, and the line and plane are the
hand's. No angle itself is computed: the arc cosine's slope is infinite where a finger is straight.
"""

from __future__ import annotations

import torch
from torch import Tensor

from handkd.hand import FINGERS, JOINT_INDEX, finger_joints

ANGLE_NAMES = ('theta0', 'theta1', 'theta2', 'theta3')
"""Angles of a finger, in the order of the values; the first two are given as sines, the others as cosines."""

_FINGERS = tuple(finger_joints(finger) for finger in FINGERS)

ANGLE_JOINTS: tuple[tuple[int, int, int, int], ...] = tuple((m, m, p, d) for m, p, d, _ in _FINGERS)
"""Joint of each angle, by finger and angle; the thumb's first is ``thumb_cmc``."""

VIOLATION_TOLERANCE = 1e-6
"""Sines and cosines count as out of bounds only if their excess is greater than this."""

_WRIST, _INDEX, _LITTLE = (JOINT_INDEX[name] for name in ('wrist', 'index_mcp', 'little_mcp'))
_DEGENERATE = 1e-4
"""Bones and lines shorter than this share of the hand have no direction."""


def joint_angles(joints: Tensor, left: Tensor) -> tuple[Tensor, Tensor]:
    """Sines and cosines of a hand's joint angles.

    They don't change if a hand is rotated, scaled or shifted, or if it is mirrored and its side swapped.

    Args:
        joints: Shape (..., 21, 3), camera axes, any unit if the same along all three; not pixels with depth.
        left: Which of them are left hands, shape (...), bool.

    Returns:
        sin theta0, sin theta1, cos theta2 and cos theta3 of each finger from the thumb on, shape (..., 5, 4), of the
        joints' dtype and differentiable; and which of them exist, of the same shape, bool. An angle does not exist if
        one of its directions is shorter than 1e-4 of the hand, or a joint of the hand is not finite; its value is then
        finite, and its gradient 0.
    """
    finite = joints.isfinite().all(-1).all(-1)[..., None, None]
    joints = torch.where(finite, joints, torch.zeros_like(joints))  # a point has no angles, and no NaN in its gradient
    size = (joints - joints[..., _WRIST, None, :]).detach().norm(dim=-1).amax(-1)  # the farthest joint's distance
    floor = _DEGENERATE * size
    fingers = joints[..., _FINGERS, :]  # (..., 5, 4, 3)
    bones, bones_defined = _direction(fingers[..., 1:, :] - fingers[..., :-1, :], floor[..., None, None])
    index, little, wrist = (joints[..., joint, :] for joint in (_INDEX, _LITTLE, _WRIST))
    line, line_defined = _direction(index - little, floor)
    sign = torch.where(left, -1.0, 1.0).to(joints)[..., None]
    normal = sign * torch.linalg.cross(index - wrist, little - wrist)
    normal, normal_defined = _direction(normal, floor * size)

    first = bones[..., 0, :]  # l12^ of each finger
    swing, rise = ((first * axis[..., None, :]).sum(-1) for axis in (line, normal))
    bends = (bones[..., :-1, :] * bones[..., 1:, :]).sum(-1)
    frame_defined = torch.stack([line_defined, normal_defined], -1)[..., None, :] & bones_defined[..., :1]
    defined = torch.cat([frame_defined, bones_defined[..., :-1] & bones_defined[..., 1:]], -1)
    return torch.cat([torch.stack([swing, rise], -1), bends], -1), defined


def _direction(vectors: Tensor, floor: Tensor) -> tuple[Tensor, Tensor]:
    """Return unit vectors (..., 3), and which exist: those longer than ``floor``; a constant replaces the others.

    They are replaced before the division, because a gradient through 0 / 0 would be NaN even if masked later.
    """
    defined = vectors.detach().norm(dim=-1) > floor
    vectors = torch.where(defined[..., None], vectors, torch.ones_like(vectors))
    return vectors / vectors.norm(dim=-1, keepdim=True), defined


def angle_excess(values: Tensor, defined: Tensor, low: Tensor, high: Tensor) -> Tensor:
    """Excess of sines and cosines of joint angles over their bounds (Zhang et al., Eq. 2, bounds in the right order).

    The paper bounds f(theta) by f(theta_min) from below and f(theta_max) from above. For a cosine that is the wrong way
    round and would penalise valid angles: here ``low`` and ``high`` are the least and greatest values of f itself.

    Args:
        values: Sines and cosines, -1 to 1, relative to the palm, as :func:`joint_angles` returns them, shape
            (..., 5, 4).
        defined: Which of them exist, of the same shape, bool.
        low: Least allowed values, shape (5, 4).
        high: Greatest allowed values, shape (5, 4).

    Returns:
        max(f - high, 0) + max(low - f, 0), shape (..., 5, 4), 0 for an angle that does not exist.
    """
    excess = (values - high).relu() + (low - values).relu()
    return torch.where(defined, excess, torch.zeros_like(excess))
