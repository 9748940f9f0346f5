"""Relational distillation: distances and angles between the samples of a batch, as the teacher's features have them."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import smooth_l1_loss

from handkd.registry import MODELS

from ..float32_layers import without_autocast
from .base import DistillContext, last_level
from .layer_distiller import LayerDistiller
from .layers import unit_vectors

COINCIDENT = 1e-6
"""Points closer than this share of the batch's mean distance have no direction between them."""


def relational_distance(student: Tensor, teacher: Tensor) -> Tensor:
    """Difference of the normalised distances between samples (Park et al. 2019, arXiv 1904.05068, RKD-D).

    psi(t_i, t_j) = ||t_i - t_j||_2 / mu, with mu the mean distance of the batch's pairs; the loss is the mean over the
    ordered pairs i != j of Huber's loss (delta 1) of psi(teacher) and psi(student). The authors' published code
    averages over all B^2 pairs instead, B / (B - 1) times less.

    Args:
        student: Embeddings of the crops, any unit, shape (B, D).
        teacher: The teacher's, shape (B, D').

    Returns:
        A scalar; 0 for fewer than 2 samples, and for 2, whose distance is its own mean.
    """
    pairs = len(student) * (len(student) - 1)
    if not pairs:
        return student.new_zeros(())
    own, wanted = (_lengths(_differences(points)) for points in (student, teacher))
    own, wanted = (lengths / (lengths.sum() / pairs).clamp_min(1e-12) for lengths in (own, wanted))
    return smooth_l1_loss(own, wanted, reduction='sum') / pairs


def relational_angle(student: Tensor, teacher: Tensor) -> Tensor:
    """Difference of the angles between samples (Park et al. 2019, arXiv 1904.05068, RKD-A).

    psi(t_i, t_j, t_k) = cos of the angle at t_j, between t_i - t_j and t_k - t_j; the loss is the mean over the ordered
    triples of distinct i, j, k of Huber's loss (delta 1) of psi(teacher) and psi(student). A triple in which t_j
    coincides with another point, in either network, has no angle and counts as 0. The authors' published code averages
    over all B^3 triples instead.

    Args:
        student: Embeddings of the crops, any unit, shape (B, D).
        teacher: The teacher's, shape (B, D').

    Returns:
        A scalar; 0 for fewer than 3 samples.
    """
    count = len(student)
    if count < 3:
        return student.new_zeros(())
    (own, some), (wanted, others) = (_cosines(points) for points in (student, teacher))
    distinct = ~torch.eye(count, dtype=torch.bool, device=student.device)
    losses = smooth_l1_loss(own, wanted, reduction='none') * (some & others & distinct)
    return losses.sum() / (count * (count - 1) * (count - 2))


def _differences(points: Tensor) -> Tensor:
    """Return p_i - p_j at (j, i), shape (B, B, D)."""
    return points[None] - points[:, None]


def _lengths(vectors: Tensor) -> Tensor:
    """Return the lengths of vectors; the gradient of one of length 0 is 0."""
    return torch.linalg.vector_norm(vectors, dim=-1)


def _cosines(points: Tensor) -> tuple[Tensor, Tensor]:
    """Return the cosine of the angle i, j, k at (j, i, k), and whether its sides have a length."""
    differences = _differences(points)
    with torch.no_grad():
        lengths = _lengths(differences)
        apart = lengths > COINCIDENT * lengths.mean()
    sides = unit_vectors(differences * apart[..., None])
    with without_autocast(points.device):
        cosines = sides @ sides.transpose(1, 2)
    return cosines, apart[:, :, None] & apart[:, None]


@MODELS.register_module()
class Relational(LayerDistiller):
    """Pulls the distances and angles between the batch's samples towards those of a teacher (RKD, Park et al. 2019).

    The numbers of features may differ, without an adapter: only relations between samples are compared. A feature map
    is averaged over its positions; anything else is an embedding. Under several processes the relations are those
    within each process's own batch. A batch of fewer than three samples, as a mixture of sets may give, has no
    relations and a loss of 0. It is not a mean over samples and takes no sample weights.

    Args:
        layer (str): Dotted name of the student's layer, such as 'neck'.
        teacher (str): The teacher's name.
        teacher_layer (str, optional): Dotted name of the teacher's layer. Defaults to None: the same as ``layer``.
        distance_weight (float): Weight of the distances. Defaults to 25.0, as in the paper's classification; 0 leaves
            them out.
        angle_weight (float): Weight of the angles. Defaults to 50.0, twice the distances' as in the paper; 0 leaves
            them out.
        weight (float): Multiplies both. Defaults to 1.0.
        schedule (dict | list[dict], optional): Factor of the losses over the training, see
            :class:`~handkd.models.distillers.WeightSchedule`. Defaults to None: always 1.
    """

    def __init__(
        self,
        layer: str,
        teacher: str,
        teacher_layer: str | None = None,
        distance_weight: float = 25.0,
        angle_weight: float = 50.0,
        weight: float = 1.0,
        schedule: dict | list[dict] | None = None,
    ) -> None:
        super().__init__(layer, teacher, teacher_layer, weight, schedule)
        self.distance_weight, self.angle_weight = distance_weight, angle_weight

    def forward(self, context: DistillContext) -> dict[str, Tensor]:
        """Return ``distance`` and ``angle``, each with its weight; without the one whose weight is 0."""
        ((student, teacher),) = (map(embeddings, pair) for pair in self.outputs(context))
        losses = {}
        if self.distance_weight:
            losses['distance'] = self.weight * self.distance_weight * relational_distance(student, teacher)
        if self.angle_weight:
            losses['angle'] = self.weight * self.angle_weight * relational_angle(student, teacher)
        return losses


def embeddings(output: object) -> Tensor:
    """Return a layer's output as one vector per sample, shape (B, D), float32.

    Args:
        output: Any unit: a feature map (B, D, h, w), averaged over its positions, or vectors (B, ...), flattened; of a
            pyramid, its last level.
    """
    features = last_level(output).float()
    return features.mean((2, 3)) if features.ndim == 4 else features.flatten(1)
