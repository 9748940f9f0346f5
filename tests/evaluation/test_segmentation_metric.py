"""The registered segmentation metric, on samples as MMEngine passes them."""

import pytest
import torch
from mmengine.structures import PixelData
from mmpose.structures import PoseDataSample

from handkd.evaluation import PartCounts
from handkd.registry import METRICS

NAME = 'parts20_no-background'
TARGET = torch.tensor([[[0, 1, 1, 20], [255, 20, 20, 20]]], dtype=torch.uint8)


def make_sample(pred: torch.Tensor, target: torch.Tensor = TARGET) -> dict:
    sample = PoseDataSample(metainfo=dict(img_id=7))
    sample.gt_fields = PixelData(part_seg=target)
    sample.pred_fields = PixelData(part_seg=pred)
    return sample.to_dict()


def evaluate(samples: list[dict]) -> dict:
    metric = METRICS.build(dict(type='HandSegmentationMetric'))
    metric.process({}, samples)
    return metric.evaluate(len(samples))


def test_accuracies_over_the_set():
    half = TARGET.clone()
    half[0, 0, 1] = 2
    numbers = evaluate([make_sample(TARGET), make_sample(half.long())])
    assert numbers == {f'{NAME}/per_pixel': pytest.approx(11 / 12), f'{NAME}/per_class': pytest.approx((3 / 4 + 1) / 2)}


def test_the_pixels_of_each_part_are_written(tmp_path):
    wrong = TARGET.clone()
    wrong[0, 1, 1:3] = 1
    metric = METRICS.build(dict(type='HandSegmentationMetric', prefix='val', dump=str(tmp_path / 'new' / 'parts.npz')))
    metric.process({}, [make_sample(TARGET), make_sample(wrong)])
    numbers = metric.evaluate(2)
    counts = PartCounts.load(tmp_path / 'new' / 'parts.npz')
    assert counts.protocol == NAME
    assert counts.total.tolist() == [4, *[0] * 18, 8] and counts.correct.tolist() == [4, *[0] * 18, 6]
    assert numbers == {'val/per_pixel': counts.accuracy.per_pixel, 'val/per_class': counts.accuracy.per_class}


def test_bad_input_is_named():
    bare = make_sample(TARGET)
    del bare['pred_fields']
    with pytest.raises(ValueError, match="img_id 7: pred_fields has no 'part_seg'"):
        evaluate([bare])
    with pytest.raises(ValueError, match='img_id 7: predicted and true parts must have one shape'):
        evaluate([make_sample(torch.zeros((1, 4, 4), dtype=torch.uint8))])
    with pytest.raises(ValueError, match='img_id 7: predicted parts must be whole numbers'):
        evaluate([make_sample(torch.rand(TARGET.shape))])
    with pytest.raises(ValueError, match='the data set of this split is empty'):
        evaluate([])
