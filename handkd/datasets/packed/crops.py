"""The crops of a pack: the network's square with a margin, so that it can still be moved, rotated and mirrored."""

from __future__ import annotations

from math import cos, pi, radians, sin

from handkd.datasets.file_dataset import KEYS
from handkd.datasets.transforms import HandCrop, WarpCrop


def margin_for(scale: float = 1.2, shift: float = 0.1, rotation: float = 180.0) -> float:
    """Return the margin that keeps every crop of a ``RandomCropNoise`` inside the packed square.

    A square of side s k, rotated by a and shifted by at most t s k along x and y, reaches
    s k (t + (cos a + sin a) / 2) from the centre; the maximum is at 45 degrees. The margin is twice that over s.

    Args:
        scale: k, the largest factor on the side. Defaults to 1.2.
        shift: t, the largest shift over the side. Defaults to 0.1.
        rotation: The largest angle in degrees, either way. Defaults to 180.0: any.

    Returns:
        Side of the packed square over side of the network's; 1.937 for the defaults.
    """
    angle = min(radians(rotation), pi / 4)
    return 2 * scale * (shift + (cos(angle) + sin(angle)) / 2)


class CropMaker:
    """Crops a sample to the stored square: HandCrop's square times the margin, resampled once.

    Args:
        rule: HandCrop's; use the rule of the training pipeline.
        factor: HandCrop's. Defaults to None.
        margin: See :func:`margin_for`. Defaults to 1.0.
        size: Side of the crop in px. Defaults to 160.
        border: Value of the image outside of the original one. Defaults to 0.
        cube: HandCrop's. Defaults to None.
        root: HandCrop's. Defaults to None.
    """

    def __init__(
        self,
        rule: str,
        factor: float | None = None,
        margin: float = 1.0,
        size: int = 160,
        border: int = 0,
        cube: float | None = None,
        root: str | int | None = None,
    ) -> None:
        if not margin >= 1:
            raise ValueError(f'margin must be at least 1, found {margin!r}')
        self.choose, self.cut, self.margin = HandCrop(rule, factor, cube, root), WarpCrop(size, border), margin

    def __call__(self, sample: dict, modalities: tuple[str, ...]) -> dict:
        """Return the crop of a sample with only the images of ``modalities``.

        Raises:
            ValueError: If the sample lacks a modality, or has no joints to crop around.
        """
        missing = [name for name in modalities if sample.get(KEYS[name]) is None]
        if missing:
            present = [name for name, key in KEYS.items() if sample.get(key) is not None]
            raise ValueError(f'modalities: the samples have {present}, but not {missing}: leave these out')
        dropped = {key for name, key in KEYS.items() if name not in modalities}
        sample = self.choose({key: value for key, value in sample.items() if key not in dropped})
        sample['crop']['side'] *= self.margin
        return self.cut(sample)
