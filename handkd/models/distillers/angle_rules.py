"""Rules of EKD's teacher: bounds of the joint angles."""

from __future__ import annotations

from os import PathLike
from typing import NamedTuple

import torch
from torch import Tensor, nn

from handkd.geometry import VIOLATION_TOLERANCE, AngleLimits, angle_excess, joint_angles

from ..heads import PoseHead
from ..targets import stack_sides
from .base import DistillContext

HEAD = 'head'
"""Name of the student's layer whose output is its pose."""


class Verdict(NamedTuple):
    """Verdict of the rules on a batch of predictions.

    Attributes:
        pose: The student's final pose, in its codec's frame, shape (B, 21, 3), float32, with gradient.
        excess: Excess of the sine or cosine of each angle over its bounds, shape (B, 5, 4), with gradient.
        invalid: Which hands have at least one angle out of bounds, w of Eq. 3, shape (B,), 0 or 1.
    """

    pose: Tensor
    excess: Tensor
    invalid: Tensor


class AngleRules(nn.Module):
    """Judges a student's predictions by bounds of the joint angles (Zhang et al. 2020, section 3.2.1).

    The bounds are not stored in checkpoints.

    Args:
        limits: The file of bounds, as written by ``handkd limits``.

    Raises:
        FileNotFoundError: If it is missing.
        ValueError: If it is damaged.
    """

    def __init__(self, limits: str | PathLike) -> None:
        super().__init__()
        bounds = AngleLimits.read(limits)
        for name in ('low', 'high'):
            self.register_buffer(name, torch.tensor(getattr(bounds, name), dtype=torch.float32), persistent=False)

    def forward(self, context: DistillContext) -> Verdict:
        """Judge the student's predictions.

        Raises:
            ValueError: If its head predicts no joints in space, or a sample has no ``hand_side``.
        """
        head = context.head
        if not isinstance(head, PoseHead):
            raise ValueError(
                f'joint angles need a student that predicts joints in space, whose head is a {PoseHead.__name__}; '
                f'found {type(head).__name__}'
            )
        pose = head.pose_of(context.student[HEAD]).float()
        left = stack_sides(context.data_samples, pose.device)
        excess = angle_excess(*joint_angles(head.in_space(pose, context.data_samples), left), self.low, self.high)
        invalid = (excess.detach() > VIOLATION_TOLERANCE).flatten(1).any(1)
        return Verdict(pose, excess, invalid.float())
