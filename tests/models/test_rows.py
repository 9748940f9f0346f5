from collections import namedtuple

import pytest
import torch
from mmpose.structures import PoseDataSample

from handkd.models.rows import batch_mean, check_inputs, rows_with, sample_weights, take_rows

Pair = namedtuple('Pair', 'a b')


def samples_of(*absent):
    samples = [PoseDataSample(metainfo=dict(img_id=i, absent=names)) for i, names in enumerate(absent)]
    return [PoseDataSample(metainfo=dict(img_id=9)), *samples]  # the first is of a plain set


def test_rows_are_those_that_lack_none_of_the_names():
    samples = samples_of(('depth',), ('keypoints_cam', 'depth'), ('keypoints_cam',), ())
    assert rows_with(samples, ('depth',)) == [0, 3, 4]
    assert rows_with(samples, ('depth', 'keypoints_cam')) == [0, 4]
    assert rows_with(samples, ('rgb',)) is None and rows_with(samples, ()) is None
    assert rows_with(samples[1:3], ('depth',)) == []


def test_rows_of_any_output_are_taken_with_gradient():
    x = torch.arange(6.0).reshape(3, 2).requires_grad_()
    taken = take_rows({'p': Pair(x, None), 'l': [x, (x,)]}, [2, 0])
    assert taken['p'].b is None and torch.equal(taken['p'].a, x[[2, 0]]) and torch.equal(taken['l'][1][0], x[[2, 0]])
    assert take_rows(x, []).shape == (0, 2)
    take_rows(x, [1]).sum().backward()
    assert x.grad.tolist() == [[0, 0], [1, 1], [0, 0]]


def test_a_filler_as_a_network_s_own_input_is_refused():
    check_inputs(samples_of(('rgb',)), ('depth',))
    with pytest.raises(ValueError, match='sample 0 has no depth, which this network takes: train it on those sets'):
        check_inputs(samples_of(('depth',)), ('depth',))


def test_weights_multiply_the_losses_of_samples_and_not_their_number():
    losses = torch.tensor([3.0, 1.0, 2.0])
    assert sample_weights(samples_of(()), losses.device) is None and batch_mean(losses) == 2
    samples = samples_of((), ())
    samples[1].set_metainfo(dict(loss_weight=0.5))
    weights = sample_weights(samples, losses.device)
    assert weights.tolist() == [1, 0.5, 1] and batch_mean(losses, weights) == 5.5 / 3
    assert batch_mean(losses, 2 * weights) == 2 * batch_mean(losses, weights)
