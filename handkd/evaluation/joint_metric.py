"""Common base of the metrics of hand joints: joints that count, numbers under a protocol, table and file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from mmengine.logging import print_log

from .functional import AucRule, auc, epe
from .predictions import BY_HAND, HandPredictions
from .protocols import Protocol
from .sample_metric import SampleMetric


class JointMetric(SampleMetric):
    """Base of the metrics that compare 21 predicted joints with the true ones, sample by sample.

    A subclass implements :attr:`protocol`, which raises if a joint does not exist, and :meth:`compare`.

    Args:
        rules: Areas under the PCK curve to report.
        joint_table: Whether to log a table of each joint's errors.
        dump: ``.npz`` file for the predictions, for plots, or None.
        collect_device: As in MMEngine.
        prefix: Put before each number's name, which begins with its protocol, or None.
    """

    def __init__(
        self, rules: Sequence[AucRule], joint_table: bool, dump: str | None, collect_device: str, prefix: str | None
    ) -> None:
        super().__init__(collect_device, prefix)
        self.rules, self.joint_table = tuple(rules), joint_table
        self.dump = None if dump is None else Path(dump)

    @property
    def protocol(self) -> Protocol:
        """The protocol on the data set at hand.

        Raises:
            ValueError: If a joint does not exist there.
        """
        raise NotImplementedError

    @property
    def protocol_name(self) -> str:
        """Name of the protocol, put before each number's name and into the file of predictions."""
        return self.protocol.name

    def compare(self, sample: dict, protocol: Protocol) -> dict[str, np.ndarray]:
        """Compare one sample's joints.

        Args:
            sample: The sample, with ``gt_instances`` and ``pred_instances``.
            protocol: The protocol on the data set at hand.

        Returns:
            ``pred`` and ``target``, each (K, D), and ``valid`` (K,), as in :class:`HandPredictions`; and under the
            names of other protocols the errors (K,) by them, NaN where a joint does not count. K is 21, or the number
            of the data set's own joints.

        Raises:
            ValueError: If the sample lacks something or its prediction is not finite.
        """
        raise NotImplementedError

    def measure(self, sample: dict) -> dict[str, np.ndarray]:
        """Compare one sample's joints, and add its image id, hand type, side and, of several, set; see :meth:`compare`.

        Raises:
            ValueError: If the data set consists of several, but the sample does not name its own.
        """
        said = {key: np.asarray(sample.get(key, '')) for key in BY_HAND}  # '' in sets that don't label it
        result = self.compare(sample, self.protocol) | dict(img_ids=np.asarray(sample.get('img_id', -1))) | said
        if self.set_names:
            if sample.get('set_name') not in self.set_names:
                raise ValueError(
                    f"the sample must name its set as 'set_name' in its meta information, one of {self.set_names}, "
                    f'found {sample.get("set_name")!r}: JoinedDataset sets it'
                )
            result['set_numbers'] = np.asarray(self.set_names.index(sample['set_name']))
        return result

    @property
    def set_names(self) -> tuple[str, ...]:
        """Names of the sets that the data set at hand consists of; () for a single set."""
        return tuple((self.dataset_meta or {}).get('set_names', ()))

    def compute_metrics(self, results: list[dict]) -> dict[str, float]:
        """Return ``EPE_mean`` and ``EPE_median`` in the joints' unit, and each area under the PCK curve, from 0 to 1.

        On a ``JoinedDataset`` the numbers of each set follow, with its name before that of the protocol.

        Raises:
            ValueError: If there is no sample, or no joint counts.
        """
        arrays = self.stack_results(results)
        number = arrays.pop('set_numbers', None)
        predictions, numbers = self._compute(arrays)
        if self.dump is not None:
            predictions.save(self.dump)
        for i, name in enumerate(self.set_names):
            mine = number == i
            if mine.any():
                numbers |= _under(name, self._compute({key: rows[mine] for key, rows in arrays.items()})[1])
        if self.joint_table:
            print_log(_joint_table(predictions, self.protocol.joints), logger='current')
        return numbers

    def _compute(self, arrays: Mapping[str, np.ndarray]) -> tuple[HandPredictions, dict[str, float]]:
        """Return the predictions and the numbers of some samples, by their names with the protocol."""
        fields = ('pred', 'target', 'valid', 'img_ids')
        hands = {key: arrays[key] for key in BY_HAND}
        if not all((column != '').all() for column in hands.values()):
            hands = {}
        predictions = HandPredictions(*(arrays[key] for key in fields), protocol=self.protocol_name, **hands)
        numbers = _under(predictions.protocol, self.numbers_of(predictions))
        for name in (key for key in arrays if key not in (*fields, *BY_HAND)):  # by other protocols
            numbers |= _under(name, _error_numbers(arrays[name]))
        return predictions, numbers

    def numbers_of(self, predictions: HandPredictions) -> dict[str, float]:
        """Return the numbers of all samples under the protocol, by their names without it."""
        errors = predictions.errors
        return _error_numbers(errors) | {rule.name: auc(errors, rule) for rule in self.rules}

    def find_joints(self, sample: dict, protocol: Protocol) -> tuple[np.ndarray, np.ndarray]:
        """Return which joints of a sample have a label and which of these count, both (1, 21), bool.

        Raises:
            ValueError: If only visible joints count, and the ground truth has no ``keypoints_visible``.
        """
        labelled = self.find_labelled(sample)
        counts = labelled & protocol.counts
        if protocol.visible_only:
            counts = counts & (self.read_truth(sample, 'keypoints_visible') > 0)
        return labelled, counts


def _error_numbers(errors: np.ndarray) -> dict[str, float]:
    error = epe(errors)
    return dict(EPE_mean=error.mean, EPE_median=error.median)


def _under(prefix: str, numbers: dict[str, float]) -> dict[str, float]:
    return {f'{prefix}/{name}': value for name, value in numbers.items()}


def _joint_table(predictions: HandPredictions, joints: Sequence[str]) -> str:
    head = f'{predictions.protocol}, each joint in {predictions.unit}:'
    lines = [head, f'{"":<12}{"mean":>9}{"median":>9}{"samples":>9}']
    for joint, column in zip(joints, predictions.errors.T):
        seen = column[np.isfinite(column)]
        values = f'{seen.mean():>9.3f}{np.median(seen):>9.3f}' if seen.size else f'{"-":>9}{"-":>9}'
        lines.append(f'{joint:<12}{values}{seen.size:>9}')
    return '\n'.join(lines)
