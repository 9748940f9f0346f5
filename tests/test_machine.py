import os

import pytest

from handkd import machine


def test_the_processor_is_named_without_the_host():
    assert machine.cpu_model() and os.uname().nodename not in machine.cpu_model()
    assert 1 <= machine.usable_cores() <= os.cpu_count()


def test_the_model_of_the_processor_comes_from_the_system(tmp_path, monkeypatch):
    monkeypatch.setattr(machine, '_CPU_INFO', tmp_path / 'cpuinfo')
    assert machine.cpu_model()  # of the architecture
    (tmp_path / 'cpuinfo').write_text('processor\t: 0\nmodel name\t: Some CPU @ 2 GHz\n')
    assert machine.cpu_model() == 'Some CPU @ 2 GHz'


@pytest.mark.parametrize('lacking', ['repository', 'git'])
def test_without_a_repository_or_git_there_is_no_commit(tmp_path, monkeypatch, lacking):
    if lacking == 'git':
        (tmp_path / '.git').mkdir()
        monkeypatch.setenv('PATH', str(tmp_path))
    monkeypatch.setattr(machine, 'ROOT', tmp_path)
    assert machine.source_commit() == ''
