"""A distiller that needs an artifact, and declares it."""

from __future__ import annotations

import torch
from torch import Tensor

from handkd.geometry import joint_angles
from handkd.models import BaseDistiller, DistillContext, PoseHead
from handkd.models.targets import stack_sides
from handkd.needs import needs
from handkd.registry import MODELS

from .synergies import read_synergies


@MODELS.register_module()
@needs(synergies='synergies.file')
class SynergyPrior(BaseDistiller):
    """Pulls the student's hand shapes towards those that few synergies describe.

    The loss is the squared distance of the joint angles, as sines and cosines, from the plane of the synergies.

    Args:
        synergies (str): File of the synergies; taken from the config's ``synergies.file``.
        weight (float): Multiplies the loss. Defaults to 0.1.

    Raises:
        FileNotFoundError: If the file is missing.
        ValueError: If it is damaged.
    """

    student_taps = ('head',)

    def __init__(self, synergies: str, weight: float = 0.1) -> None:
        super().__init__()
        self.weight = weight
        arrays = read_synergies(synergies)
        for name in ('mean', 'basis'):  # kept out of checkpoints: the file has them
            self.register_buffer(name, torch.tensor(arrays[name], dtype=torch.float32), persistent=False)

    def forward(self, context: DistillContext) -> dict[str, Tensor]:
        """Return ``{'synergy': weight * squared distance}``, summed over a hand's 20 angles, batch mean.

        Raises:
            ValueError: If the student predicts no joints in space.
        """
        head = context.head
        if not isinstance(head, PoseHead):
            raise ValueError(f'SynergyPrior needs a student with a PoseHead, found a {type(head).__name__}')
        joints = head.in_space(head.pose_of(context.student['head']).float(), context.data_samples)
        angles, _ = joint_angles(joints, stack_sides(context.data_samples, joints.device))
        return {'synergy': self.weight * self.distance(angles.flatten(1)).mean()}

    def distance(self, angles: Tensor) -> Tensor:
        """Return the squared distance of angles from the plane of the synergies, shape (B,).

        Args:
            angles: Sines and cosines of the joint angles, relative to the palm, shape (B, 20).
        """
        rest = angles - self.mean
        return (rest - rest @ self.basis.T @ self.basis).square().sum(1)
