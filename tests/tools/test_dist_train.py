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

from handkd.apis.run_options import join_cpu_processes
from handkd.apis.runs import train
from handkd.models import read_checkpoint
from handkd.registry import HOOKS
from tests.apis.conftest import make_tiny_cfg

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


DRAWN: list[tuple[int, int]] = []
"""Set and sample of everything that this process trained on."""


@HOOKS.register_module()
class DrawnHook(Hook):
    def before_train_iter(self, runner, batch_idx, data_batch=None):
        DRAWN.extend(sample.mixed_from for sample in data_batch['data_samples'])


def train_on_a_mixture(rank: int, port: str, folder: Path) -> None:
    """Train without interruption, then to the middle and from there to the end, as one of two processes."""
    os.environ.update(RANK=str(rank), LOCAL_RANK=str(rank), WORLD_SIZE='2', MASTER_ADDR='127.0.0.1', MASTER_PORT=port)
    join_cpu_processes(wrapper := Config())
    sets = [dict(type='TinyHands', length=16), dict(type='TinyHands', length=8)]
    drawn = {}
    for name, steps, resume in (('whole', 4, None), ('cut', 2, None), ('cut', 4, 'auto')):
        cfg = make_tiny_cfg(folder, steps, name, drawn=dict(type='DrawnHook'))
        cfg.merge_from_dict(dict(wrapper, launcher='pytorch'))
        mixed = dict(type='MixedDataset', datasets=sets, shares=[2, 1], loss_weights=[2.0, 0.5])
        cfg.train_dataloader.update(batch_size=3, dataset=mixed, sampler=dict(type='ReproducibleSampler', seed=3))
        train(cfg, resume)
        drawn[name] = drawn.get(name, []) + DRAWN
        DRAWN.clear()
    (folder / f'drawn_{rank}.json').write_text(json.dumps(drawn))


def test_two_processes_share_a_mixture_and_resume_it(tmp_path):
    start = multiprocessing.get_context('spawn').Process
    port = free_port()
    ranks = [start(target=train_on_a_mixture, args=(rank, port, tmp_path)) for rank in (0, 1)]
    for process in ranks:
        process.start()
    for process in ranks:
        process.join()
    assert [process.exitcode for process in ranks] == [0, 0]
    drawn = [json.loads((tmp_path / f'drawn_{rank}.json').read_text()) for rank in (0, 1)]
    assert all(len(one['whole']) == 12 and one['whole'] == one['cut'] for one in drawn)
    every = [[0, number] for number in range(16)] + [[1, number] for number in range(8)]
    assert sorted(drawn[0]['whole'] + drawn[1]['whole']) == every, 'each sample once, in one of the processes'
    whole, cut = (read_checkpoint(tmp_path / name / 'iter_4.pth')['state_dict'] for name in ('whole', 'cut'))
    assert whole.keys() == cut.keys() and all(torch.equal(value, cut[key]) for key, value in whole.items())
