"""Weights divided among processes; with two of them: tests/tools/test_dist_train.py."""

import torch

from handkd.engine.sharding import gather_optimizer, is_sharded


def test_what_is_not_divided_is_saved_and_loaded_as_ever():
    layer = torch.nn.Linear(3, 2)
    assert not is_sharded(layer)
    optimizer = torch.optim.Adam(layer.parameters())
    gather_optimizer(optimizer)
    layer(torch.ones(1, 3)).sum().backward()
    optimizer.step()
    state = optimizer.state_dict()
    other = torch.optim.Adam(layer.parameters())
    gather_optimizer(other)
    other.load_state_dict(state)
    for weight, moments in optimizer.state.items():
        assert all(torch.equal(value, other.state[weight][name]) for name, value in moments.items())
