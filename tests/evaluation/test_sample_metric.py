"""What the metrics of single samples share: one sample after the other, and errors that name it."""

import numpy as np
import pytest

from handkd.evaluation.sample_metric import SampleMetric


class Largest(SampleMetric):
    """The largest coordinate of the predicted joints."""

    def measure(self, sample):
        return dict(largest=self.read_prediction(sample, 'keypoints_cam').max(), whole=self.find_labelled(sample).all())

    def compute_metrics(self, results):
        arrays = self.stack_results(results)
        return dict(largest=float(arrays['largest'].max()), whole=float(arrays['whole'].mean()))


def sample(value, valid=None, **meta):
    labels = {} if valid is None else dict(keypoints_valid=np.array([valid]))
    return dict(gt_instances=labels, pred_instances=dict(keypoints_cam=np.full((1, 21, 3), value)), **meta)


def test_samples_are_measured_one_by_one():
    metric = Largest('cpu', None)
    metric.process({}, [sample(1.0), sample(3.0, [1.0] * 21)])
    metric.process({}, [sample(2.0, [1.0] * 20 + [0.0])])
    assert metric.evaluate(3) == dict(largest=3.0, whole=pytest.approx(2 / 3))


@pytest.mark.parametrize(
    ('meta', 'name'), [(dict(img_path='a/b.png', img_id=7), '^a/b.png: '), (dict(img_id=7), '^img_id 7: ')]
)
def test_an_error_names_the_sample(meta, name):
    with pytest.raises(ValueError, match=name + 'the predicted keypoints_cam are not finite'):
        Largest('cpu', None).process({}, [sample(np.nan, **meta)])
    bare = sample(0.0, **meta) | dict(pred_instances=dict(keypoints=0))
    with pytest.raises(ValueError, match=name + "the prediction has no 'keypoints_cam' among .'keypoints'.: Largest"):
        Largest('cpu', None).process({}, [bare])


def test_nothing_to_evaluate_is_an_error():
    with pytest.raises(ValueError, match='Largest has nothing to evaluate'):
        Largest('cpu', None).compute_metrics([])


def test_what_joint_0_is_comes_from_the_data_set():
    metric = Largest('cpu', None)
    assert metric.joint0 == 'wrist'
    metric.dataset_meta = dict(joint0='palm')
    assert metric.joint0 == 'palm'
