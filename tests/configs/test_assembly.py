"""A config is read in a few files: how many there are, and how deep they inherit, stays bounded."""

import ast
from pathlib import Path

import pytest

from handkd.apis.config_report import base_files

CONFIGS = Path(__file__).parents[2] / 'configs'
LEAVES = sorted(path for path in CONFIGS.glob('*/*.py') if path.parent.name != '_base_')


def depth_of(path):
    bases = []
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], 'id', None) == '_base_':
            value = ast.literal_eval(node.value)
            bases = [value] if isinstance(value, str) else value
    return 1 + max((depth_of(path.parent / base) for base in bases), default=0)


@pytest.mark.parametrize('path', LEAVES, ids=lambda path: f'{path.parent.name}/{path.stem}')
def test_a_config_is_assembled_from_few_files(path):
    assert len({file.resolve() for file in base_files(path)}) <= 6 and depth_of(path) <= 3


def test_there_are_few_files_and_each_of_base_is_used_by_several():
    users = {}
    for path in LEAVES:
        for file in base_files(path):
            users.setdefault(file.resolve(), set()).add(path)
    shared = set(CONFIGS.glob('_base_/**/*.py'))
    assert len(LEAVES) + len(shared) <= 140
    assert [file for file in sorted(shared) if len(users.get(file, ())) < 2] == []
