"""The benchmarks still run; what they measure is no matter for a test."""

import runpy
import sys
from pathlib import Path

import pytest
import torch

TOOLS = Path(__file__).parents[2] / 'tools'


@pytest.fixture(scope='module')
def benchmark():
    threads, sys.path[:0] = torch.get_num_threads(), [str(TOOLS)]
    yield runpy.run_path(str(TOOLS / 'benchmark.py'))['main']
    sys.path.remove(str(TOOLS))
    torch.set_num_threads(threads)


def test_data_paths_side_by_side(benchmark, capsys):
    benchmark(['data', '--num', '8', '--rounds', '1'])
    lines = capsys.readouterr().out.splitlines()[-8:]
    assert lines[0].split() == ['samples/s', 'x', 'MMPose', 'x', 'without', 'target']
    assert [line.startswith(name) for line, name in zip(lines[1:3], ('MMPose', 'MMPose without'))] == [True, True]
    for line in lines[1:]:
        assert all(float(number) > 0 for number in line.split()[-3:])
    assert float(lines[1].split()[-2]) == 1  # MMPose over itself


def test_the_studio(benchmark, capsys):
    benchmark(['studio', '--seconds', '0.02', '--repeats', '1'])
    assert 'RGB + depth + parts' in capsys.readouterr().out


def test_joint_networks_side_by_side(benchmark, capsys):
    sizes = ['--joints', '2', '--hidden', '8', '--batch-size', '2', '--rounds', '1', '--threads', '1']
    benchmark(['joints', *sizes])
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert lines[0][:2] == ['2', 'joints,'] and [line[:3] for line in lines[2:]] == [
        ['1', '8', 'one'],
        ['1', '8', 'own'],
    ]
    for grouped, loop, ratio in (map(float, line[3:]) for line in lines[2:]):
        assert ratio == pytest.approx(loop / grouped, abs=0.02 + 0.1 * ratio)


def test_a_wrong_name(benchmark):
    with pytest.raises(ValueError, match="unknown key 'dat'; did you mean 'data'"):
        benchmark(['dat'])
