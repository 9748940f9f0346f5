"""Wrapper that trains a student with teachers and distillers."""

from __future__ import annotations

from collections.abc import Sequence

from mmengine.model import BaseModel, ModuleDict
from torch import Tensor, nn

from handkd.hints import ConfigError
from handkd.registry import MODELS

from ..distillers import BaseDistiller, DistillContext, check_taps, log_gradient_ratios, record_taps
from ..initialisation import own_random_numbers
from ..rows import rows_with, take_rows
from ..weight_names import TRAINING_ONLY, rename_training_only
from .frozen_parts import check_something_learns, freeze_parts
from .named_parts import named_parts
from .network_inputs import by_modality, modalities_of, run_network
from .teacher import TeacherOutput
from .teacher_inputs import check_same_normalisation
from .teachers import Teachers


@MODELS.register_module()
class DistilledEstimator(BaseModel):
    """A student that learns from frozen teachers; at test time it is the student alone.

    The state dict holds the student's weights under the student's own names, and the distillers' weights under
    ``training_only.``. So its checkpoint loads into the plain student, and the plain student's loads into it. The
    teachers are not submodules: they are in no checkpoint, optimizer or gradient bucket, and ``train()`` does not reach
    them. The student's initial weights are the same as without teachers and distillers under the same seed.

    Args:
        student (dict): Config of the student's estimator: one of handkd, or MMPose's ``TopdownPoseEstimator``, whose
            pipeline may be MMPose's own.
        distillers (dict[str, dict]): Config of each distiller by name; the names are part of the losses' names. None
            leaves one out, as it does a teacher.
        teachers (dict[str, dict]): For each teacher's name ``model``, the config of its estimator, of handkd or MMPose,
            ``checkpoint``, the path of its weights, and ``input_size``, the side of its input in px or (width, height),
            unless it follows from its config. Each sees the student's crops at that size, normalised by its own
            ``data_preprocessor``. With ``ema`` alone, such as 0.999, it is the moving average of the student
            (:class:`~handkd.models.estimators.ema_teacher.EmaTeacher`). Defaults to {}: distillers may work without a
            teacher network.
        data_preprocessor (dict, optional): Config of the preprocessor, with the normalisation of the student's own.
            Defaults to None: the student's.
        frozen (Sequence[str]): Dotted names of parts of the student that do not learn and stay in eval mode, which
            keeps the statistics of their batch normalisations. DWPose's second stage trains the head of a student with
            the first stage's backbone: ['backbone'], or ['backbone', 'neck']. Defaults to ().
        student_weight (float): Multiplies the student's own losses, which compare it with the labels. 0.0 trains it by
            the distillers alone, as MMPose's DWPoseDistiller does in the second stage. Defaults to 1.0.
        init_cfg (dict, optional): MMEngine initialisation. Defaults to None.

    Raises:
        ValueError: If a distiller names a teacher or a layer that does not exist, ``frozen`` names a part that does not
            exist, or every part, or the normalisation of a preprocessor is unknown or differs from the
            student's.
        FileNotFoundError: If a teacher's checkpoint is missing.
    """

    def __init__(
        self,
        student: dict,
        distillers: dict[str, dict],
        teachers: dict[str, dict] = {},  # noqa: B006 (never changed)
        data_preprocessor: dict | None = None,
        frozen: Sequence[str] = (),
        student_weight: float = 1.0,
        init_cfg: dict | None = None,
    ) -> None:
        distillers, teachers = named_parts(distillers, 'distillers'), named_parts(teachers, 'teachers')
        network = MODELS.build(student)
        preprocessor = MODELS.build(data_preprocessor) if data_preprocessor else network.data_preprocessor
        if data_preprocessor:  # otherwise the student would see other images at test time
            check_same_normalisation(network, preprocessor, modalities_of(network), 'the student', 'DistilledEstimator')
        super().__init__(preprocessor, init_cfg)
        self.student = network
        with own_random_numbers('distillers'):  # another name would change the weights of every seed
            built = {name: MODELS.build(cfg) for name, cfg in distillers.items()}
            # A plain object, whose modules are not parts of this one.
            self._teachers = Teachers(teachers, network, preprocessor)
        self._distillers = tuple(built)
        for name in built.keys() & self._teachers.stored.keys():
            raise ConfigError(
                f'model.distillers and model.teachers both have {name!r}, of which checkpoints hold state: rename one'
            )
        # MMEngine's ModuleDict: with torch's own, the distillers' `init_cfg` would have no effect.
        self.training_only = ModuleDict(built | self._teachers.stored)
        self._student_taps = tuple(dict.fromkeys(layer for one in built.values() for layer in one.student_taps))
        check_taps(network, self._student_taps, 'the student')
        freeze_parts(network, frozen)
        self._frozen = tuple(frozen)
        self.student_weight = student_weight
        self._teachers.set_taps({name: one.teacher_taps for name, one in built.items()})
        self._register_state_dict_hook(_strip_student)
        self._register_load_state_dict_pre_hook(self._add_student)

    log_gradients = False
    """Whether a step logs the norm of each distiller's gradient; set by ``GradientLogHook``."""

    @property
    def head(self) -> nn.Module:
        """The student's head."""
        return self.student.head

    @property
    def teachers(self) -> dict[str, nn.Module]:
        """The teachers' networks by name."""
        return self._teachers.networks

    @property
    def teachers_follow(self) -> bool:
        """Whether a teacher changes with the student, by the two methods below (``TeacherUpdateHook``)."""
        return self._teachers.follow

    def start_teachers(self) -> None:
        """Begin a training, after the student's weights were initialised, loaded or resumed."""
        self._teachers.start()

    def update_teachers(self) -> None:
        """Follow the student after a step of the optimizer."""
        self._teachers.update()

    def forward(
        self, inputs: Tensor | dict[str, Tensor], data_samples: list | None = None, mode: str = 'tensor'
    ) -> dict[str, Tensor] | list | Tensor:
        """Run the student; in mode 'loss' the teachers and distillers as well.

        Args:
            inputs: Normalised images of the crop by modality, each of shape (B, C, H, W); or one tensor of colour
                images, as MMPose's preprocessor gives them.
            data_samples: One ``PoseDataSample`` per image; needed by 'loss' and 'predict'. Defaults to None.
            mode: 'loss', 'predict' or 'tensor', as in :class:`HandPoseEstimator`. Defaults to 'tensor'.
        """
        inputs = by_modality(inputs)
        if mode != 'loss':
            return run_network(self.student, inputs, data_samples, mode)
        with record_taps(self.student, self._student_taps) as student_taps:
            losses = self._weighted(run_network(self.student, inputs, data_samples, 'loss'))
        outputs = self._teachers.run(inputs, data_samples)
        taught = {name: output.taps for name, output in outputs.items()}
        context = DistillContext(student_taps, taught, inputs, data_samples, self.student.head)
        distilled = {}
        for name in self._distillers:
            distiller = self.training_only[name]
            check_something_learns(self._frozen, student_taps, name, distiller.student_taps)
            own = self._restrict(context, outputs, distiller)
            if own is not None:
                factor = distiller.factor()
                distilled[name] = {key: factor * value for key, value in distiller(own).items()}
        if self.log_gradients:
            sums = {name: sum(values.values()) for name, values in distilled.items() if values}
            log_gradient_ratios(self.parse_losses(losses)[0], sums, student_taps)
        for name, values in distilled.items():
            losses.update({f'loss_{name}_{key}': value for key, value in values.items()})
        return losses

    def _weighted(self, losses: dict[str, Tensor | list[Tensor]]) -> dict[str, Tensor | list[Tensor]]:
        """Return the student's losses and accuracies with the losses multiplied by ``student_weight``."""
        if self.student_weight == 1:
            return losses
        weighted = dict(losses)
        for name in (name for name in losses if 'loss' in name):  # by their names, as MMEngine adds them
            parts, factor = losses[name], self.student_weight
            weighted[name] = parts * factor if isinstance(parts, Tensor) else [part * factor for part in parts]
        return weighted

    def train(self, mode: bool = True) -> DistilledEstimator:
        """Set the student and the distillers to training or eval mode; frozen parts remain in eval mode."""
        super().train(mode)
        for name in self._frozen:
            self.student.get_submodule(name).eval()
        return self

    def _restrict(
        self, context: DistillContext, outputs: dict[str, TeacherOutput], distiller: BaseDistiller
    ) -> DistillContext | None:
        """Return a step's data on the rows that have all that a distiller needs; None if no row has.

        Args:
            context: The whole batch.
            outputs: Those of each teacher.
            distiller: The distiller.
        """
        modalities = self._teachers.modalities(distiller.teacher_taps)
        rows = rows_with(context.data_samples, (*modalities, *distiller.gt_fields, *distiller.gt_instances))
        if rows is None:
            return context
        if not rows:
            return None
        return DistillContext(
            take_rows({name: context.student[name] for name in distiller.student_taps}, rows),
            {name: outputs[name].take(layers, rows) for name, layers in distiller.teacher_taps.items()},
            take_rows(context.inputs, rows),
            [context.data_samples[row] for row in rows],
            context.head,
        )

    def _apply(self, fn, recurse: bool = True) -> DistilledEstimator:
        """Move the teachers with the student (``.to``, ``.cuda``, ``.float`` all come through here)."""
        self._teachers.move(fn, recurse)
        return super()._apply(fn, recurse)

    def _add_student(self, state_dict: dict, prefix: str, *_args: object) -> None:
        """Rename the student's entries of a state dict to their names in this module."""
        rename_training_only(state_dict, prefix)
        for key in [key for key in state_dict if key.startswith(prefix)]:
            name = key[len(prefix) :]
            if not name.startswith((TRAINING_ONLY, 'student.')):
                state_dict[f'{prefix}student.{name}'] = state_dict.pop(key)


def _strip_student(_module: nn.Module, state_dict: dict, prefix: str, _metadata: object) -> dict:
    """Rename the student's entries of a state dict to their names in the plain student."""
    full = f'{prefix}student.'
    for key in list(state_dict):
        if key.startswith(full):
            state_dict[prefix + key[len(full) :]] = state_dict.pop(key)
    return state_dict
