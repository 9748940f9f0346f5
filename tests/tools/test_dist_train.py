"""Two processes train as one does with twice the batch: EKD's student, its limits and its offset network."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from handkd.models import read_checkpoint

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
