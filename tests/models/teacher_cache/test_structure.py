"""Outputs taken apart and put together again, to the last bit."""

import numpy as np
import pytest
import torch

from handkd.hints import ConfigError
from handkd.models.heads.pmd_head import PMDPrediction
from handkd.models.teacher_cache.structure import LeafForm, flatten, rebuild, tensors_in


def test_nested_outputs_come_back():
    x, y = torch.zeros(2, 3), torch.ones(2, 4)
    output = {'simcc': (x, y), 'pyramid': [x, None], 'pred': PMDPrediction(*[y] * len(PMDPrediction._fields))}
    structure, leaves = flatten(output, 'head', first=5)
    assert [name for name, _ in leaves][:3] == ['head.simcc.0', 'head.simcc.1', 'head.pyramid.0']
    found = rebuild(structure, dict(zip(tensors_in(structure), [leaf for _, leaf in leaves])))
    assert tensors_in(structure)[0] == 5
    assert found['simcc'][1] is y and found['pyramid'][0] is x and found['pyramid'][1] is None
    assert isinstance(found['simcc'], tuple) and isinstance(found['pyramid'], list)
    assert found['pred']._fields == PMDPrediction._fields and found['pred'].xyz is y


def test_other_objects_are_refused():
    with pytest.raises(ConfigError, match=r'head\.1 is a str, but only tensors'):
        flatten((torch.zeros(1), 'x'), 'head')


@pytest.mark.parametrize('dtype', [torch.float32, torch.bfloat16, torch.float16, torch.int64, torch.bool])
def test_exact_rows_keep_every_bit_and_the_memory_layout(dtype):
    tensor = (torch.randn(4, 3, 5, 6) * 100).to(dtype).contiguous(memory_format=torch.channels_last)
    form = LeafForm.of(tensor, 'exact')
    assert form.shape == (5, 6, 3) and form.bytes == 90 * tensor.element_size()
    assert LeafForm.from_json(form.as_json()) == form
    back = form.to_tensor(form.to_rows(tensor, 'x'), torch.device('cpu'))
    assert torch.equal(back, tensor) and back.dtype == dtype and back.stride() == tensor.stride()


def test_float16_holds_bfloat16_exactly_and_refuses_what_is_too_large():
    tensor = torch.randn(8, 9).bfloat16()
    form = LeafForm.of(tensor, 'float16')
    assert form.numpy_dtype == np.float16
    assert torch.equal(form.to_tensor(form.to_rows(tensor, 'x'), torch.device('cpu')), tensor)
    with pytest.raises(ConfigError, match=r'neck has values up to 1e\+05, beyond .*float16: set teacher_cache\.dtype'):
        form.to_rows(torch.full((1, 9), 1e5), 'neck')
