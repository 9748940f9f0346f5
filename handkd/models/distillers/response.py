"""Base of the distillers that compare a student's and a teacher's response for each joint."""

from __future__ import annotations

from torch import Tensor

from ..rows import batch_mean
from ..targets import stack_joint_weights
from .base import DistillContext
from .layer_distiller import LayerDistiller


class ResponseDistiller(LayerDistiller):
    """Base of the distillers that compare outputs for each joint.

    Args:
        teacher (str): The teacher's name.
        layer (str): Dotted name of the student's layer. Defaults to 'head'.
        teacher_layer (str, optional): Dotted name of the teacher's layer. Defaults to None: the same as ``layer``.
        weight (float): Multiplies the loss. Defaults to 1.0.
        use_target_weight (bool): Whether each joint's loss is multiplied by its weight in the labels
            (:func:`~handkd.models.targets.stack_joint_weights`). Defaults to False: the teacher also teaches joints
            without a label.
        schedule (dict | list[dict], optional): Factor of the losses over the training, see
            :class:`~handkd.models.distillers.WeightSchedule`. Defaults to None: always 1.
    """

    takes_sample_weights = True

    def __init__(
        self,
        teacher: str,
        layer: str = 'head',
        teacher_layer: str | None = None,
        weight: float = 1.0,
        use_target_weight: bool = False,
        schedule: dict | list[dict] | None = None,
    ) -> None:
        super().__init__(layer, teacher, teacher_layer, weight, schedule)
        self.use_target_weight = use_target_weight

    def weighted_mean(self, per_joint: Tensor, context: DistillContext) -> Tensor:
        """Return ``weight`` times the mean over joints and batch, a scalar.

        Args:
            per_joint: Loss of each joint, any unit, shape (B, K), float32.
            context: The step's data, with the weights of joints and samples.
        """
        if self.use_target_weight:
            per_joint = per_joint * stack_joint_weights(context.data_samples, per_joint.device)
        return self.weight * batch_mean(per_joint.mean(1), context.sample_weight(per_joint.device))
