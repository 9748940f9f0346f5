"""Common base of the metrics that process sample by sample: reading a sample, and errors that name it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from mmengine.evaluator import BaseMetric

from handkd.hand import JOINTS, NUM_JOINTS


class SampleMetric(BaseMetric):
    """Base of the metrics that measure sample by sample and put the protocol into the names of their numbers.

    A subclass implements :meth:`measure`, and computes numbers from :meth:`stack_results` in ``compute_metrics``.

    Args:
        collect_device: As in MMEngine.
        prefix: Put before each number's name, which begins with its protocol, or None.
    """

    def __init__(self, collect_device: str, prefix: str | None) -> None:
        super().__init__(collect_device, prefix or type(self).__name__)  # MMEngine warns without one
        self.prefix = prefix

    @property
    def joint0(self) -> str:
        """Name of joint 0 on the data set at hand, by its meta information; else the wrist."""
        return (self.dataset_meta or {}).get('joint0', JOINTS[0])

    def measure(self, sample: dict) -> dict[str, np.ndarray]:
        """Measure one sample.

        Args:
            sample: The sample, with ``gt_instances`` and ``pred_instances``.

        Returns:
            Arrays by name, with the same names and shapes for all samples.

        Raises:
            ValueError: If the sample lacks something or its prediction is not finite.
        """
        raise NotImplementedError

    def process(self, data_batch: dict, data_samples: Sequence[dict]) -> None:
        """Measure each sample and store the results.

        Args:
            data_batch: Not used.
            data_samples: Samples as dicts, with ``pred_instances`` of :class:`HandPoseEstimator` and ``gt_instances``
                of :class:`PackHandInputs`.

        Raises:
            ValueError: If a sample lacks something or its prediction is not finite; names the sample.
        """
        for sample in data_samples:
            name = sample.get('img_path') or f'img_id {sample.get("img_id")}'
            try:
                result = self.measure(sample)
            except ValueError as error:
                raise ValueError(f'{name}: {error}') from error
            self.results.append(result)

    def stack_results(self, results: list[dict]) -> dict[str, np.ndarray]:
        """Return the arrays of :meth:`measure` by name, stacked over all samples.

        Raises:
            ValueError: If there is no sample.
        """
        if not results:
            raise ValueError(
                f'{type(self).__name__} has nothing to evaluate: the data set of this split is empty '
                '(check its length, its paths and its filters)'
            )
        return {key: np.stack([result[key] for result in results]) for key in results[0]}

    def read(self, instances: dict, key: str, owner: str) -> np.ndarray:
        """Return an array that the metric needs as float64.

        Args:
            instances: ``gt_instances`` or ``pred_instances``.
            key: Name of the array.
            owner: Name of the instances in errors.

        Raises:
            ValueError: If it is missing; names the owner, the key and the existing keys.
        """
        if key not in instances:
            raise ValueError(f'{owner} has no {key!r} among {sorted(instances)}: {type(self).__name__} needs it')
        return np.asarray(instances[key], np.float64)

    def read_truth(self, sample: dict, key: str) -> np.ndarray:
        """Return a label of ``gt_instances``; see :meth:`read`."""
        return self.read(sample['gt_instances'], key, 'the ground truth')

    def read_prediction(self, sample: dict, key: str) -> np.ndarray:
        """Return predicted joints of ``pred_instances``; see :meth:`read`.

        Raises:
            ValueError: If there are none, or a coordinate is not finite.
        """
        joints = self.read(sample['pred_instances'], key, 'the prediction')
        if not np.isfinite(joints).all():
            raise ValueError(
                f'the predicted {key} are not finite: the training diverged, so lower the learning rate, '
                'or train without amp'
            )
        return joints

    @staticmethod
    def find_labelled(sample: dict) -> np.ndarray:
        """Return which joints of a sample have a label, shape (1, 21), bool."""
        return np.asarray(sample['gt_instances'].get('keypoints_valid', np.ones((1, NUM_JOINTS)))) > 0
