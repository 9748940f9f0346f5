"""Two processes train as one does with twice the batch: EKD's student, and a mixture of sets that is resumed."""

from __future__ import annotations

import json
import multiprocessing
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.hooks import Hook
from torch import nn

from handkd.apis.run_options import join_cpu_processes
from handkd.apis.runs import evaluate, train
from handkd.models import BaseDistiller, load_weights, read_checkpoint
from handkd.models.distillers import last_level
from handkd.registry import DATASETS, HOOKS, MODELS
from tests.apis.conftest import TinyHands, make_tiny_cfg

ROOT = Path(__file__).parents[2]


def free_port() -> str:
    with socket.socket() as server:
        server.bind(('127.0.0.1', 0))
        return str(server.getsockname()[1])


@pytest.mark.training
def test_two_processes_give_the_weights_of_one_with_the_doubled_batch(tmp_path):
    # SqueezeNet: batch normalisation would see half a batch in each process.
    config = str(ROOT / 'configs' / 'ekd' / 'squeezenet_studio.py')
    options = ['train_cfg.max_iters=4', 'train_dataloader.num_workers=0', 'train_dataloader.persistent_workers=False']
    options += ['train_dataloader.dataset.length=40', 'optim_wrapper.amp=False', 'param_scheduler.0.end=2']
    # Adam turns a gradient of rounding errors into a whole step, and long steps make them grow. The first one is short.
    options += ['optim_wrapper.optimizer.type=SGD', 'optim_wrapper.optimizer.lr=1e-4']
    options += ['default_hooks.checkpoint.interval=1', 'default_hooks.checkpoint.max_keep_ckpts=4']
    options += [f'angle_limits.file={tmp_path}/limits.json']
    env = {**os.environ, 'PYTHON': sys.executable, 'OMP_NUM_THREADS': '1', 'PORT': free_port(), 'PYTHONPATH': str(ROOT)}
    weights = []
    for processes, batch in ((2, 4), (1, 8)):
        out = tmp_path / str(processes)
        command = [ROOT / 'tools' / 'dist_train.sh', config, str(processes), '--no-validate', '--work-dir', out]
        command += ['--cfg-options', *options, f'train_dataloader.batch_size={batch}']
        done = subprocess.run(command, capture_output=True, text=True, env=env, cwd=tmp_path)
        assert done.returncode == 0, done.stderr[-2000:]
        weights.append([read_checkpoint(out / f'iter_{step}.pth')['state_dict'] for step in (1, 4)])
    (_, two), (start, one) = weights
    assert two.keys() == one.keys() and any(key.startswith('training_only.offset') for key in two)
    learnt = {key: (one[key] - start[key]).norm().item() for key in one if one[key].is_floating_point()}
    assert min(learnt.values()) > 0
    apart = {key: (two[key] - one[key]).norm().item() / learnt[key] for key in learnt}
    assert max(apart.values()) < 0.02, apart  # angles of hands that are nearly points are sensitive to rounding


@DATASETS.register_module()
class BareHands(TinyHands):
    """Hands without labelled joints."""

    def __getitems__(self, keys):
        samples = super().__getitems__(keys)
        for sample in samples:
            sample['data_samples'].gt_instances.keypoints_valid[:] = 0
        return samples


@MODELS.register_module()
class LearntSum(BaseDistiller):
    """A distiller with weights, for labelled samples only."""

    student_taps = ('neck',)
    gt_instances = ('keypoints_cam',)
    takes_sample_weights = True

    def __init__(self):
        super().__init__()
        self.learnt = nn.Linear(32, 1)

    def forward(self, context):
        return {'sum': self.learnt(last_level(context.student['neck'])).square().mean()}


SEEN: list = []
"""Set and sample of everything that this process trained on; metrics of its validations."""


@HOOKS.register_module()
class SeenHook(Hook):
    def before_train_iter(self, runner, batch_idx, data_batch=None):
        SEEN.extend(sample.mixed_from for sample in data_batch['data_samples'])

    def after_val_epoch(self, runner, metrics=None):
        SEEN.append(metrics)


@HOOKS.register_module()
class DividedHook(Hook):
    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        here = sum(weight.to_local().numel() for weight in runner.model.parameters())
        assert here < 0.6 * sum(weight.numel() for weight in runner.model.parameters())


def make_mixture_cfg(folder: Path, steps: int, name: str, validated: int) -> Config:
    cfg = make_tiny_cfg(folder, steps, name, seen=dict(type='SeenHook'))
    sets = [dict(type='TinyHands', length=16), dict(type='BareHands', length=8)]
    mixed = dict(type='MixedDataset', datasets=sets, shares=[2, 1], loss_weights=[2.0, 0.5], optional=['keypoints_cam'])
    cfg.train_dataloader.update(batch_size=1, dataset=mixed, sampler=dict(type='ReproducibleSampler', seed=3))
    cfg.val_dataloader.update(batch_size=2, dataset=dict(type='TinyHands', length=validated))
    cfg.train_cfg.val_interval = 4
    cfg.default_hooks.checkpoint.interval = 4
    student = Config(cfg.model)._cfg_dict
    cfg.model = dict(type='DistilledEstimator', student=student, distillers=dict(learnt=dict(type='LearntSum')))
    return cfg


def train_in_two_processes(rank: int, port: str, folder: Path) -> None:
    """Train as one of two processes: without interruption, and to the middle and from there to the end."""
    torch.set_num_threads(1)
    os.chdir(folder)
    os.environ.update(RANK=str(rank), LOCAL_RANK=str(rank), WORLD_SIZE='2', MASTER_ADDR='127.0.0.1', MASTER_PORT=port)
    join_cpu_processes(wrapper := Config())
    seen = {}
    for name, steps, resume in (('whole', 12, None), ('cut', 8, None), ('cut', 12, 'auto')):
        cfg = make_mixture_cfg(folder, steps, name, validated=5)
        cfg.merge_from_dict(dict(wrapper, launcher='pytorch'))
        train(cfg, resume)
        seen[name] = seen.get(name, []) + SEEN
        SEEN.clear()
    (folder / f'seen_{rank}.json').write_text(json.dumps(seen))
    divided = dict(type='FSDPStrategy')
    for name, steps, resume, strategy in (
        ('undivided', 4, None, None),
        ('divided', 4, None, divided),
        ('cut_divided', 2, None, divided),
        ('cut_divided', 4, 'auto', divided),
    ):
        cfg = make_mixture_cfg(folder, steps, name, validated=4)
        cfg.merge_from_dict(dict(wrapper, launcher='pytorch', strategy=strategy))
        cfg.train_dataloader.dataset = dict(type='TinyHands', length=16)
        cfg.optim_wrapper.clip_grad = dict(max_norm=1000.0)
        cfg.custom_hooks, cfg.optim_wrapper.amp = [dict(type='DividedHook')] if strategy else [], False
        train(cfg, resume)


@pytest.fixture(scope='module')
def trained(tmp_path_factory):
    """Folder of the trainings of two processes."""
    folder, port = tmp_path_factory.mktemp('trained'), free_port()
    start = multiprocessing.get_context('spawn').Process
    ranks = [start(target=train_in_two_processes, args=(rank, port, folder)) for rank in (0, 1)]
    for process in ranks:
        process.start()
    for process in ranks:
        process.join()
    assert [process.exitcode for process in ranks] == [0, 0]
    return folder


def test_two_processes_share_a_mixture_and_resume_it(trained):
    seen = [json.loads((trained / f'seen_{rank}.json').read_text()) for rank in (0, 1)]
    assert all(one['whole'] == one['cut'] for one in seen)  # so both have the same metrics after the resumption
    drawn = [[item for item in one['whole'] if isinstance(item, list)] for one in seen]
    every = [[0, number] for number in range(16)] + [[1, number] for number in range(8)]
    assert sorted(drawn[0] + drawn[1]) == every, 'each sample once, in one of the processes'
    assert any(one[0] != other[0] for one, other in zip(*drawn)), 'in some step one process alone had no labels'
    whole, cut = (read_checkpoint(trained / name / 'iter_12.pth')['state_dict'] for name in ('whole', 'cut'))
    assert whole.keys() == cut.keys() and all(torch.equal(value, cut[key]) for key, value in whole.items())
    cfg = make_mixture_cfg(trained, 12, 'alone', validated=5)
    cfg.test_dataloader = cfg.val_dataloader
    alone = evaluate(cfg, trained / 'whole' / 'iter_12.pth')
    assert seen[0]['whole'][-1] == pytest.approx(alone, rel=1e-6)  # five samples do not divide among two processes


def test_divided_weights_are_saved_and_resumed_whole(trained):
    whole, cut, other = (
        read_checkpoint(trained / name / 'iter_4.pth') for name in ('divided', 'cut_divided', 'undivided')
    )
    for key, value in whole['state_dict'].items():
        assert type(value) is torch.Tensor and torch.equal(value, cut['state_dict'][key]), key
        torch.testing.assert_close(value, other['state_dict'][key], rtol=1e-3, atol=1e-5)
    for number, moments in whole['optimizer']['state'].items():
        for name, value in moments.items():
            assert torch.equal(value, cut['optimizer']['state'][number][name])
            assert value.shape == other['optimizer']['state'][number][name].shape
    student = MODELS.build(make_tiny_cfg(trained).model)
    load_weights(student, trained / 'divided' / 'iter_4.pth')
