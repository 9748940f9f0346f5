"""Base of the distillers that compare layers of a student with layers of a teacher."""

from __future__ import annotations

from collections.abc import Sequence

from handkd.hints import ConfigError

from .base import BaseDistiller, DistillContext
from .layers import layer_pairs


class LayerDistiller(BaseDistiller):
    """Reads one layer of the student and one of a teacher, or as many pairs as are named if ``several`` is set.

    Args:
        layer (str | Sequence[str]): Dotted name of the student's layer, or several names.
        teacher (str): The teacher's name.
        teacher_layer (str | Sequence[str], optional): Dotted name of the teacher's layer, or as many names, in the same
            order. Defaults to None: the same as ``layer``.
        weight (float): Multiplies the loss. Defaults to 1.0.
        schedule (dict | list[dict], optional): Factor of the losses over the training, see
            :class:`~handkd.models.distillers.WeightSchedule`. Defaults to None: always 1.

    Attributes:
        several: Whether ``layer`` may be several names.
        pairs: The student's layer and the teacher's of each pair.

    Raises:
        ConfigError: If no layer is named, the numbers of layers differ, or there are several where one is compared.
    """

    several = False

    def __init__(
        self,
        layer: str | Sequence[str],
        teacher: str,
        teacher_layer: str | Sequence[str] | None = None,
        weight: float = 1.0,
        schedule: dict | list[dict] | None = None,
    ) -> None:
        super().__init__(schedule)
        owner = type(self).__name__
        self.pairs = layer_pairs(layer, teacher_layer, owner)
        if len(self.pairs) > 1 and not self.several:
            raise ConfigError(f'{owner} compares one layer, found {list(layer)}: use one distiller for each')
        self.teacher, self.weight = teacher, weight
        self.student_taps = tuple(dict.fromkeys(own for own, _ in self.pairs))
        self.teacher_taps = {teacher: tuple(dict.fromkeys(other for _, other in self.pairs))}

    @property
    def layer(self) -> str:
        """Name of the student's layer; of several, the first."""
        return self.pairs[0][0]

    @property
    def teacher_layer(self) -> str:
        """Name of the teacher's layer; of several, the first."""
        return self.pairs[0][1]

    def outputs(self, context: DistillContext) -> list[tuple[object, object]]:
        """Return the outputs of the student's layer and of the teacher's, of each pair."""
        taught = context.teachers[self.teacher]
        return [(context.student[own], taught[other]) for own, other in self.pairs]
