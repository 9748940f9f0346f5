"""Common base of the kinds of teacher."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from torch import Tensor, nn

from ..distillers import check_taps, record_taps
from ..rows import take_rows
from .network_inputs import modalities_of, run_network


@dataclass
class TeacherOutput:
    """Outputs of a teacher's layers on the rows of a batch that have its inputs.

    Attributes:
        taps: Layer name -> output, without gradient; the first dimension is the rows.
        rows: Indices of these rows in the batch; None for all of them.
    """

    taps: Mapping[str, object]
    rows: list[int] | None = None

    def take(self, layers: Collection[str], rows: list[int]) -> dict[str, object]:
        """Return the outputs of some layers on some of the rows.

        Args:
            layers: Names of the layers.
            rows: Indices into the batch, all among those of the teacher.
        """
        places = rows if self.rows is None else [self.rows.index(row) for row in rows]
        return {layer: take_rows(self.taps[layer], places) for layer in layers}


class Teacher(ABC):
    """Gives the outputs of named layers for a student's batch, without gradient.

    A teacher is no ``nn.Module``, so that it is in no checkpoint, optimizer or gradient bucket of the student. It is
    built as ``Kind(name, spec, student, preprocessor)``, see :class:`FrozenTeacher`.

    Attributes:
        KEYS: Keys that its entry of ``model.teachers`` may have.
        modalities: Inputs that a row of the batch must have.
        network: Its network; None if it has none.
        stored: Module with the state that a checkpoint must hold for an exact resume, under ``training_only.NAME.``;
            None for most kinds.
        follows: Whether it changes with the student: :meth:`start` and :meth:`update` are called.
    """

    KEYS: tuple[str, ...]
    modalities: tuple[str, ...] = ()
    network: nn.Module | None = None
    stored: nn.Module | None = None
    follows = False

    @abstractmethod
    def check_taps(self, layers: Collection[str]) -> None:
        """Check that it can give the outputs of some layers.

        Raises:
            ValueError: If not; names the nearest right layers.
        """

    @abstractmethod
    def run(self, inputs: dict[str, Tensor], data_samples: list, layers: Collection[str]) -> Mapping[str, object]:
        """Return the outputs of some layers by name; called under ``torch.no_grad``.

        Args:
            inputs: Images of the crop by modality, normalised for the student, each of shape (B, C, H, W).
            data_samples: One ``PoseDataSample`` per image.
            layers: Names of the layers.
        """

    def start(self) -> None:  # noqa: B027 (most kinds do nothing)
        """Begin a training, after the student's weights were initialised, loaded or resumed."""

    def update(self) -> None:  # noqa: B027 (most kinds do nothing)
        """Follow the student after a step of the optimizer."""

    def move(self, fn: Callable, recurse: bool = True) -> None:
        """Apply ``nn.Module._apply`` to its network, which ``.to``, ``.cuda`` and ``.float`` of the student do."""
        if self.network is not None:
            self.network._apply(fn, recurse)


class NetworkTeacher(Teacher):
    """Base of the teachers with a network of their own, which runs on the student's batch."""

    network: nn.Module

    def __init__(self, name: str, network: nn.Module) -> None:
        self._name, self.network = name, network
        self.modalities = modalities_of(network)

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
            data_samples: One ``PoseDataSample`` per image; not used.
            layers: Names of the layers.
        """
        with record_taps(self.network, layers) as taps:
            run_network(self.network, self.convert(inputs), None, 'tensor')
        return taps

    def convert(self, inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        """Return the network's images from those of the student, each of shape (B, C, H, W): the same."""
        return inputs
