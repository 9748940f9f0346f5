"""The metric of part segmentation that configs name."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from mmengine.evaluator import BaseMetric

from handkd.hand import NUM_PARTS
from handkd.registry import METRICS

from .segmentation import segmentation_accuracy, segmentation_counts


@METRICS.register_module()
class HandSegmentationMetric(BaseMetric):
    """Per-pixel and per-class accuracy of the hand's parts.

    The background does not count, nor do pixels of unknown part (255); pixels are pooled over the set; a part that
    never occurs is left out of the mean over classes. The numbers are ``parts20_no-background/per_pixel`` and
    ``.../per_class``, from 0 to 1.

    Args:
        num_parts (int): Number of parts. Defaults to 20.
        collect_device (str): As in MMEngine. Defaults to 'cpu'.
        prefix (str, optional): Before each number's name. Defaults to None: the protocol's name.
    """

    def __init__(self, num_parts: int = NUM_PARTS, collect_device: str = 'cpu', prefix: str | None = None) -> None:
        super().__init__(collect_device, prefix or f'parts{num_parts}_no-background')
        self.num_parts = num_parts

    def process(self, data_batch: dict, data_samples: Sequence[dict]) -> None:
        """Count each sample's pixels.

        Args:
            data_batch: Not used.
            data_samples: Samples as dicts, with ``pred_fields.part_seg`` and ``gt_fields.part_seg``, both of shape
                (1, H, W) or (H, W), whole numbers.

        Raises:
            ValueError: If a sample lacks one of them or they don't fit; names the sample.
        """
        for sample in data_samples:
            name = sample.get('img_path') or f'img_id {sample.get("img_id")}'
            pred, target = (self._parts(sample, key, name) for key in ('pred_fields', 'gt_fields'))
            try:
                correct, total = segmentation_counts(pred, target, self.num_parts)
            except ValueError as error:
                raise ValueError(f'{name}: {error}') from error
            self.results.append(dict(correct=correct, total=total))

    @staticmethod
    def _parts(sample: dict, fields: str, name: str) -> np.ndarray:
        if 'part_seg' not in sample.get(fields, ()):
            hint = "put 'part_seg' into PackHandInputs(fields=...)" if fields == 'gt_fields' else 'no head predicts it'
            raise ValueError(f"{name}: {fields} has no 'part_seg', which HandSegmentationMetric needs: {hint}")
        parts = np.asarray(sample[fields]['part_seg'])
        return parts[0] if parts.ndim == 3 and len(parts) == 1 else parts

    def compute_metrics(self, results: list[dict]) -> dict[str, float]:
        """Return ``per_pixel`` and ``per_class``.

        Raises:
            ValueError: If there is no sample, or no labelled pixel.
        """
        if not results:
            raise ValueError('HandSegmentationMetric has nothing to evaluate: the data set of this split is empty')
        correct, total = (np.sum([result[key] for result in results], 0) for key in ('correct', 'total'))
        return segmentation_accuracy(correct, total)._asdict()
