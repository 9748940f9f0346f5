"""Attention transfer: the student's layers are active where the teacher's are, whatever their numbers of channels."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from handkd.hints import ConfigError, check_choice
from handkd.registry import MODELS

from ..rows import batch_mean
from .base import DistillContext
from .layer_distiller import LayerDistiller
from .layers import feature_map, unit_vectors

DISTANCES = {
    'norm': lambda difference: torch.linalg.vector_norm(difference, dim=1),
    'mean_square': lambda difference: difference.square().mean(1),
}


def attention_distance(
    student: Tensor,
    teacher: Tensor,
    power: float = 2.0,
    distance: str = 'norm',
    sample_weight: Tensor | None = None,
) -> Tensor:
    """Distance of two networks' attention maps (Zagoruyko and Komodakis 2017, arXiv 1612.03928, Eq. 2).

    With Q = vec(sum_c |F_c|^p), a sample's distance is || Q_S / ||Q_S||_2 - Q_T / ||Q_T||_2 ||_2. The numbers of
    channels may differ. A teacher's map Q of another size is resampled to the student's, bilinearly, with antialiasing
    when it shrinks.

    Args:
        student: Feature map of the crop, any unit, shape (B, C, h, w).
        teacher: The teacher's, shape (B, C', h', w').
        power: p, at least 1; the greater, the more the strongest channels count. Defaults to 2.0.
        distance: 'norm', as in the paper, or 'mean_square', the mean of the squared differences over the h w positions,
            as in the authors' published code, whose gradient vanishes as the maps approach each other. Defaults to
            'norm'.
        sample_weight: Weight of each sample in the mean, shape (B,), see :func:`~handkd.models.rows.batch_mean`.
            Defaults to None: all 1.

    Returns:
        The mean over the batch, a scalar; 'norm' is at most sqrt(2).
    """
    maps = [features.abs().pow(power).sum(1, keepdim=True) for features in (student, teacher)]
    size = student.shape[2:]
    if maps[1].shape[2:] != size:
        maps[1] = interpolate(maps[1], size, mode='bilinear', align_corners=False, antialias=True)
    own, wanted = (unit_vectors(attention.flatten(1)) for attention in maps)
    return batch_mean(DISTANCES[distance](own - wanted), sample_weight)


@MODELS.register_module()
class AttentionTransfer(LayerDistiller):
    """Pulls the attention maps of the student's layers towards those of a teacher (Zagoruyko and Komodakis 2017).

    An attention map is where a layer is active: the sum over its channels of |activation|^p. It needs no adapter.

    Args:
        layer (str | Sequence[str]): Dotted name of the student's layer, such as 'backbone', or several names; the
            distances of the pairs of layers are added, as in the paper.
        teacher (str): The teacher's name.
        teacher_layer (str | Sequence[str], optional): Dotted names of the teacher's layers, in the same order. Defaults
            to None: the same as ``layer``.
        power (float): p. Defaults to 2.0.
        distance (str): 'norm' or 'mean_square', see :func:`attention_distance`. Defaults to 'norm'.
        weight (float): Multiplies the loss; beta / 2 of Eq. 2. Defaults to 1.0.
        schedule (dict | list[dict], optional): Factor of the losses over the training, see
            :class:`~handkd.models.distillers.WeightSchedule`. Defaults to None: always 1.

    Raises:
        ConfigError: If ``power`` is less than 1, ``distance`` is unknown, or the numbers of layers differ.
    """

    takes_sample_weights = True
    several = True

    def __init__(
        self,
        layer: str | Sequence[str],
        teacher: str,
        teacher_layer: str | Sequence[str] | None = None,
        power: float = 2.0,
        distance: str = 'norm',
        weight: float = 1.0,
        schedule: dict | list[dict] | None = None,
    ) -> None:
        super().__init__(layer, teacher, teacher_layer, weight, schedule)
        check_choice(distance, DISTANCES, 'AttentionTransfer(distance=...)')
        if not power >= 1:
            raise ConfigError(f'AttentionTransfer: power must be at least 1, found {power!r}')
        self.power, self.distance = power, distance

    def forward(self, context: DistillContext) -> dict[str, Tensor]:
        """Return ``{'attention': weight * distance}``, the sum over the pairs of layers.

        Raises:
            ValueError: If a layer gives no feature map.
        """
        total = 0.0
        for (layer, teacher_layer), (student, teacher) in zip(self.pairs, self.outputs(context)):
            student = feature_map(student, f'AttentionTransfer: student.{layer}')
            teacher = feature_map(teacher, f'AttentionTransfer: {self.teacher}.{teacher_layer}')
            weights = context.sample_weight(student.device)
            total = total + attention_distance(student, teacher, self.power, self.distance, weights)
        return {'attention': self.weight * total}
