"""The launchers hand the right command to torchrun and srun, which are replaced by a script that prints it."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

TOOLS = Path(__file__).parents[2] / 'tools'


@pytest.fixture
def launch(tmp_path):
    """Return a function that runs a launcher with fake programs, and gives its words (or status and error)."""
    for name in ('fake_python', 'srun', 'scontrol'):
        (tmp_path / name).write_text('#!/bin/sh\nprintf "%s\\n" "$@"\nexit ${STATUS:-0}\n')
        (tmp_path / name).chmod(0o755)

    def run(script: str, *args: str, **env: str) -> tuple[int, list[str], str]:
        env = {**os.environ, 'PATH': f'{tmp_path}:{os.environ["PATH"]}', 'PYTHON': 'fake_python', **env}
        done = subprocess.run([TOOLS / script, *args], capture_output=True, text=True, env=env)
        return done.returncode, done.stdout.splitlines(), done.stderr

    return run


@pytest.mark.parametrize(
    ('script', 'args', 'command'),
    [
        (
            'dist_train.sh',
            ['c.py', '2', '--amp', 'on'],
            [f'{TOOLS}/train.py', 'c.py', '--launcher', 'pytorch', '--amp', 'on'],
        ),
        ('dist_test.sh', ['c.py', 'w.pth', '2'], [f'{TOOLS}/test.py', 'c.py', 'w.pth', '--launcher', 'pytorch']),
    ],
)
def test_torchrun_gets_the_tool_and_its_options(launch, script, args, command):
    status, words, _ = launch(script, *args, PORT='29999', NNODES='3')
    assert status == 0
    assert words[:2] == ['-m', 'handkd.launching']
    for option, value in (('--nproc-per-node', '2'), ('--master-port', '29999'), ('--nnodes', '3')):
        assert words[words.index(option) + 1] == value
    assert words[-len(command) :] == command


@pytest.mark.parametrize(
    ('script', 'last', 'command'),
    [
        ('slurm_train.sh', 'out', ['train.py', 'c.py', '--work-dir', 'out', '--launcher', 'slurm', '--resume']),
        ('slurm_test.sh', 'w.pth', ['test.py', 'c.py', 'w.pth', '--launcher', 'slurm', '--resume']),
    ],
)
def test_srun_gets_the_tool_and_its_options(launch, script, last, command):
    status, words, _ = launch(script, 'part', 'job', 'c.py', last, '--resume', GPUS='4', SRUN_ARGS='--qos=low --time=9')
    assert status == 0
    for option, value in (('-p', 'part'), ('--gres', 'gpu:4'), ('--ntasks', '4'), ('--ntasks-per-node', '4')):
        assert words[words.index(option) + 1] == value
    assert {'--qos=low', '--time=9'} <= set(words)
    assert words[-len(command) :] == [f'{TOOLS}/{command[0]}', *command[1:]]


def test_slurm_warns_a_training_which_is_queued_again_and_resumes(launch):
    command = ['slurm_train.sh', 'part', 'job', 'c.py', 'out']
    status, words, _ = launch(*command, SLURM_JOB_ID='17', STATUS='75', SIGNAL='USR1@300')
    assert status == 75 and words[words.index('--signal') + 1] == 'USR1@300'
    assert words[-2:] == ['requeue', '17']
    status, words, _ = launch(*command, SLURM_JOB_ID='17', SLURM_RESTART_COUNT='1')
    assert status == 0 and words[-1] == '--resume' and 'requeue' not in words
    status, words, _ = launch(*command, SLURM_JOB_ID='17', STATUS='2')
    assert status == 2 and 'requeue' not in words
    status, words, _ = launch(*command, STATUS='75')  # no batch job
    assert status == 75 and 'requeue' not in words


@pytest.mark.parametrize('script', ['dist_train.sh', 'dist_test.sh', 'slurm_train.sh', 'slurm_test.sh'])
def test_too_few_arguments_print_the_usage(launch, script):
    status, words, error = launch(script, 'c.py')
    assert (status, words) == (2, [])
    assert error.startswith(f'usage: tools/{script} ')
