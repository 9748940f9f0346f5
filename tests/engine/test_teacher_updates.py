from types import SimpleNamespace

import torch
from mmengine.optim import OptimWrapper
from torch import nn

from handkd.engine import TeacherUpdateHook, essential_hooks


class Network(nn.Linear):
    def __init__(self):
        super().__init__(1, 1)
        self.calls = []

    def start_teachers(self):
        self.calls.append('start')

    def update_teachers(self):
        self.calls.append('update')


def run(network, wrapped, counts):
    optimizer = OptimWrapper(torch.optim.SGD(network.parameters(), lr=0.1), accumulative_counts=counts)
    model = SimpleNamespace(module=network) if wrapped else network
    runner, hook = SimpleNamespace(model=model, optim_wrapper=optimizer), TeacherUpdateHook()
    hook.before_train(runner)
    for step in range(4):
        optimizer.update_params(network(torch.ones(1, 1)).sum())
        hook.after_train_iter(runner, step)


def test_teachers_follow_once_after_each_step_of_the_optimizer():
    for wrapped in (False, True):
        for counts in (1, 2):
            network = Network()
            run(network, wrapped, counts)
            assert network.calls == ['start', *['update'] * (4 // counts)]


def test_every_run_has_it_and_other_networks_are_left_alone():
    assert any(isinstance(hook, TeacherUpdateHook) for hook in essential_hooks(by_epoch=False))
    run(nn.Linear(1, 1), False, 1)
