"""Conversion of a batch that was normalised for a student to the input of another network."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn import functional as F

from handkd.hints import ConfigError
from handkd.size_checks import teacher_shape

from ..data_preprocessors.normalisation import normalisation_of, renormalise
from .network_inputs import modalities_of


class TeacherInputs:
    """Converts a batch that was normalised for the student to a teacher's input.

    The student's statistics are undone and the teacher's applied, in one multiplication; if both are the same, the
    tensors are passed on. If the teacher was trained with images of another size, the crop is resampled: colour
    bilinearly, with antialiasing when it shrinks, and other modalities by the nearest pixel, as in the pipelines.

    Args:
        name: The teacher's name, for errors.
        teacher: The teacher.
        student: The preprocessor that has normalised the batch.
        model: Config of the teacher's estimator, whose codec or backbone may give the size of its input.
        input_size: Side of its input in px, or (width, height). Defaults to None: the size in its config, or else the
            batch's size.

    Raises:
        ConfigError: If the normalisation of a preprocessor is unknown, or ``input_size`` is not a size or differs from
            that of the teacher's config.
    """

    def __init__(
        self,
        name: str,
        teacher: nn.Module,
        student: nn.Module,
        model: dict,
        input_size: int | Sequence[int] | None = None,
    ) -> None:
        own = getattr(teacher, 'data_preprocessor', None)
        self._changes = {
            modality: (
                normalisation_of(student, modality, 'the student'),
                normalisation_of(own, modality, f'the teacher {name!r}'),
            )
            for modality in (modalities_of(teacher) if own is not None else ())
        }
        self._shape = teacher_shape(model, f'model.teachers.{name}', input_size)

    def __call__(self, inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        """Return the teacher's images by modality.

        Args:
            inputs: Images of the crop by modality, normalised for the student, each of shape (B, C, H, W).

        Returns:
            The same, normalised for the teacher, each of shape (B, C, H', W').
        """
        return {modality: self._change(modality, images) for modality, images in inputs.items()}

    def _change(self, modality: str, images: Tensor) -> Tensor:
        """Renormalise and resample the images of a modality."""
        if modality in self._changes:  # otherwise the teacher does not take it, or has no statistics of its own
            images = renormalise(images, *self._changes[modality])
        if self._shape is None or tuple(images.shape[2:]) == self._shape:
            return images
        if modality in ('rgb', 'background'):
            return F.interpolate(images, self._shape, mode='bilinear', align_corners=False, antialias=True)
        return F.interpolate(images, self._shape, mode='nearest-exact')


def check_same_normalisation(part: nn.Module, whole: nn.Module, names: Sequence[str], what: str, around: str) -> None:
    """Check that another network's preprocessor normalises images in the same way as a network's own.

    Args:
        part: The network; without a preprocessor it takes any normalisation.
        whole: The preprocessor that normalises its images.
        names: The modalities.
        what: Name of the network in errors.
        around: Name of the preprocessor's owner in errors.

    Raises:
        ConfigError: If not; names both statistics.
    """
    own = getattr(part, 'data_preprocessor', None)
    for modality in names if own is not None else ():
        found, expected = normalisation_of(whole, modality, around), normalisation_of(own, modality, what)
        if not found.matches(expected):
            raise ConfigError(
                f'{what} takes {modality} with {expected} (its data_preprocessor), but {around} gives it {found}: '
                'give both the same data_preprocessor'
            )
