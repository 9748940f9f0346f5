import numpy as np
import pytest
import torch
from mmengine.structures import PixelData
from mmpose.structures import PoseDataSample

from handkd.hand import NUM_PARTS
from handkd.models import PartSegmentationHead


def sample(parts):
    result = PoseDataSample(metainfo=dict(img_id=7))
    result.gt_fields = PixelData(part_seg=torch.as_tensor(parts, dtype=torch.uint8)[None])
    return result


@pytest.fixture
def case():
    """A head, features and samples with background and unknown pixels, of 8x12 px."""
    torch.manual_seed(0)
    head, rng = PartSegmentationHead(5).double(), np.random.default_rng(0)
    parts = rng.choice([0, 255, *range(1, 21)], size=(3, 8, 12))
    foreground = torch.from_numpy(rng.random((3, 1, 8, 12)) < 0.7)
    return head, foreground, parts, [sample(one) for one in parts]


@pytest.mark.parametrize('stride', [1, 2])
def test_the_loss_is_the_mean_log_likelihood_of_pixels_with_a_part(case, stride):
    head, foreground, parts, samples = case
    feats = torch.randn(3, 5, 8 // stride, 12 // stride, dtype=torch.float64)
    scores = head((foreground, feats)).detach().numpy()
    expected = []
    for i, row, column in np.ndindex(3, 8 // stride, 12 // stride):
        part = parts[i, stride * row, stride * column]
        if part not in (0, 255):
            values = scores[i, :, row, column]
            expected.append(np.log(np.exp(values).sum()) - values[part - 1])
    assert head.loss((foreground, feats), samples)['loss_nll'].item() == pytest.approx(np.mean(expected), rel=1e-5)


def test_a_batch_without_labels_teaches_nothing(case):
    head, foreground, *_ = case
    feats = torch.randn(3, 5, 8, 12, dtype=torch.float64)
    loss = head.loss((foreground, feats), [sample(np.full((8, 12), fill)) for fill in (0, 255, 0)])['loss_nll']
    loss.backward()
    assert loss == 0 and not head.output.weight.grad.any()


@pytest.mark.parametrize('stride', [1, 2])
def test_a_predicted_map_has_the_best_part_before_the_background(case, stride):
    head, foreground, *_ = case
    feats = torch.randn(3, 5, 8 // stride, 12 // stride, dtype=torch.float64)
    scores, found = head((foreground, feats)), head.predict((foreground, feats), [])['part_seg']
    assert found.dtype == torch.uint8 and found.shape == (3, 1, 8, 12)
    for i, row, column in np.ndindex(3, 8, 12):
        best = int(scores[i, :, row // stride, column // stride].argmax()) + 1
        assert found[i, 0, row, column] == (best if foreground[i, 0, row, column] else 0)
    assert found[foreground].min() >= 1 and found.max() <= NUM_PARTS


def test_samples_without_parts_or_of_another_size_are_named(case):
    head, foreground, _, samples = case
    feats = (foreground, torch.zeros(3, 5, 8, 12, dtype=torch.float64))
    with pytest.raises(ValueError, match=r'sample 7 must have the shape .* \(1, 8, 12\), found \(1, 4, 12\)'):
        head.loss(feats, [*samples[:2], sample(np.zeros((4, 12)))])
    del samples[1].gt_fields
    with pytest.raises(ValueError, match="sample 7 has no 'part_seg'"):
        head.loss(feats, samples)
