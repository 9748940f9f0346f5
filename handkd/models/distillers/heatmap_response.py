"""Response distillation of heat maps."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F

from handkd.hints import ConfigError, check_choice
from handkd.registry import MODELS

from .base import DistillContext, last_level
from .resampling import resample_distribution
from .response import ResponseDistiller


def heatmap_mse(student: Tensor, teacher: Tensor) -> Tensor:
    """Mean squared difference of heat maps, for each joint (Zhang et al. 2019, arXiv 1811.05419).

    The paper's loss sums over the pixels; the mean is that of MMPose's ``KeypointMSELoss``.

    Args:
        student: Heat maps of the crop, any unit, shape (B, K, H, W), or (B, K, D, H, W).
        teacher: Those of the teacher; maps (B, K, H', W') are resampled to (H, W).

    Returns:
        Shape (B, K), float32, in the unit of the heat maps, squared.
    """
    teacher = teacher.float()
    if teacher.shape[2:] != student.shape[2:]:
        size = student.shape[2:]
        teacher = F.interpolate(teacher, size, mode='bilinear', align_corners=False, antialias=True)
    return (student.float() - teacher).square().flatten(2).mean(-1)


def heatmap_divergence(student: Tensor, teacher: Tensor, beta: float = 1.0) -> Tensor:
    """KL divergence of a student's heat maps from a teacher's as distributions over the pixels, for each joint.

    KL(p || q) = sum_i p_i log(p_i / q_i) over all pixels i, where p = softmax(beta t) and q = softmax(beta s). beta is
    the reciprocal of the temperature of Hinton et al. 2015 (arXiv 1503.02531), whose square does not multiply the loss.

    Args:
        student: Heat maps s of the crop, no unit, shape (B, K, H, W), or (B, K, D, H, W).
        teacher: Those of the teacher, t; of maps (B, K, H', W') the distribution p is moved to (H, W).
        beta: Factor of both maps. Defaults to 1.0.

    Returns:
        Shape (B, K), float32, in nats.
    """
    target = F.softmax(teacher.float().flatten(2) * beta, dim=-1).view_as(teacher)
    if teacher.shape[2:] != student.shape[2:]:
        height, width = student.shape[2:]
        target = resample_distribution(resample_distribution(target, width).mT, height).mT
    logs = F.log_softmax(student.float().flatten(2) * beta, dim=-1)
    return F.kl_div(logs, target.flatten(2), reduction='none').sum(-1)


DISTANCES = ('mse', 'kl')


@MODELS.register_module()
class HeatmapResponse(ResponseDistiller):
    """Pulls the heat maps of a student towards those of a teacher (Fast Pose Distillation, Zhang et al. 2019).

    ``distance='mse'`` is :func:`heatmap_mse`, for maps that were trained to be Gaussians, and ``'kl'``
    :func:`heatmap_divergence`, for maps with a softmax over the pixels, as in integral regression. A teacher's maps of
    another size cover the same crop, and are resampled. Of several stages, the last one is read. MMPose's codecs place
    cell i at i times the stride, not at the cell's centre, so maps of a teacher that are twice as large come out
    shifted by a quarter of a cell: prefer maps of the same size.

    Typical weights: with 'mse' the loss has the scale of ``KeypointMSELoss``; Zhang et al. weigh both equally, so 1.0.
    'kl' is in nats, mostly between 0.1 and 5: begin with 0.1 and compare the gradients at the head by
    ``GradientLogHook``. Maps between 0 and 1 need a large ``beta`` there, about 10 to 30, to be more than uniform.

    Args:
        teacher (str): The teacher's name.
        layer (str): Dotted name of the student's layer. Defaults to 'head'.
        teacher_layer (str, optional): Dotted name of the teacher's layer. Defaults to None: the same as ``layer``.
        distance (str): 'mse' or 'kl'. Defaults to 'mse'.
        beta (float): Factor of both networks' maps before the softmax of 'kl'. Defaults to 1.0.
        weight (float): Multiplies the loss. Defaults to 1.0.
        use_target_weight (bool): Whether each joint's loss is multiplied by its weight in the labels
            (:func:`~handkd.models.targets.stack_joint_weights`). Defaults to False: the teacher also teaches joints
            without a label.
        schedule (dict | list[dict], optional): Factor of the losses over the training, see
            :class:`~handkd.models.distillers.WeightSchedule`. Defaults to None: always 1.

    Raises:
        ConfigError: If ``distance`` is unknown, or ``beta`` is not positive or belongs to no 'kl'.
    """

    def __init__(
        self,
        teacher: str,
        layer: str = 'head',
        teacher_layer: str | None = None,
        distance: str = 'mse',
        beta: float = 1.0,
        weight: float = 1.0,
        use_target_weight: bool = False,
        schedule: dict | list[dict] | None = None,
    ) -> None:
        super().__init__(teacher, layer, teacher_layer, weight, use_target_weight, schedule)
        check_choice(distance, DISTANCES, 'HeatmapResponse(distance=...)')
        if not beta > 0:
            raise ConfigError(f'HeatmapResponse: beta must be positive, found {beta!r}')
        if distance == 'mse' and beta != 1:
            raise ConfigError(f"HeatmapResponse: beta={beta!r} has no effect on distance='mse': set distance='kl'")
        self.distance, self.beta = distance, beta

    def forward(self, context: DistillContext) -> dict[str, Tensor]:
        """Return ``{'heatmap': weight * distance}``.

        Raises:
            ConfigError: If an output is no heat map, or the numbers of joints differ.
        """
        student, teacher = (last_level(output) for output in self.outputs(context)[0])
        shapes = [tuple(getattr(maps, 'shape', ())) for maps in (student, teacher)]
        resizable = len(shapes[0]) == len(shapes[1]) == 4
        if min(map(len, shapes)) < 4 or shapes[0][:2] != shapes[1][:2] or not (resizable or shapes[0] == shapes[1]):
            raise ConfigError(
                f'HeatmapResponse: the layer {self.layer!r} of the student gives {shapes[0]}, and '
                f'{self.teacher_layer!r} of {self.teacher!r} {shapes[1]}, expected heat maps (B, K, H, W) of '
                'the same joints: SimCC vectors take SimCCResponse, and joints JointResponse'
            )
        per_joint = (
            heatmap_mse(student, teacher) if self.distance == 'mse' else heatmap_divergence(student, teacher, self.beta)
        )
        return {'heatmap': self.weighted_mean(per_joint, context)}
