"""The metric of synthesised views that configs name."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
from mmengine.evaluator import BaseMetric

from handkd.files import write_atomically
from handkd.registry import METRICS

SHOWN = ('synthesised', 'background', 'other_view')
"""What is compared with the true view: the network's image, no hand at all, and the other view of the moment."""


@METRICS.register_module()
class ViewSynthesisMetric(BaseMetric):
    """How far synthesised views are from what the cameras saw, of a ``ViewSynthesizer``.

    The numbers are ``views/synthesised/MAE``, the mean absolute difference over pixels and channels in grey levels (0
    to 255), and ``views/synthesised/PSNR`` in dB, both of each image and then averaged over the images; and the same
    for two images that need no learning, ``views/background/...`` and ``views/other_view/...``: what the camera sees
    without a hand, and the other view of the same moment as it is. A network that is no better than the background
    makes no hand, or loses as much by what it blurs behind it.

    Batches must be whole groups, which ``ViewGroupSampler(batches=...)`` draws, with 'rgb' and 'background' among the
    ``modalities``. Images that stand alone don't count.

    Args:
        dump (str, optional): ``.npz`` file for the numbers of each image: ``shown`` (3,), and ``MAE`` and ``PSNR``, of
            shape (N, 3). Defaults to None.
        collect_device (str): As in MMEngine. Defaults to 'cpu'.
    """

    def __init__(self, dump: str | None = None, collect_device: str = 'cpu') -> None:
        super().__init__(collect_device, 'views')
        self.dump = dump

    def process(self, data_batch: dict, data_samples: Sequence[dict]) -> None:
        """Compare the views of a batch.

        Args:
            data_batch: What the loader gave, with ``inputs`` as PackHandInputs makes them: the truth is there.
            data_samples: Samples as dicts, those in groups with ``pred_fields.rgb`` (3, H, W), uint8.

        Raises:
            ValueError: If no view is predicted, or backgrounds are missing.
        """
        inputs = data_batch['inputs']
        predicted = [sample.get('pred_fields', {}).get('rgb') for sample in data_samples]
        views = {i: view for i, view in enumerate(predicted) if view is not None}
        if not views or 'background' not in inputs:
            raise ValueError(
                f"ViewSynthesisMetric: {len(views)} of {len(data_samples)} samples have 'rgb' in pred_fields, and the "
                f"batch holds {sorted(inputs)}: it needs a ViewSynthesizer, the loader's sampler ViewGroupSampler, and "
                "PackHandInputs(modalities=['rgb', 'background'])"
            )
        truth, backgrounds = (
            np.stack([np.asarray(inputs[name][i]) for i in views]).astype(np.float64) for name in ('rgb', 'background')
        )
        others = truth[np.arange(len(views)) ^ 1]  # the views of a moment follow each other
        errors = np.stack([np.stack(list(views.values())), backgrounds, others], 1) - truth[:, None]
        # One result a batch: MMEngine cuts results off at the number of samples of the set.
        self.results.append((np.abs(errors).mean((2, 3, 4)), np.square(errors).mean((2, 3, 4))))

    def compute_metrics(self, results: list[tuple[np.ndarray, np.ndarray]]) -> dict[str, float]:
        """Return ``MAE`` and ``PSNR`` of each of :data:`SHOWN`.

        Raises:
            ValueError: If there is no batch.
            OSError: If the numbers can't be written where ``dump`` says.
        """
        if not results:
            raise ValueError('ViewSynthesisMetric has nothing to evaluate: the loader has no batch')
        absolute, squared = (np.concatenate(column) for column in zip(*results))
        with np.errstate(divide='ignore'):  # an image without any error
            numbers = dict(MAE=absolute, PSNR=10 * np.log10(255**2 / squared))
        if self.dump is not None:
            content = io.BytesIO()
            np.savez_compressed(content, shown=SHOWN, **numbers)
            write_atomically(self.dump, content.getvalue())
        means = {name: values.mean(0) for name, values in numbers.items()}
        return {f'{what}/{name}': float(means[name][k]) for k, what in enumerate(SHOWN) for name in means}
