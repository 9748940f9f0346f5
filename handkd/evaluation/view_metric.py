"""Metric of synthesised views, for configs."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
from mmengine.evaluator import BaseMetric

from handkd.files import write_atomically
from handkd.registry import METRICS

SHOWN = ('synthesised', 'unrotated', 'background', 'other_view')
"""Images that are compared with the true view: the network's image, its image of points that were not rotated into the
view, the background without a hand, and the other view of the same moment."""

CHANGED = 24
"""A pixel that differs from the background by more grey levels in any channel does not show the background."""


@METRICS.register_module()
class ViewSynthesisMetric(BaseMetric):
    """Difference between the synthesised views of a ``ViewSynthesizer`` and the cameras' images.

    The numbers are ``views/synthesised/MAE``, the mean absolute difference over pixels and channels in grey levels (0
    to 255), and ``views/synthesised/PSNR`` in dB, both per image and then averaged over the images;
    ``views/synthesised/hand_MAE``, the same difference over the hand's pixels alone; and the same for three other
    images: ``views/unrotated/...``, the network's image of the other view's points without the rotation between the
    cameras, and two that need no learning, ``views/background/...`` and ``views/other_view/...``, the camera's image
    without a hand and the unchanged other view of the same moment.

    A hand covers little of an image, so a network that is no better than the background in ``hand_MAE`` synthesises no
    hand, even with a good ``MAE``. ``views/gain/MAE`` and ``views/gain/hand_MAE`` are the reduction of the difference
    by rotating the points, ``unrotated`` minus ``synthesised``: about 0 for a network that ignores geometry.

    The hand is ``gt_fields.hand_mask``, of ``PackHandInputs(fields=['hand_mask'])``. If the data set has no masks,
    ``changed_MAE`` replaces ``hand_MAE``: over the pixels that differ from the background by more than
    :data:`CHANGED`, including arm and body. Images without any such pixel don't count in it.

    Batches must be whole groups, as drawn by ``ViewGroupSampler(batches=...)``, with 'rgb' and 'background' among the
    ``modalities``. Images without a group don't count.

    Args:
        dump (str, optional): ``.npz`` file for the numbers of each image: ``shown`` (4,), and ``MAE``, ``PSNR`` and
            ``hand_MAE`` or ``changed_MAE``, of shape (N, 4). Defaults to None.
        collect_device (str): As in MMEngine. Defaults to 'cpu'.
    """

    def __init__(self, dump: str | None = None, collect_device: str = 'cpu') -> None:
        super().__init__(collect_device, 'views')
        self.dump = dump

    def process(self, data_batch: dict, data_samples: Sequence[dict]) -> None:
        """Compare the views of a batch.

        Args:
            data_batch: Batch of the loader, whose ``inputs``, as made by PackHandInputs, hold the true views.
            data_samples: Samples as dicts, those in groups with ``pred_fields.rgb`` and ``pred_fields.unrotated``
                (3, H, W), uint8, and ``gt_fields.hand_mask`` (1, H, W) if the data set has masks.

        Raises:
            ValueError: If no view is predicted, or backgrounds are missing.
        """
        inputs = data_batch['inputs']
        views = [
            i for i, sample in enumerate(data_samples) if {'rgb', 'unrotated'} <= set(sample.get('pred_fields', ()))
        ]
        if not views or 'background' not in inputs:
            raise ValueError(
                f"ViewSynthesisMetric: {len(views)} of {len(data_samples)} samples have 'rgb' and 'unrotated' in "
                f'pred_fields, and the batch has {sorted(inputs)}: it needs a ViewSynthesizer, the '
                "loader's sampler ViewGroupSampler, and PackHandInputs(modalities=['rgb', 'background'])"
            )
        truth, backgrounds = (
            np.stack([np.asarray(inputs[name][i]) for i in views]).astype(np.float64) for name in ('rgb', 'background')
        )
        others = truth[np.arange(len(views)) ^ 1]  # the two views of a moment are neighbours
        made = [np.stack([data_samples[i]['pred_fields'][name] for i in views]) for name in ('rgb', 'unrotated')]
        errors = np.stack([*made, backgrounds, others], 1) - truth[:, None]
        samples = [data_samples[i] for i in views]
        masked = all('hand_mask' in sample.get('gt_fields', ()) for sample in samples)
        if masked:
            region = np.stack([np.asarray(sample['gt_fields']['hand_mask'])[0] > 0 for sample in samples])
        else:
            region = (np.abs(truth - backgrounds) > CHANGED).any(1)
        on_hand = [np.abs(error[..., there]).mean((1, 2)) for error, there in zip(errors, region) if there.any()]
        # One result per batch: MMEngine cuts results off at the number of samples of the set.
        name = 'hand_MAE' if masked else 'changed_MAE'
        columns = dict(MAE=np.abs(errors).mean((2, 3, 4)), squared=np.square(errors).mean((2, 3, 4)))
        columns[name] = np.full((len(views), len(SHOWN)), np.nan)
        columns[name][region.any((1, 2))] = np.reshape(on_hand, (-1, len(SHOWN)))
        self.results.append(columns)

    def compute_metrics(self, results: list[dict[str, np.ndarray]]) -> dict[str, float]:
        """Return the numbers of each of :data:`SHOWN`, and the gain, over all images.

        Args:
            results: Per batch of N images, arrays of shape (N, 4) by name: ``MAE`` and ``hand_MAE`` or ``changed_MAE``
                in grey levels, and ``squared``.

        Raises:
            ValueError: If there is no batch, or only some have masks of the hand.
            OSError: If the numbers can't be written to ``dump``.
        """
        if not results:
            raise ValueError('ViewSynthesisMetric has nothing to evaluate: the loader has no batch')
        if len({tuple(result) for result in results}) > 1:
            raise ValueError(
                "ViewSynthesisMetric: 'hand_mask' is in gt_fields of some batches only: give it for all samples or none"
            )
        numbers = {name: np.concatenate([result[name] for result in results]) for name in results[0]}
        with np.errstate(divide='ignore'):  # an image without any error
            numbers['PSNR'] = 10 * np.log10(255**2 / numbers.pop('squared'))
        if self.dump is not None:
            content = io.BytesIO()
            np.savez_compressed(content, shown=SHOWN, **numbers)
            write_atomically(self.dump, content.getvalue())
        seen = {name: values[~np.isnan(values[:, 0])] for name, values in numbers.items()}
        means = {name: values.mean(0) for name, values in seen.items() if len(values)}
        gain = {f'gain/{name}': float(mean[1] - mean[0]) for name, mean in means.items() if name != 'PSNR'}
        return {f'{what}/{name}': float(means[name][k]) for k, what in enumerate(SHOWN) for name in means} | gain
