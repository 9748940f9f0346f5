"""Wrapper that trains a student with teachers and distillers."""

from __future__ import annotations

from collections import defaultdict

import torch
from mmengine.model import BaseModel, ModuleDict
from torch import Tensor, nn

from handkd.hints import check_keys
from handkd.registry import MODELS

from ..checkpoint import TRAINING_ONLY, rename_training_only
from ..distillers import BaseDistiller, DistillContext, check_taps, log_gradient_ratios, record_taps
from ..initialisation import own_random_numbers
from ..rows import rows_with, take_rows
from .teachers import TEACHER_KEYS, TeacherInputs, build_teacher, check_same_normalisation, modalities_of


@MODELS.register_module()
class DistilledEstimator(BaseModel):
    """A student that learns from frozen teachers; at test time it is the student alone.

    The state dict holds the student's weights under the student's own names, and the distillers' weights under
    ``training_only.``. So its checkpoint loads into the plain student, and the plain student's loads into it. The
    teachers are not submodules: they are in no checkpoint, optimizer or gradient bucket, and ``train()`` does not reach
    them. The student's initial weights are the same as without teachers and distillers under the same seed.

    Args:
        student (dict): Config of the student's estimator.
        distillers (dict[str, dict]): Config of each distiller by name; the names are part of the losses' names. None
            leaves one out, as it does a teacher.
        teachers (dict[str, dict]): For each teacher's name ``model``, the config of its estimator, ``checkpoint``, the
            path of its weights, and ``input_size``, the side of its input in px or (width, height), unless it follows
            from its config. Each sees the student's crops at that size, normalised by its own ``data_preprocessor``.
            Defaults to {}: distillers may work without a teacher network.
        data_preprocessor (dict, optional): Config of the preprocessor, with the normalisation of the student's own.
            Defaults to None: the student's.
        init_cfg (dict, optional): MMEngine initialisation. Defaults to None.

    Raises:
        ValueError: If a distiller names a teacher or a layer that does not exist, or the normalisation of a
            preprocessor is unknown or differs from the student's.
        FileNotFoundError: If a teacher's checkpoint is missing.
    """

    def __init__(
        self,
        student: dict,
        distillers: dict[str, dict],
        teachers: dict[str, dict] = {},  # noqa: B006 (never changed)
        data_preprocessor: dict | None = None,
        init_cfg: dict | None = None,
    ) -> None:
        distillers, teachers = (
            {name: cfg for name, cfg in part.items() if cfg is not None} for part in (distillers, teachers)
        )
        for name, spec in teachers.items():
            check_keys(spec, TEACHER_KEYS, f'teacher {name!r}')
        network = MODELS.build(student)
        preprocessor = MODELS.build(data_preprocessor) if data_preprocessor else network.data_preprocessor
        if data_preprocessor:  # otherwise the student would see other images at test time
            check_same_normalisation(network, preprocessor, modalities_of(network), 'the student', 'DistilledEstimator')
        super().__init__(preprocessor, init_cfg)
        self.student = network
        with own_random_numbers('distillers'):  # another name would change the weights of every seed
            # MMEngine's ModuleDict: with torch's own, the distillers' `init_cfg` would have no effect.
            self.training_only = ModuleDict({name: MODELS.build(cfg) for name, cfg in distillers.items()})
            # A plain dict, unlike a ModuleDict, does not make its modules parts of this one.
            self.teachers = {
                name: build_teacher(name, spec['model'], spec.get('checkpoint')) for name, spec in teachers.items()
            }
        self._teacher_inputs = {
            name: TeacherInputs(name, self.teachers[name], preprocessor, spec['model'], spec.get('input_size'))
            for name, spec in teachers.items()
        }
        self._student_taps, self._teacher_taps = self._collect_taps()
        self._register_state_dict_hook(_strip_student)
        self._register_load_state_dict_pre_hook(self._add_student)

    log_gradients = False
    """Whether a step logs the norm of each distiller's gradient; set by ``GradientLogHook``."""

    @property
    def head(self) -> nn.Module:
        """The student's head."""
        return self.student.head

    def _collect_taps(self) -> tuple[set[str], dict[str, set[str]]]:
        student_taps: set[str] = set()
        teacher_taps: dict[str, set[str]] = defaultdict(set)
        for name, distiller in self.training_only.items():
            student_taps.update(distiller.student_taps)
            for teacher, layers in distiller.teacher_taps.items():
                if teacher not in self.teachers:
                    known = sorted(self.teachers)
                    raise ValueError(f'distiller {name!r} reads the teacher {teacher!r}, but the teachers are {known}')
                teacher_taps[teacher].update(layers)
        check_taps(self.student, student_taps, 'the student')
        for teacher, layers in teacher_taps.items():
            check_taps(self.teachers[teacher], layers, f'the teacher {teacher!r}')
        return student_taps, dict(teacher_taps)

    def forward(
        self, inputs: dict[str, Tensor], data_samples: list | None = None, mode: str = 'tensor'
    ) -> dict[str, Tensor] | list | Tensor:
        """Run the student; in mode 'loss' the teachers and distillers as well.

        Args:
            inputs: Normalised images of the crop by modality, each of shape (B, C, H, W).
            data_samples: One ``PoseDataSample`` per image; needed by 'loss' and 'predict'. Defaults to None.
            mode: 'loss', 'predict' or 'tensor', as in :class:`HandPoseEstimator`. Defaults to 'tensor'.
        """
        if mode != 'loss':
            return self.student(inputs, data_samples, mode)
        with record_taps(self.student, self._student_taps) as student_taps:
            losses = self.student(inputs, data_samples, 'loss')
        seen = {name: rows_with(data_samples, modalities_of(self.teachers[name])) for name in self._teacher_taps}
        context = DistillContext(
            student_taps, self._run_teachers(inputs, seen), inputs, data_samples, self.student.head
        )
        distilled = {}
        for name, distiller in self.training_only.items():
            own = self._restrict(context, seen, distiller)
            if own is not None:
                distilled[name] = distiller(own)
        if self.log_gradients:
            sums = {name: sum(values.values()) for name, values in distilled.items() if values}
            log_gradient_ratios(self.parse_losses(losses)[0], sums, student_taps)
        for name, values in distilled.items():
            losses.update({f'loss_{name}_{key}': value for key, value in values.items()})
        return losses

    @torch.no_grad()
    def _run_teachers(
        self, inputs: dict[str, Tensor], seen: dict[str, list[int] | None]
    ) -> dict[str, dict[str, object]]:
        """Return the taps of each teacher, on the rows of the batch that it sees: None for all of them."""
        taps = {}
        for name, layers in self._teacher_taps.items():
            images = inputs if seen[name] is None else take_rows(inputs, seen[name])
            with record_taps(self.teachers[name], layers) as taps[name]:
                if seen[name] != []:
                    self.teachers[name](self._teacher_inputs[name](images), None, 'tensor')
        return taps

    def _restrict(
        self, context: DistillContext, seen: dict[str, list[int] | None], distiller: BaseDistiller
    ) -> DistillContext | None:
        """Return a step's data on the rows that have all that a distiller needs; None if no row has.

        Args:
            context: The whole batch; the taps of a teacher are those of the rows that it sees.
            seen: These rows by the teacher's name; None for all of them.
            distiller: The distiller.
        """
        modalities = [name for teacher in distiller.teacher_taps for name in modalities_of(self.teachers[teacher])]
        rows = rows_with(context.data_samples, (*modalities, *distiller.gt_fields, *distiller.gt_instances))
        if rows is None:
            return context
        if not rows:
            return None
        teachers = {}
        for name, layers in distiller.teacher_taps.items():
            places = rows if seen[name] is None else [seen[name].index(row) for row in rows]
            teachers[name] = {layer: take_rows(context.teachers[name][layer], places) for layer in layers}
        return DistillContext(
            take_rows({name: context.student[name] for name in distiller.student_taps}, rows),
            teachers,
            take_rows(context.inputs, rows),
            [context.data_samples[row] for row in rows],
            context.head,
        )

    def _apply(self, fn, recurse: bool = True) -> DistilledEstimator:
        """Move the teachers with the student (``.to``, ``.cuda``, ``.float`` all come through here)."""
        for teacher in self.teachers.values():
            teacher._apply(fn, recurse)
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
