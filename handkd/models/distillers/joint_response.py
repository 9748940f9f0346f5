"""Response distillation of joints that a head regresses directly."""

from __future__ import annotations

from torch import Tensor

from handkd.hints import ConfigError, check_choice
from handkd.registry import MODELS

from .base import DistillContext
from .feature_mimic import DISTANCES
from .response import ResponseDistiller


def joint_distance(student: Tensor, teacher: Tensor, norm: str = 'l1') -> Tensor:
    """Distance between two networks' joints, for each joint.

    Args:
        student: Joints, any unit, any frame, shape (B, K, D).
        teacher: Joints in the same unit and frame, shape (B, K, D).
        norm: 'l1' for the sum of absolute differences of the coordinates, 'l2' for the sum of their squares. Defaults
            to 'l1'.

    Returns:
        Shape (B, K), float32, in the unit of the joints, squared for 'l2'.
    """
    return DISTANCES[norm](student.float() - teacher.float()).sum(-1)


@MODELS.register_module()
class JointResponse(ResponseDistiller):
    """Pulls the joints that a student regresses towards those of a teacher with the same kind of head.

    The joints are the outputs of MMPose's ``RegressionHead`` (B, K, 2), ``RLEHead``, without its deviations, and
    ``IntegralRegressionHead`` and ``DSNTHead``, without their heat maps, in shares of the input's sides whatever its
    size; or the poses (B, 21, 3) of a :class:`~handkd.models.PoseHead`, in the frame of its codec, which must be that
    of the teacher.

    Typical weight: 1.0. The loss has the scale of the student's own regression loss, and ends at the teacher's error;
    a ``schedule=dict(type='linear')`` lets the labels have the last word.

    Args:
        teacher (str): The teacher's name.
        layer (str): Dotted name of the student's layer. Defaults to 'head'.
        teacher_layer (str, optional): Dotted name of the teacher's layer. Defaults to None: the same as ``layer``.
        norm (str): 'l1' or 'l2'. Defaults to 'l1'.
        weight (float): Multiplies the loss. Defaults to 1.0.
        use_target_weight (bool): Whether each joint's loss is multiplied by its weight in the labels
            (:func:`~handkd.models.targets.stack_joint_weights`). Defaults to False: the teacher also teaches joints
            without a label.
        schedule (dict | list[dict], optional): Factor of the losses over the training, see
            :class:`~handkd.models.distillers.WeightSchedule`. Defaults to None: always 1.

    Raises:
        ConfigError: If ``norm`` is unknown.
    """

    def __init__(
        self,
        teacher: str,
        layer: str = 'head',
        teacher_layer: str | None = None,
        norm: str = 'l1',
        weight: float = 1.0,
        use_target_weight: bool = False,
        schedule: dict | list[dict] | None = None,
    ) -> None:
        super().__init__(teacher, layer, teacher_layer, weight, use_target_weight, schedule)
        check_choice(norm, DISTANCES, 'JointResponse(norm=...)')
        self.norm = norm

    def forward(self, context: DistillContext) -> dict[str, Tensor]:
        """Return ``{'joints': weight * distance}``, a sum over coordinates and a mean over joints and batch.

        Raises:
            ConfigError: If the outputs are not joints of the same number and dimension.
        """
        read = getattr(context.head, 'pose_of', _joints) if self.layer == 'head' else _joints
        student, teacher = (read(output) for output in self.outputs(context)[0])
        shapes = [_shape(joints) for joints in (student, teacher)]
        if len(shapes[0]) != 3 or not isinstance(student, Tensor) or shapes[0] != shapes[1]:
            raise ConfigError(
                f'JointResponse: the layer {self.layer!r} of the student gives {shapes[0]}, and '
                f'{self.teacher_layer!r} of {self.teacher!r} {shapes[1]}, expected the same joints (B, K, 2) or '
                '(B, K, 3): heat maps take HeatmapResponse, and SimCC vectors SimCCResponse'
            )
        return {'joints': self.weighted_mean(joint_distance(student, teacher, self.norm), context)}


def _joints(output: object) -> object:
    """Return the joints in the output of a regression head of MMPose."""
    if isinstance(output, (tuple, list)) and [getattr(part, 'ndim', 0) for part in output] == [3, 4]:
        return output[0]  # joints and the heat maps whose means they are
    if isinstance(output, Tensor) and output.ndim == 3 and output.shape[2] == 4:
        return output[..., :2]  # joints and the deviations of RLEHead
    return output


def _shape(output: object) -> tuple:
    """Return the shape of a tensor, or the shapes of several."""
    return tuple(map(_shape, output)) if isinstance(output, (tuple, list)) else tuple(getattr(output, 'shape', ()))
