"""Trainings in processes of their own, which are told to end, killed, or begun twice."""

from __future__ import annotations

import os
import shlex
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from handkd.apis.cli import run_cli
from handkd.commands.train import main
from handkd.hints import ConfigError
from handkd.models import read_checkpoint

ROOT = Path(__file__).parents[2]
TRAIN = ROOT / 'tools' / 'train.py'
CONFIG = """
default_scope = 'handkd'
custom_imports = dict(imports=['tests.apis.conftest', 'told'])
randomness = dict(seed=0)
model = dict(
    type='HandPoseEstimator',
    backbone=dict(type='HandResNet', depth=18, stem='imagenet', base_channels=4),
    neck=dict(type='GlobalAveragePooling'),
    head=dict(type='PMDHead', in_channels=32, refine=True, codec=dict(
        type='RootRelativeXYZ', root='middle_mcp', scale_bone=('wrist', 'middle_mcp'))))
loader = dict(batch_size=2, num_workers=2, persistent_workers=True, dataset=dict(type='TinyHands'))
train_dataloader = dict(loader, sampler=dict(type='ReproducibleSampler'))
train_cfg = dict(by_epoch=False, max_iters=8)
optim_wrapper = dict(type='AutocastOptimWrapper', optimizer=dict(type='Adam', lr=1e-3))
default_hooks = dict(checkpoint=dict(type='CheckpointHook', by_epoch=False, interval=3, max_keep_ckpts=1))
custom_hooks = [dict(type='ToldHook')]
"""
PLUGIN = """
import os, signal, time
from mmengine.dist import get_rank
from mmengine.hooks import Hook
from handkd.registry import HOOKS

@HOOKS.register_module()
class ToldHook(Hook):
    def before_train_iter(self, runner, batch_idx, data_batch=None):
        told, step = os.environ.get('TOLD', 'nothing 0').split()
        if runner.iter + 1 != int(step):
            return
        if told == 'group':  # as timeout and torchrun do
            os.killpg(0, signal.SIGTERM)
        if told == 'rank1' and get_rank() == 1:
            os.kill(os.getpid(), signal.SIGUSR1)
        if told == 'killed1' and get_rank() == 1:
            os.kill(os.getpid(), signal.SIGKILL)
        if told == 'kill':  # in the middle of the next write
            os.fsync = lambda _: os.kill(os.getpid(), signal.SIGKILL)
        if told == 'wait':
            print('waiting', flush=True)
            time.sleep(600)
"""


@pytest.fixture
def files(tmp_path):
    (tmp_path / 'tiny.py').write_text(CONFIG)
    (tmp_path / 'told.py').write_text(PLUGIN)
    return tmp_path


def environment(files, told):
    paths = f'{ROOT}:{files}'
    return {**os.environ, 'PYTHONPATH': paths, 'OMP_NUM_THREADS': '1', 'PYTHON': sys.executable, 'TOLD': told}


def begin(files, command, told='nothing 0', **settings):
    return subprocess.Popen(
        command,
        env=environment(files, told),
        cwd=files,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
        **settings,
    )


def run(files, command, told='nothing 0', **settings):
    with begin(files, command, told, **settings) as process:
        _, said = process.communicate()
    return process.returncode, said


def command(work_dir, *options):
    return [sys.executable, str(TRAIN), 'tiny.py', '--work-dir', work_dir, *options]


def saved(folder):
    return sorted(path.name for path in folder.iterdir() if 'iter_' in path.name)


@pytest.fixture
def here(files, monkeypatch):
    """Make this process, which has imported all that a training needs, one in which it can run."""
    monkeypatch.chdir(files)
    for folder in (files, ROOT):
        monkeypatch.syspath_prepend(folder)
    monkeypatch.setenv('TOLD', 'nothing 0')


def check_it_goes_on_to_the_bit(files, words):
    """Go on from what is in ``parts`` by the words behind train.py, and compare with a run that nothing has ended."""
    main(['tiny.py', '--work-dir', 'whole', '--cfg-options', f'experiment_name={files.name}'])
    main(words)
    first, second = (read_checkpoint(files / name / 'iter_8.pth')['state_dict'] for name in ('whole', 'parts'))
    assert first.keys() == second.keys() and all(torch.equal(first[key], second[key]) for key in first)
    assert saved(files / 'parts') == ['iter_8.pth']


def test_told_to_end_with_its_workers_it_saves_and_goes_on(files, here):
    status, said = run(files, command('parts'), 'group 5')
    assert status == 75 and 'Traceback' not in said, said
    (line,) = [line for line in said.splitlines() if line.startswith('ended by SIGTERM after step 5; ')]
    assert saved(files / 'parts') == ['iter_5.pth']
    words = shlex.split(line.partition('to resume: ')[2])
    assert words == command('parts', '--resume')
    check_it_goes_on_to_the_bit(files, words[2:])


def test_killed_while_it_writes_it_goes_on_from_the_checkpoint_before(files, here):
    assert run(files, command('parts'), 'kill 6')[0] == -9
    left = saved(files / 'parts')
    assert len(left) == 2 and left[0].startswith('.iter_6.pth.') and left[1] == 'iter_3.pth'
    check_it_goes_on_to_the_bit(files, command('parts', '--resume')[2:])


def test_a_second_one_in_its_folder_is_refused(files, here, capsys):
    with begin(files, command('run'), 'wait 2') as first:
        try:
            while first.stdout.readline() != 'waiting\n':
                assert first.poll() is None
            with pytest.raises(SystemExit) as end:
                run_cli(main, command('run', '--resume')[2:])
            said = f'process {first.pid} on {socket.gethostname()}, is running in this folder'
            assert end.value.code == 2 and said in capsys.readouterr().err
        finally:
            first.kill()


@pytest.mark.training
def test_two_processes_end_if_one_is_killed_and_at_the_step_in_which_one_was_told(files, monkeypatch):
    with socket.socket() as server:
        server.bind(('127.0.0.1', 0))
        monkeypatch.setenv('PORT', str(server.getsockname()[1]))
    launch = [str(ROOT / 'tools' / 'dist_train.sh'), 'tiny.py', '2', '--work-dir', 'parts']
    status, said = run(files, launch, 'killed1 5')
    errors = [line for line in said.splitlines() if line.startswith('error: ')]
    assert status == 137 and len(errors) == 1 and 'Traceback' not in said, said
    assert errors[0].startswith('error: process 1 was killed by SIGKILL') and saved(files / 'parts') == ['iter_3.pth']
    again = shlex.split(errors[0].partition('checkpoint: ')[2])
    assert again == [*launch, '--resume']
    status, said = run(files, again, 'rank1 5')
    lines = [line for line in said.splitlines() if line.startswith('ended by SIGUSR1 after step 5; ')]
    assert status == 75 and len(lines) == 1 and saved(files / 'parts') == ['iter_5.pth'], said
    assert shlex.split(lines[0].partition('to resume: ')[2]) == again


def test_a_teacher_does_not_start_from_the_student(tmp_path, monkeypatch):
    monkeypatch.chdir(ROOT)
    options = ['--teacher', 'depth', '--work-dir', str(tmp_path)]
    with pytest.raises(ConfigError, match=r'handkd stages configs/pi/cpm_ho3d\.py --only depth`, or'):
        main(['configs/pi/cpm_ho3d.py', *options])
