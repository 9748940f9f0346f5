"""Rows of a teacher's outputs, and a teacher with a network of its own."""

import pytest
import torch

from handkd.models.estimators.teacher import NetworkTeacher, TeacherOutput
from handkd.registry import MODELS

from .conftest import estimator_cfg


def test_outputs_are_taken_by_the_rows_of_the_whole_batch():
    outputs = TeacherOutput(dict(a=torch.tensor([10.0, 12.0]), b=(torch.tensor([20.0, 22.0]),)), [0, 2])
    taken = outputs.take(['b'], [2])
    assert list(taken) == ['b'] and taken['b'][0].tolist() == [22]
    assert TeacherOutput(dict(a=torch.arange(3)), None).take(['a'], [2, 1])['a'].tolist() == [2, 1]


def test_a_network_gives_the_layers_that_are_asked_for():
    torch.manual_seed(0)
    network = MODELS.build(estimator_cfg('depth', 1)).eval()
    teacher = NetworkTeacher('big', network)
    depth = torch.randn(2, 1, 64, 64)
    taps = teacher.run(dict(depth=depth, rgb=None), [], ['neck'])
    assert teacher.modalities == ('depth',) and list(taps) == ['neck']
    torch.testing.assert_close(taps['neck'], network.extract_feat(dict(depth=depth)))
    with pytest.raises(ValueError, match="the teacher 'big' has no layer named 'nek'; did you mean 'neck'"):
        teacher.check_taps(['nek'])
