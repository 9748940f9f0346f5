"""Background of a sample's camera, as one more image of the sample."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from handkd.datasets.backgrounds import background_of
from handkd.geometry.warping import warp_image
from handkd.needs import needs
from handkd.registry import TRANSFORMS

from .batch import BatchTransform, SampleBatch, empty_arrays
from .sample import sample_name


@TRANSFORMS.register_module()
@needs(folder='Backgrounds')
class LoadBackground(BatchTransform):
    """Loads the median background of a sample's camera, made by ``handkd backgrounds``.

    Sets ``background``, (H, W, 3) uint8 BGR, of the image's size. If the image was warped before, as in
    a pack, the background is warped in the same way; later transforms warp both. VirtualCamera must come
    after it.

    Args:
        folder (str): The folder of backgrounds.
        border (int): Value of the background outside the original image, in samples that were warped before;
            that of their WarpCrop, or pack. Defaults to 0.
    """

    cache_effect = 'fixed'

    def __init__(self, folder: str, border: int = 0) -> None:
        self.folder, self.border = folder, border

    def transform_batch(self, batch: SampleBatch, draws: np.ndarray) -> None:
        """Set ``background``, (H, W, 3) per sample, uint8, BGR, in the pixels of the image.

        Raises:
            FileNotFoundError: If a background is missing.
            ValueError: If the samples have no ``sequence`` and ``view``, or the file has another size than the original
                image; names the sample.
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
        """Return the backgrounds, warped like their samples' images."""
        made = list(empty_arrays({i: (image.shape, np.uint8) for i, image in enumerate(batch['img'])}).values())
        inverses = np.linalg.inv(batch['warp_matrix'])
        for background, inverse, out in zip(backgrounds, inverses, made):
            warp_image(background, inverse, self.border, out)
        return made
