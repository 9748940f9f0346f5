import pytest
import torch
from torch import nn

from handkd.models.wrapped_forward import wrapped_forward


def test_direct_calls_are_changed_and_the_module_is_restored_after_an_error():
    module, one = nn.Linear(2, 2), torch.ones(1, 2)
    expected = module(one)
    with pytest.raises(KeyError), wrapped_forward(module, lambda output: output + 1):
        with wrapped_forward(module, lambda output: output * 2):
            assert torch.equal(module.forward(one), (expected + 1) * 2)
            assert torch.equal(module(one), (expected + 1) * 2)
        assert torch.equal(module.forward(one), expected + 1)
        raise KeyError
    assert torch.equal(module.forward(one), expected)
    assert 'forward' not in vars(module)
