from types import SimpleNamespace

import pytest
import torch
from mmengine.optim import BaseOptimWrapper, OptimWrapper
from torch import nn

from handkd.engine import TeacherUpdateHook, essential_hooks
from handkd.hints import ConfigError


class Network(nn.Linear):
    """A network with a teacher that follows it."""

    teachers_follow = True

    def __init__(self):
        super().__init__(1, 1)
        self.calls = []

    def start_teachers(self):
        self.calls.append('start')

    def update_teachers(self):
        self.calls.append('update')


def run(network, counts=1):
    optimizer = OptimWrapper(torch.optim.SGD(network.parameters(), lr=0.1), accumulative_counts=counts)
    runner, hook = SimpleNamespace(model=network, optim_wrapper=optimizer), TeacherUpdateHook()
    hook.before_train(runner)
    for step in range(4):
        optimizer.update_params(network(torch.ones(1, 1)).sum())
        hook.after_train_iter(runner, step)


@pytest.mark.parametrize('counts', [1, 2])
def test_teachers_follow_once_after_each_step_of_the_optimizer(counts):
    network = Network()
    run(network, counts)
    assert network.calls == ['start', *['update'] * (4 // counts)]


def test_every_run_has_it_and_other_networks_are_left_alone():
    assert any(isinstance(hook, TeacherUpdateHook) for hook in essential_hooks(by_epoch=False))
    run(nn.Linear(1, 1))
    network = Network()
    network.teachers_follow = False
    run(network)
    assert network.calls == []


def test_weights_in_pieces_and_unknown_steps_are_refused():
    network = Network()
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1)

    class Pieces(nn.Module):
        module = network

    class UnknownSteps(BaseOptimWrapper):
        update_params = backward = step = zero_grad = None

    for model, wrapper in ((Pieces(), OptimWrapper(optimizer)), (network, UnknownSteps(optimizer))):
        with pytest.raises(
            ConfigError,
            match=r'a teacher with ema .* found (Pieces and OptimWrapper|Network and UnknownSteps): leave out',
        ):
            TeacherUpdateHook().before_train(SimpleNamespace(model=model, optim_wrapper=wrapper))
