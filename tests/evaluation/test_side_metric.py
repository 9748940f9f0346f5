import numpy as np
import pytest

from handkd.evaluation import HandSideMetric


def sample(side, left) -> dict:
    return dict(img_id=7, hand_side=side, gt_instances={}, pred_instances=dict(left=np.array([left])))


def test_accuracy_is_that_of_all_and_of_each_side():
    metric = HandSideMetric()
    metric.process({}, [sample('left', 0.9), sample('left', 0.2), sample('right', 0.3), sample('right', 0.1)])
    metric.process({}, [sample('left', 0.4)])
    assert metric.evaluate(5) == pytest.approx(
        {'side/accuracy': 0.6, 'side/accuracy_left': 1 / 3, 'side/accuracy_right': 1.0}
    )


def test_a_hand_without_a_side_or_prediction_is_named():
    with pytest.raises(ValueError, match="img_id 7: its 'hand_side' must be 'left' or 'right', found None"):
        HandSideMetric().process({}, [sample(None, 0.5)])
    with pytest.raises(ValueError, match='not finite'):
        HandSideMetric().process({}, [sample('left', np.nan)])
