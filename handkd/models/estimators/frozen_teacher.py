"""The usual kind of teacher: a trained network, frozen, that runs on the student's batch."""

from __future__ import annotations

from torch import Tensor, nn

from handkd.hints import ConfigError
from handkd.registry import MODELS

from ..checkpoint import load_weights
from .teacher import NetworkTeacher
from .teacher_inputs import TeacherInputs


class FrozenTeacher(NetworkTeacher):
    """A network with the weights of a checkpoint, in eval mode and without gradients.

    Args:
        name: Its name, for errors.
        spec: ``model``, the config of its estimator, ``checkpoint``, the path of its weights, and optionally
            ``input_size``, the side of its input in px or (width, height).
        student: The student; not used by this kind.
        preprocessor: The preprocessor that normalises the student's batch.
    """

    KEYS = ('model', 'checkpoint', 'input_size')

    def __init__(self, name: str, spec: dict, student: nn.Module, preprocessor: nn.Module) -> None:
        if 'model' not in spec:
            raise ConfigError(
                f'model.teachers.{name} must have model, the config of its estimator, found {sorted(spec)}'
            )
        super().__init__(name, build_teacher(name, spec['model'], spec.get('checkpoint')))
        self._inputs = TeacherInputs(name, self.network, preprocessor, spec['model'], spec.get('input_size'))

    def convert(self, inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        """Return the images (B, C, H, W) by modality in the teacher's own normalisation and size."""
        return self._inputs(inputs)


def build_teacher(name: str, model: dict, checkpoint: str | None = None) -> nn.Module:
    """Build a teacher's network, load it strictly, and freeze it in eval mode.

    Args:
        name: Its name, for errors.
        model: Config of its estimator.
        checkpoint: Path of its weights. Defaults to None, which raises an error that names the ways to get them.

    Raises:
        ValueError: If there is no checkpoint in the config, or if it does not fit the network.
        FileNotFoundError: If the file is missing.
    """
    if checkpoint is None:
        raise ValueError(
            f'the teacher {name!r} has no checkpoint: train it first and pass '
            f'--cfg-options model.teachers.{name}.checkpoint=PATH, or run the stages in order with `handkd stages`'
        )
    teacher = MODELS.build(model)
    try:
        load_weights(teacher, checkpoint, owner=f'the teacher {name!r}')
    except OSError as error:
        raise type(error)(
            f'model.teachers.{name}.checkpoint: {error}; or run the stages in order with `handkd stages`, or pass '
            f'--cfg-options model.teachers.{name}.checkpoint=PATH'
        ) from error
    return teacher.eval().requires_grad_(False)
