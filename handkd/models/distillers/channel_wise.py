"""Channel-wise distillation: the student's channels are active where the teacher's are."""

from __future__ import annotations

from torch import Tensor
from torch.nn.functional import log_softmax

from handkd.hints import ConfigError
from handkd.registry import MODELS

from ..rows import batch_mean
from .base import DistillContext
from .layer_distiller import LayerDistiller
from .layers import feature_map


def channel_divergence(
    student: Tensor, teacher: Tensor, temperature: float = 4.0, sample_weight: Tensor | None = None
) -> Tensor:
    """Divergence of the channels' distributions over positions (Shu et al. 2021, arXiv 2011.13256).

    With phi(y)_{c,i} = exp(y_{c,i} / T) / sum_j exp(y_{c,j} / T), a sample's loss is
    (T^2 / C) sum_c sum_i phi(teacher)_{c,i} log(phi(teacher)_{c,i} / phi(student)_{c,i}).

    Args:
        student: Feature map of the crop, or heat maps, any unit, shape (B, C, h, w).
        teacher: The teacher's, of the same shape and unit.
        temperature: T, in the unit of the maps; the greater, the wider the regions compared. Defaults to 4.0.
        sample_weight: Weight of each sample in the mean, shape (B,), see :func:`~handkd.models.rows.batch_mean`.
            Defaults to None: all 1.

    Returns:
        The mean over the batch, a scalar.

    Raises:
        ValueError: If the shapes differ.
    """
    if student.shape != teacher.shape:
        raise ValueError(
            f"the student's maps {tuple(student.shape)} and the teacher's {tuple(teacher.shape)} differ: give the "
            f"distiller adapter=dict(type='FeatureAdapter', in_channels={student.shape[1]}, "
            f'out_channels={teacher.shape[1]})'
        )
    log_student, log_teacher = (log_softmax(maps.flatten(2) / temperature, 2) for maps in (student, teacher))
    per_channel = (log_teacher.exp() * (log_teacher - log_student)).sum(2)
    return batch_mean(temperature**2 * per_channel.mean(1), sample_weight)


@MODELS.register_module()
class ChannelWise(LayerDistiller):
    """Pulls the distribution of each channel over the positions towards the teacher's (CWD, Shu et al. 2021).

    Only the shape of a channel's activations counts, not a constant added to it: suited to networks of different scale,
    and to heat maps, whose channels are joints.

    Args:
        layer (str): Dotted name of the student's layer, such as 'backbone', or 'head' where that gives heat maps.
        teacher (str): The teacher's name.
        teacher_layer (str, optional): Dotted name of the teacher's layer. Defaults to None: the same as ``layer``.
        temperature (float): T. Defaults to 4.0.
        weight (float): Multiplies the loss. Defaults to 1.0.
        adapter (dict, optional): Config of the :class:`~handkd.models.distillers.FeatureAdapter` that converts the
            student's features to the teacher's channels and size. Defaults to None: both have the same shape.
        schedule (dict | list[dict], optional): Factor of the losses over the training, see
            :class:`~handkd.models.distillers.WeightSchedule`. Defaults to None: always 1.

    Raises:
        ConfigError: If ``temperature`` is not positive.
    """

    takes_sample_weights = True

    def __init__(
        self,
        layer: str,
        teacher: str,
        teacher_layer: str | None = None,
        temperature: float = 4.0,
        weight: float = 1.0,
        adapter: dict | None = None,
        schedule: dict | list[dict] | None = None,
    ) -> None:
        super().__init__(layer, teacher, teacher_layer, weight, schedule)
        if not temperature > 0:
            raise ConfigError(f'ChannelWise: temperature must be positive, found {temperature!r}')
        self.temperature = temperature
        self.adapter = MODELS.build(adapter) if adapter else None

    def forward(self, context: DistillContext) -> dict[str, Tensor]:
        """Return ``{'channel': weight * divergence}``.

        Raises:
            ValueError: If a layer gives no feature map, or the maps' shapes differ.
        """
        ((student, teacher),) = self.outputs(context)
        student = feature_map(student, f'ChannelWise: student.{self.layer}')
        teacher = feature_map(teacher, f'ChannelWise: {self.teacher}.{self.teacher_layer}')
        if self.adapter is not None:
            student = self.adapter(student, teacher).float()
        weights = context.sample_weight(student.device)
        return {'channel': self.weight * channel_divergence(student, teacher, self.temperature, weights)}
