"""Feature mimicking: pulls a layer of the student towards a layer of the teacher."""

from __future__ import annotations

from torch import Tensor

from handkd.hints import check_choice
from handkd.registry import MODELS

from ..rows import batch_mean
from .base import DistillContext, last_level
from .layer_distiller import LayerDistiller

DISTANCES = {'l1': Tensor.abs, 'l2': Tensor.square}


def feature_distance(
    student: Tensor,
    teacher: Tensor,
    norm: str = 'l1',
    reduction: str = 'sum',
    sample_weight: Tensor | None = None,
) -> Tensor:
    """Distance between two networks' features, averaged over the batch.

    Args:
        student: Features of the crop, any unit: vectors or a feature map, shape (B, ...).
        teacher: Features of the same shape and unit.
        norm: 'l1' for the sum of absolute differences (PMD-Net, Eq. 3), 'l2' for the sum of squares (PI, Eq. 1).
            Defaults to 'l1'.
        reduction: 'sum' over a sample's features, as in the papers' norms, or 'mean'. Defaults to 'sum'.
        sample_weight: Weight of each sample in the mean, shape (B,), see :func:`~handkd.models.rows.batch_mean`.
            Defaults to None: all 1.

    Returns:
        A scalar, in the unit of the features, squared for 'l2'.

    Raises:
        ValueError: If the shapes differ.
    """
    if student.shape != teacher.shape:
        raise ValueError(
            f"the student's features {tuple(student.shape)} and the teacher's {tuple(teacher.shape)} differ: "
            f"adapter=dict(type='FeatureAdapter', in_channels={student.shape[1]}, out_channels={teacher.shape[1]}) of "
            'FeatureMimic converts them'
        )
    per_sample = DISTANCES[norm](student.float() - teacher.float()).flatten(1)
    return batch_mean(per_sample.sum(1) if reduction == 'sum' else per_sample.mean(1), sample_weight)


@MODELS.register_module()
class FeatureMimic(LayerDistiller):
    """Pulls a layer of the student towards a layer of a teacher that may see another modality.

    With ``norm='l2'`` and an adapter this is the feature loss of DWPose (Yang et al. 2023, arXiv 2307.15880) as
    MMPose's ``FeaLoss`` computes it, and the hint loss of FitNets (Romero et al. 2015, arXiv 1412.6550), whose factor
    1/2 is left to ``weight``. FitNets minimises it alone, in a first stage; here it is added to the student's own
    losses.

    Typical weights: with ``reduction='sum'`` the loss grows with the size of the layer, and weights are small: 1/16 for
    a vector of PMD-Net, 7e-5 for the last feature map of DWPose's networks with ``schedule=dict(type='linear')``. Where
    it meets the pose loss, the gradients of both should have about the same size (``GradientLogHook``).

    Args:
        layer (str): Dotted name of the student's layer, such as 'neck' or 'head.branches.x.relu2'.
        teacher_layer (str, optional): Dotted name of the teacher's layer. Defaults to None: the same as ``layer``.
        teacher (str): The teacher's name. Defaults to 'depth'.
        norm (str): 'l1' or 'l2'. Defaults to 'l1'.
        reduction (str): 'sum' or 'mean' over a sample's features. Defaults to 'sum'.
        weight (float): Multiplies the loss; lambda of PMD-Net, Eq. 3. Defaults to 1.0.
        adapter (dict, optional): Config of the :class:`~handkd.models.distillers.FeatureAdapter` that converts the
            student's features to the teacher's channels and size. Defaults to None: both have the same shape.
        schedule (dict | list[dict], optional): Factor of the losses over the training, see
            :class:`~handkd.models.distillers.WeightSchedule`. Defaults to None: always 1.

    Raises:
        ValueError: If ``norm`` or ``reduction`` is unknown.
    """

    takes_sample_weights = True

    def __init__(
        self,
        layer: str,
        teacher_layer: str | None = None,
        teacher: str = 'depth',
        norm: str = 'l1',
        reduction: str = 'sum',
        weight: float = 1.0,
        adapter: dict | None = None,
        schedule: dict | list[dict] | None = None,
    ) -> None:
        super().__init__(layer, teacher, teacher_layer, weight, schedule)
        check_choice(norm, DISTANCES, 'FeatureMimic(norm=...)')
        check_choice(reduction, ('sum', 'mean'), 'FeatureMimic(reduction=...)')
        self.norm = norm
        self.reduction = reduction
        self.adapter = None if adapter is None else MODELS.build(adapter)

    def forward(self, context: DistillContext) -> dict[str, Tensor]:
        """Return ``{'mimic': weight * distance}``."""
        ((student, teacher),) = (map(last_level, pair) for pair in self.outputs(context))
        if self.adapter is not None:
            student = self.adapter(student, teacher)
        weight = context.sample_weight(student.device)
        distance = feature_distance(student, teacher, self.norm, self.reduction, weight)
        return {'mimic': self.weight * distance}
