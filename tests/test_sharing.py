"""How torch's threads are told to share the cores."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

from handkd.sharing import SPIN_COUNT, cpu_limit, share_cores

ROOT = Path(__file__).parents[1]
LOADING = ('handkd', 'torch', 'mmengine', 'mmcv', 'mmpose', 'faiss', 'benchmarks')


@pytest.mark.parametrize(
    ('users', 'expected'),
    [
        ({}, {'GOMP_SPINCOUNT': str(SPIN_COUNT)}),
        ({'GOMP_SPINCOUNT': '7'}, {'GOMP_SPINCOUNT': '7'}),
        ({'OMP_WAIT_POLICY': 'ACTIVE'}, {'OMP_WAIT_POLICY': 'ACTIVE'}),
    ],
)
def test_threads_spin_little_unless_the_user_says_otherwise(tmp_path, users, expected):
    share_cores(users, tmp_path)
    assert users == expected


def write_limit(folder: Path, version: int, quota: str, period: str = '100000') -> Path:
    """Write the kernel's files of a container's share."""
    if version == 2:
        (folder / 'cpu.max').write_text(f'{quota} {period}\n')
    else:
        (folder / 'cpu').mkdir()
        (folder / 'cpu' / 'cpu.cfs_quota_us').write_text(f'{quota}\n')
        (folder / 'cpu' / 'cpu.cfs_period_us').write_text(f'{period}\n')
    return folder


@pytest.mark.parametrize(
    ('version', 'quota', 'expected'),
    [(2, '250000', 3), (2, '1000', 1), (2, 'max', None), (1, '200000', 2), (1, '-1', None)],
)
def test_a_containers_share_is_read(tmp_path, version, quota, expected):
    assert cpu_limit(write_limit(tmp_path, version, quota)) == expected


def test_there_are_no_more_threads_than_the_containers_share(tmp_path, monkeypatch):
    assert cpu_limit(tmp_path) is None
    monkeypatch.setattr(os, 'sched_getaffinity', lambda _: set(range(64)))
    environ = {}
    share_cores(environ, write_limit(tmp_path, 2, '200000'))
    assert environ['OMP_NUM_THREADS'] == '2'
    environ = {'OMP_NUM_THREADS': '5'}
    share_cores(environ, tmp_path)
    assert environ['OMP_NUM_THREADS'] == '5'


def test_openmp_takes_it():
    env = {k: v for k, v in os.environ.items() if not k.startswith(('OMP_', 'GOMP_'))}
    env |= {'OMP_DISPLAY_ENV': 'VERBOSE', 'PYTHONPATH': str(ROOT)}
    done = subprocess.run([sys.executable, '-c', 'import handkd, torch'], env=env, capture_output=True, text=True)
    assert f"GOMP_SPINCOUNT = '{SPIN_COUNT}'" in done.stderr, done.stderr


@pytest.mark.parametrize('tool', sorted(path.name for path in (ROOT / 'tools').glob('*.py')))
def test_no_tool_loads_torch_before(tool):
    names = []
    for node in ast.parse((ROOT / 'tools' / tool).read_text(encoding='utf-8')).body:
        if isinstance(node, ast.ImportFrom):
            names.append(node.module)
        elif isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
    loading = [name for name in (name.partition('.')[0] for name in names) if name in LOADING]
    assert loading[:1] in ([], ['handkd'])
