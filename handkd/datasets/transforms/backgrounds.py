"""What a camera sees without the hand, as one more picture of the sample."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from handkd.datasets.backgrounds import background_of
from handkd.registry import TRANSFORMS

from .batch import BatchTransform, SampleBatch, empty_arrays
from .sample import sample_name
from .warping import warp_image


@TRANSFORMS.register_module()
class LoadBackground(BatchTransform):
    """Loads the median background of a sample's camera, which ``tools/median_backgrounds.py`` has made.

    Sets ``background``, (H, W, 3) uint8 BGR, as large as the image. What has moved the image's pixels before, as those
    of a pack, moves the background's in the same way; what moves them behind it moves both. VirtualCamera must be
    behind it.

    Args:
        folder (str): The folder of backgrounds.
        border (int): Value of the background outside of the original image, in samples that have been moved before;
            that of their WarpCrop, or pack. Defaults to 0.
    """

    def __init__(self, folder: str, border: int = 0) -> None:
        self.folder, self.border = folder, border

    def transform_batch(self, batch: SampleBatch, draws: np.ndarray) -> None:
        """Set ``background``.

        Raises:
            FileNotFoundError: If it was not made.
            ValueError: If the samples do not say their camera, or the file is of another size than the original image;
                names the sample.
        """
        batch.require(self, 'img', 'sequence', 'view')
        backgrounds = [background_of(self.folder, *place) for place in zip(batch['sequence'], batch['view'])]
        moved = 'warp_matrix' in batch and 'ori_shape' in batch
        shapes = batch['ori_shape'] if moved else [image.shape[:2] for image in batch['img']]
        for i, (shape, background) in enumerate(zip(shapes, backgrounds)):
            if background.shape[:2] != tuple(shape):
                what = 'original image' if moved else 'image'
                raise ValueError(
                    f'{sample_name(batch.sample(i))}: its {what} has shape {tuple(shape)}, the background in '
                    f'{self.folder!r} has {background.shape[:2]}'
                )
        batch['background'] = self._move(backgrounds, batch) if moved else backgrounds

    def _move(self, backgrounds: Sequence[np.ndarray], batch: SampleBatch) -> list[np.ndarray]:
        """Return the backgrounds as their samples' images have been moved."""
        made = list(empty_arrays({i: (image.shape, np.uint8) for i, image in enumerate(batch['img'])}).values())
        inverses = np.linalg.inv(batch['warp_matrix'])
        for background, inverse, out in zip(backgrounds, inverses, made):
            warp_image(background, inverse, self.border, out)
        return made
