"""Offset loss of EKD's teacher: corrections from invalid predictions to the truth."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from mmcv.cnn import ConvModule
from torch import Tensor, nn

from handkd.hand import NUM_JOINTS
from handkd.hints import check_choice
from handkd.needs import needs
from handkd.registry import MODELS

from ..mlp import mlp
from ..rows import batch_mean, weighted_loss
from .angle_rules import HEAD, AngleRules
from .base import BaseDistiller, DistillContext, last_level

MODIFIED_ON = ('all', 'invalid')


@MODELS.register_module()
@needs(limits='angle_limits.file')
class OffsetTeacher(BaseDistiller):
    """Learns offsets that correct invalid predictions, and trains the student through them (Zhang et al. 2020, 3.2.3).

    From the student's features and predicted pose C^p, and from w, which is 1 for a hand with an angle out of bounds, a
    small network computes offsets M. They are trained by Loss_off = sum_k |M_k - w (C_k^g - C_k^p)| (Eq. 3), where C^g
    is the truth; and C^p + M has the student's own location loss, Loss_pos^mod (Eq. 4), whose gradient reaches the
    student, and M. Eq. 3 applies to all hands: for valid ones its target of M is 0. Loss_pos^mod also applies to all by
    default, and repeats the location loss for valid ones; ``modified_on='invalid'`` restricts it to invalid hands. The
    paper names no architecture. Here feature maps go through strided 3x3 convolutions, if there are any, and are
    averaged; with the pose and w they go through fully connected layers, of which the last is initialised to 0.

    The target of M has no gradient: it would push the student by the sign of M's error, away from the truth as well
    as towards it.

    Args:
        limits (str): The file of bounds, as written by ``handkd limits``.
        layers (Sequence[str]): Dotted names of the student's layers used as features; all of them maps of one size, or
            all of them vectors.
        in_channels (int): Total number of their channels.
        conv_channels (Sequence[int]): Widths of the convolutions. Defaults to ().
        hidden (Sequence[int]): Widths of the hidden fully connected layers. Defaults to (512, 256).
        offset_weight (float): Weight of Loss_off: lambda_2 of Eq. 4, which the paper does not give. Defaults to 1.0.
        modified_weight (float): Weight of Loss_pos^mod: lambda_3 of Eq. 4. Defaults to 1.0.
        modified_on (str): Hands to which Loss_pos^mod applies, 'all' or 'invalid'. Defaults to 'all'.
        schedule (dict | list[dict], optional): Factor of the losses over the training, see
            :class:`~handkd.models.distillers.WeightSchedule`. Defaults to None: always 1.

    Raises:
        FileNotFoundError: If the file of bounds is missing.
        ValueError: If it is damaged, no layer is named, ``modified_on`` is unknown, or the features have other shapes
            than configured; names both.
    """

    gt_instances = ('keypoints_cam',)
    takes_sample_weights = True

    def __init__(
        self,
        limits: str,
        layers: Sequence[str],
        in_channels: int,
        conv_channels: Sequence[int] = (),
        hidden: Sequence[int] = (512, 256),
        offset_weight: float = 1.0,
        modified_weight: float = 1.0,
        modified_on: str = 'all',
        schedule: dict | list[dict] | None = None,
    ) -> None:
        super().__init__(schedule)
        check_choice(modified_on, MODIFIED_ON, 'OffsetTeacher(modified_on=...)')
        if isinstance(layers, str) or not layers:
            raise ValueError(f"OffsetTeacher: layers must be a list of names such as ['neck'], found {layers!r}")
        self.rules = AngleRules(limits)
        self.layers, self.in_channels = tuple(layers), in_channels
        self.offset_weight, self.modified_weight = offset_weight, modified_weight
        self.modified_on = modified_on
        self.student_taps = (HEAD, *self.layers)
        widths = [in_channels, *conv_channels]
        norm = dict(type='BN')
        self.convs = nn.Sequential(
            *(ConvModule(a, b, 3, stride=2, padding=1, norm_cfg=norm) for a, b in zip(widths, widths[1:]))
        )
        self.fc = mlp([widths[-1] + NUM_JOINTS * 3 + 1, *hidden, NUM_JOINTS * 3])
        last = self.fc[-1]
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)

    def forward(self, context: DistillContext) -> dict[str, Tensor]:
        """Return ``offset``, lambda_2 Loss_off, and ``modified``, lambda_3 Loss_pos^mod; sums over a hand, batch mean.

        Raises:
            ValueError: If the student's head predicts no joints in space, a sample has no ``hand_side``, or the
                features have other shapes than configured.
        """
        pose, _, invalid = self.rules(context)
        offsets = self.offsets(self._features(context), pose, invalid)
        target, valid = context.head.encode_samples(context.data_samples, pose.device)
        wanted = invalid[:, None, None] * (target - pose.detach())
        taught = ((offsets - wanted).abs().sum(-1) * valid).sum(1)
        taught = batch_mean(taught, context.sample_weight(taught.device))
        counted = valid if self.modified_on == 'all' else valid * invalid[:, None]
        modified = weighted_loss(context.head.loss_module, context.data_samples, pose + offsets, target, counted)
        return {'offset': self.offset_weight * taught, 'modified': self.modified_weight * modified}

    def offsets(self, features: Tensor, pose: Tensor, invalid: Tensor) -> Tensor:
        """Return M, shape (B, 21, 3), float32, in the frame of the student's codec.

        Args:
            features: Feature map or vectors of the crop, any unit, shape (B, C, h, w) or (B, C).
            pose: The student's predictions in the codec's frame, shape (B, 21, 3).
            invalid: Which of them have an angle out of bounds, shape (B,), 0 or 1.
        """
        if features.ndim == 4:
            features = self.convs(features).mean((2, 3))
        known = torch.cat([features.float(), pose.flatten(1), invalid[:, None]], 1)
        return self.fc(known).float().unflatten(1, (NUM_JOINTS, 3))

    def _features(self, context: DistillContext) -> Tensor:
        """Return the student's features, concatenated along the channels."""
        features = [last_level(context.student[layer]) for layer in self.layers]
        shapes = [tuple(feature.shape) for feature in features]
        fits = sum(shape[1] for shape in shapes) == self.in_channels and len({shape[2:] for shape in shapes}) == 1
        if not fits or (self.convs and features[0].ndim != 4):
            kind = 'maps of one size' if self.convs else 'maps of one size, or vectors'
            raise ValueError(
                f'OffsetTeacher: in_channels is {self.in_channels}, of {kind}; {list(self.layers)} give {shapes}'
            )
        return torch.cat(features, 1)
