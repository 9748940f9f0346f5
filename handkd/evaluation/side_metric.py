"""Metric of the side that a network tells."""

from __future__ import annotations

import numpy as np

from handkd.hand import SIDES
from handkd.registry import METRICS

from .sample_metric import SampleMetric


@METRICS.register_module()
class HandSideMetric(SampleMetric):
    """Share of the hands whose side the network tells rightly: ``side/accuracy``, and that of each side.

    The prediction is ``left`` (1,), the probability that the hand is a left one; the truth ``hand_side`` of the meta
    information.

    Args:
        collect_device (str): As in MMEngine. Defaults to 'cpu'.
        prefix (str, optional): Put before each number's name. Defaults to None.
    """

    def __init__(self, collect_device: str = 'cpu', prefix: str | None = None) -> None:
        super().__init__(collect_device, prefix)

    def measure(self, sample: dict) -> dict[str, np.ndarray]:
        """Compare the side of a sample; see :meth:`SampleMetric.measure`.

        Raises:
            ValueError: If the sample has no side, or the prediction is missing or not finite.
        """
        side = sample.get('hand_side')
        if side not in SIDES:
            raise ValueError(f"its 'hand_side' must be 'left' or 'right', found {side!r}")
        left = self.read_prediction(sample, 'left')[0]
        return dict(left=np.array(side == 'left'), right=np.array((left > 0.5) == (side == 'left')))

    def compute_metrics(self, results: list[dict]) -> dict[str, float]:
        """Return the shares, from 0 to 1; of a side without hands none."""
        found = self.stack_results(results)
        numbers = {'side/accuracy': float(found['right'].mean())}
        for side, mine in (('left', found['left']), ('right', ~found['left'])):
            if mine.any():
                numbers[f'side/accuracy_{side}'] = float(found['right'][mine].mean())
        return numbers
