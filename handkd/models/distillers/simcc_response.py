"""Response distillation of SimCC heads, as in both stages of DWPose."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F

from handkd.hints import ConfigError
from handkd.registry import MODELS

from .base import DistillContext
from .resampling import resample_distribution
from .response import ResponseDistiller


def simcc_divergence(student: Tensor, teacher: Tensor, beta: float = 1.0, offset: float | None = None) -> Tensor:
    """KL divergence of a student's SimCC vectors from a teacher's along an axis, for each joint.

    KL(p || q) = sum_i p_i log(p_i / q_i), where p = softmax(beta t) and q = softmax(beta s) over the axis's bins, as in
    DWPose's logit distillation (Yang et al. 2023, arXiv 2307.15880). beta is the reciprocal of a temperature, whose
    square does not multiply the loss.

    Args:
        student: SimCC vectors s of the crop before the softmax, any unit, shape (B, K, L).
        teacher: SimCC vectors t, shape (B, K, L'). If L' is not L, p is converted to the student's bins.
        beta: Factor of both vectors. Defaults to 1.0.
        offset: Position of the teacher's bin 0 in the student's bins, if L' is not L, see
            :func:`~handkd.models.distillers.resampling.resample_distribution`. Defaults to None: both cover the same
            range.

    Returns:
        Shape (B, K), float32, in nats.
    """
    target = F.softmax(teacher.float() * beta, dim=-1)
    if target.shape[-1] != student.shape[-1]:
        target = resample_distribution(target, student.shape[-1], offset)
    return F.kl_div(F.log_softmax(student.float() * beta, dim=-1), target, reduction='none').sum(-1)


@MODELS.register_module()
class SimCCResponse(ResponseDistiller):
    """Pulls the SimCC distributions of a student towards those of a teacher (DWPose, Yang et al. 2023, logit loss).

    The divergences of :func:`simcc_divergence` along x and y are added, and averaged over joints and batch, like those
    of MMPose's ``KDLoss``, which also ignores the labels' weights.

    Typical weights: DWPose's configs have 0.1 in the first stage, with ``schedule=dict(type='linear')``, and 1.0
    without a schedule in the second, which trains the head alone. MMPose's own ``KLDiscretLoss`` is a mean over the
    bins and a sum over the batch, this loss a sum over the bins and a mean over the batch: their ratio changes with the
    sizes of batch and input, so look at ``GradientLogHook``'s ratio at the head.

    Losses and gradients of both stages are those of MMPose's ``DWPoseDistiller`` on the same weights, with its teacher
    in eval mode, as teachers are here. In MMPose's own runs that teacher is in training mode, so its predictions depend
    on the batch, and the statistics of its batch normalisations change.

    A teacher of another input size or split ratio has another number of bins. Its distribution is moved to the
    student's bins so that the same point of the crop has the same position: pixels' centres as when images are resized.

    Args:
        teacher (str): The teacher's name.
        layer (str): Dotted name of the student's layer. Defaults to 'head'.
        teacher_layer (str, optional): Dotted name of the teacher's layer. Defaults to None: the same as ``layer``.
        beta (float, optional): Factor of both networks' vectors before the softmax. Defaults to None: that of the
            student's loss, ``head.loss_module.beta``, as in DWPose.
        teacher_split_ratio (float, optional): Bins per pixel of the teacher, if it has another number of bins. Defaults
            to None: the student's.
        weight (float): Multiplies the loss. Defaults to 1.0.
        use_target_weight (bool): Whether each joint's loss is multiplied by its weight in the labels
            (:func:`~handkd.models.targets.stack_joint_weights`). Defaults to False: the teacher also teaches joints
            without a label.
        schedule (dict | list[dict], optional): Factor of the losses over the training, see
            :class:`~handkd.models.distillers.WeightSchedule`. Defaults to None: always 1.

    Raises:
        ConfigError: If ``beta`` or ``teacher_split_ratio`` is not positive.
    """

    def __init__(
        self,
        teacher: str,
        layer: str = 'head',
        teacher_layer: str | None = None,
        beta: float | None = None,
        teacher_split_ratio: float | None = None,
        weight: float = 1.0,
        use_target_weight: bool = False,
        schedule: dict | list[dict] | None = None,
    ) -> None:
        super().__init__(teacher, layer, teacher_layer, weight, use_target_weight, schedule)
        for name, value in dict(beta=beta, teacher_split_ratio=teacher_split_ratio).items():
            if value is not None and not value > 0:
                raise ConfigError(f'SimCCResponse: {name} must be positive, found {value!r}')
        self.beta, self.teacher_split_ratio = beta, teacher_split_ratio

    def forward(self, context: DistillContext) -> dict[str, Tensor]:
        """Return ``{'simcc': weight * (divergence along x + divergence along y)}``.

        Raises:
            ConfigError: If an output is no pair of SimCC vectors, the numbers of joints differ, or ``beta`` is None and
                the student's loss has none.
        """
        outputs = self.outputs(context)[0]
        layers = f'the layer {self.layer!r} of the student', f'the layer {self.teacher_layer!r} of {self.teacher!r}'
        student, teacher = (_axes(output, what) for output, what in zip(outputs, layers))
        if student[0].shape[1] != teacher[0].shape[1]:
            raise ConfigError(
                f'SimCCResponse: {layers[0]} has {student[0].shape[1]} joints and {layers[1]} {teacher[0].shape[1]}: '
                'both networks must have the same joints'
            )
        beta = self._beta(context)
        per_axis = [simcc_divergence(s, t, beta, self._offset(context, s, t)) for s, t in zip(student, teacher)]
        return {'simcc': self.weighted_mean(per_axis[0] + per_axis[1], context)}

    def _beta(self, context: DistillContext) -> float:
        """Return the factor of the vectors before the softmax."""
        if self.beta is not None:
            return self.beta
        beta = getattr(getattr(context.head, 'loss_module', None), 'beta', None)
        if beta is None:
            raise ConfigError("SimCCResponse: the loss of the student's head has no beta: set beta, such as 10.0")
        return beta

    def _offset(self, context: DistillContext, student: Tensor, teacher: Tensor) -> float:
        """Return the position of the teacher's bin 0 in the student's bins; bin i is pixel i / split ratio."""
        split = float(getattr(context.head, 'simcc_split_ratio', 1.0))
        return (student.shape[-1] / teacher.shape[-1] * (self.teacher_split_ratio or split) - split) / 2


def _axes(output: object, what: str) -> tuple[Tensor, Tensor]:
    """Return the SimCC vectors along x and y of a layer's output."""
    pair = tuple(output) if isinstance(output, (tuple, list)) else ()
    if len(pair) != 2 or not all(isinstance(part, Tensor) and part.ndim == 3 for part in pair):
        found = [tuple(part.shape) for part in pair or (output,) if isinstance(part, Tensor)]
        raise ConfigError(
            f'SimCCResponse: {what} gives tensors of shapes {found}, expected SimCC vectors (B, K, L) along x and y: '
            'heat maps take HeatmapResponse, and joints JointResponse'
        )
    return pair
