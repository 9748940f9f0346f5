"""A student's teachers of all kinds."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

import torch
from torch import Tensor, nn

from handkd.hints import ConfigError, check_keys, did_you_mean

from ..rows import rows_with, take_rows
from .cached_teacher import CachedTeacher
from .ema_teacher import EmaTeacher
from .frozen_teacher import FrozenTeacher
from .teacher import Teacher, TeacherOutput

KINDS: dict[str, type[Teacher]] = {'ema': EmaTeacher, 'cache': CachedTeacher}
"""Key of an entry of ``model.teachers`` that makes it another kind than :class:`FrozenTeacher` -> that kind."""


class Teachers:
    """Builds a student's teachers and runs them on its batches.

    Args:
        specs: Settings of each teacher by name; the keys are those of its kind.
        student: The student.
        preprocessor: The preprocessor that normalises the student's batch.

    Raises:
        ValueError: For an unknown key of a teacher; names the nearest right one.
    """

    def __init__(self, specs: Mapping[str, dict], student: nn.Module, preprocessor: nn.Module) -> None:
        self._teachers: dict[str, Teacher] = {}
        self._taps: dict[str, tuple[str, ...]] = {}
        for name, spec in specs.items():
            kind = next((KINDS[key] for key in spec if key in KINDS), FrozenTeacher)
            check_keys(spec, kind.KEYS, f'teacher {name!r}')
            self._teachers[name] = kind(name, spec, student, preprocessor)

    @property
    def networks(self) -> dict[str, nn.Module]:
        """The networks of those teachers that have one, by the teacher's name."""
        return {name: one.network for name, one in self._teachers.items() if one.network is not None}

    @property
    def stored(self) -> dict[str, nn.Module]:
        """The modules of teachers that a checkpoint must hold, by the teacher's name."""
        return {name: one.stored for name, one in self._teachers.items() if one.stored is not None}

    @property
    def follow(self) -> bool:
        """Whether one of them changes with the student."""
        return any(one.follows for one in self._teachers.values())

    def modalities(self, names: Collection[str]) -> list[str]:
        """Return the inputs that some teachers take."""
        return [modality for name in names for modality in self._teachers[name].modalities]

    def set_taps(self, readers: Mapping[str, Mapping[str, Collection[str]]]) -> None:
        """Set the layers whose outputs :meth:`run` gives; teachers without any are not run.

        Args:
            readers: Name of a distiller -> name of a teacher -> the layers that it reads of it.

        Raises:
            ValueError: If a teacher or a layer does not exist.
        """
        taps: dict[str, dict[str, None]] = {}
        for reader, layers in readers.items():
            for name in layers:
                if name not in self._teachers:
                    hint = did_you_mean(name, self._teachers) if self._teachers else 'model.teachers is empty'
                    raise ConfigError(f'distillers.{reader} reads the teacher {name!r}, which does not exist; {hint}')
                taps.setdefault(name, {}).update(dict.fromkeys(layers[name]))
        for name, layers in taps.items():
            self._teachers[name].check_taps(layers)
        self._taps = {name: tuple(layers) for name, layers in taps.items()}

    @torch.no_grad()
    def run(self, inputs: dict[str, Tensor], data_samples: list) -> dict[str, TeacherOutput]:
        """Return the outputs of each teacher, on the rows of the batch that have its inputs.

        Args:
            inputs: Images of the crop by modality, normalised for the student, each of shape (B, C, H, W).
            data_samples: One ``PoseDataSample`` per image.
        """
        outputs = {}
        for name, layers in self._taps.items():
            teacher = self._teachers[name]
            rows, images, samples = rows_with(data_samples, teacher.modalities), inputs, data_samples
            if rows is not None:
                images, samples = take_rows(inputs, rows), [data_samples[row] for row in rows]
            outputs[name] = TeacherOutput({} if rows == [] else teacher.run(images, samples, layers), rows)
        return outputs

    def start(self) -> None:
        """Begin a training: :meth:`Teacher.start` of all teachers."""
        for teacher in self._teachers.values():
            teacher.start()

    def update(self) -> None:
        """Follow the student after a step of the optimizer: :meth:`Teacher.update` of all teachers."""
        for teacher in self._teachers.values():
            teacher.update()

    def move(self, fn: Callable, recurse: bool = True) -> None:
        """Apply ``nn.Module._apply`` to all teachers."""
        for teacher in self._teachers.values():
            teacher.move(fn, recurse)
