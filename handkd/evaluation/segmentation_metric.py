"""Metric of part segmentation, for configs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from mmengine.evaluator import BaseMetric

from handkd.hand import NUM_PARTS
from handkd.registry import METRICS

from .part_counts import PartCounts
from .segmentation import segmentation_counts


@METRICS.register_module()
class HandSegmentationMetric(BaseMetric):
    """Per-pixel and per-class accuracy of the hand's parts.

    The background does not count, nor do pixels of unknown part (255); pixels are pooled over the set; a part that
    never occurs is left out of the mean over classes. The numbers are ``parts20_no-background/per_pixel`` and
    ``.../per_class``, from 0 to 1.

    Args:
        num_parts (int): Number of parts. Defaults to 20.
        dump (str, optional): ``.npz`` file for the pixel counts of each part, for plots. Defaults to None.
        collect_device (str): As in MMEngine. Defaults to 'cpu'.
        prefix (str, optional): Before each number's name. Defaults to None: the protocol's name.
    """

    def __init__(
        self,
        num_parts: int = NUM_PARTS,
        dump: str | None = None,
        collect_device: str = 'cpu',
        prefix: str | None = None,
    ) -> None:
        self.protocol_name = f'parts{num_parts}_no-background'
        super().__init__(collect_device, prefix or self.protocol_name)
        self.num_parts = num_parts
        self.dump = None if dump is None else Path(dump)

    def process(self, data_batch: dict, data_samples: Sequence[dict]) -> None:
        """Count each sample's pixels.

        Args:
            data_batch: Not used.
            data_samples: Samples as dicts, with ``pred_fields.part_seg`` and ``gt_fields.part_seg``, both of shape
                (1, H, W) or (H, W), whole numbers.

        Raises:
            ValueError: If a sample lacks one of them or their shapes or values don't fit; names the sample.
        """
        for sample in data_samples:
            pred, target = (read_parts(sample, key, type(self).__name__) for key in ('pred_fields', 'gt_fields'))
            try:
                correct, total = segmentation_counts(pred, target, self.num_parts)
            except ValueError as error:
                raise ValueError(f'{_name(sample)}: {error}') from error
            self.results.append(dict(correct=correct, total=total))

    def compute_metrics(self, results: list[dict]) -> dict[str, float]:
        """Return ``per_pixel`` and ``per_class``.

        Raises:
            ValueError: If there is no sample, or no labelled pixel.
            OSError: If the counts can't be written to ``dump``.
        """
        if not results:
            raise ValueError('HandSegmentationMetric has nothing to evaluate: the data set of this split is empty')
        correct, total = (np.sum([result[key] for result in results], 0) for key in ('correct', 'total'))
        counts = PartCounts(correct, total, self.protocol_name)
        if self.dump is not None:
            counts.save(self.dump)
        return counts.accuracy._asdict()


def read_parts(sample: dict, fields: str, metric: str) -> np.ndarray:
    """Return a sample's part map, shape (H, W).

    Args:
        sample: The sample as a dict.
        fields: 'pred_fields' or 'gt_fields'.
        metric: Class name of the metric, for errors.

    Raises:
        ValueError: If it has none; names the sample and the metric.
    """
    if 'part_seg' not in sample.get(fields, ()):
        hint = "put 'part_seg' into PackHandInputs(fields=...)" if fields == 'gt_fields' else 'no head predicts it'
        raise ValueError(f"{_name(sample)}: {fields} has no 'part_seg', which {metric} needs: {hint}")
    parts = np.asarray(sample[fields]['part_seg'])
    return parts[0] if parts.ndim == 3 and len(parts) == 1 else parts


def _name(sample: dict) -> str:
    return sample.get('img_path') or f'img_id {sample.get("img_id")}'
