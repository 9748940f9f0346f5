"""The usual kind of teacher: a trained network, frozen, that runs on the student's batch."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from torch import Tensor, nn

from handkd.hints import ConfigError
from handkd.registry import MODELS

from ..checkpoint import load_weights
from ..distillers import check_taps, record_taps
from .network_inputs import modalities_of, run_network
from .teacher import Teacher
from .teacher_inputs import TeacherInputs


class FrozenTeacher(Teacher):
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
        self._name = name
        self.network = build_teacher(name, spec['model'], spec.get('checkpoint'))
        self.modalities = modalities_of(self.network)
        self._inputs = TeacherInputs(name, self.network, preprocessor, spec['model'], spec.get('input_size'))

    def check_taps(self, layers: Collection[str]) -> None:
        """Check that the network has some layers.

        Raises:
            ValueError: If not; names the nearest right layers.
        """
        check_taps(self.network, layers, f'the teacher {self._name!r}')

    def run(self, inputs: dict[str, Tensor], data_samples: list, layers: Collection[str]) -> Mapping[str, object]:
        """Run the network and return the outputs of some of its layers by name.

        Args:
            inputs: Images of the crop by modality, normalised for the student, each of shape (B, C, H, W).
            data_samples: One ``PoseDataSample`` per image; not used by this kind.
            layers: Names of the layers.
        """
        with record_taps(self.network, layers) as taps:
            run_network(self.network, self._inputs(inputs), None, 'tensor')
        return taps


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
