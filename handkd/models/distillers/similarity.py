"""Similarity-preserving distillation: samples are as similar to the student as they are to the teacher."""

from __future__ import annotations

from torch import Tensor

from handkd.registry import MODELS

from ..float32_layers import without_autocast
from .base import DistillContext, last_level
from .layer_distiller import LayerDistiller
from .layers import unit_vectors


def similarity_distance(student: Tensor, teacher: Tensor) -> Tensor:
    """Distance of two networks' similarities between samples (Tung and Mori 2019, arXiv 1907.09682).

    With Q the batch's features, one row per sample, G is Q Q^T with rows divided by their L2 norm; the loss is
    ||G_T - G_S||_F^2 / B^2.

    Args:
        student: Features of the crops, any unit, shape (B, ...).
        teacher: The teacher's, shape (B, ...).

    Returns:
        A scalar.
    """
    own, wanted = (_similarities(features.flatten(1)) for features in (student, teacher))
    return (wanted - own).square().mean()


def _similarities(rows: Tensor) -> Tensor:
    """Return G of features (B, D), shape (B, B)."""
    with without_autocast(rows.device):
        return unit_vectors(rows @ rows.T)


@MODELS.register_module()
class SimilarityPreserving(LayerDistiller):
    """Pulls the similarities between the batch's samples towards those of a teacher (SP, Tung and Mori 2019).

    The shapes of the features may differ, without an adapter: only similarities between samples are compared. Under
    several processes they are those within each process's own batch. The loss is not a mean over samples and takes no
    sample weights; that of a single sample is 0.

    Args:
        layer (str | Sequence[str]): Dotted name of the student's layer, such as 'backbone', or several names; the
            distances of the pairs of layers are added, as in the paper.
        teacher (str): The teacher's name.
        teacher_layer (str | Sequence[str], optional): Dotted names of the teacher's layers, in the same order. Defaults
            to None: the same as ``layer``.
        weight (float): Multiplies the loss; gamma of the paper. Defaults to 1.0.
        schedule (dict | list[dict], optional): Factor of the losses over the training, see
            :class:`~handkd.models.distillers.WeightSchedule`. Defaults to None: always 1.

    Raises:
        ConfigError: If the numbers of layers differ.
    """

    several = True

    def forward(self, context: DistillContext) -> dict[str, Tensor]:
        """Return ``{'similarity': weight * distance}``, the sum over the pairs of layers."""
        pairs = ((last_level(output).float() for output in pair) for pair in self.outputs(context))
        distances = [similarity_distance(student, teacher) for student, teacher in pairs]
        return {'similarity': self.weight * sum(distances)}
