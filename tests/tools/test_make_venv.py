"""tools/make_venv.py keeps an installed torch 2.x, installs one where there is none, and does nothing the second time.

pip is replaced by a list of the commands that it is given: nothing is downloaded.
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]


@pytest.fixture
def tool():
    """Return the tool, freshly imported, as what a test changes in it must not last."""
    spec = importlib.util.spec_from_file_location('make_venv', ROOT / 'tools' / 'make_venv.py')
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def pip(tool, monkeypatch):
    """Return the commands given to pip: each one's arguments, and the text of the constraint files that exist then."""
    calls = []

    def record(python, *args):
        args = [str(a) for a in args]
        constraints = [Path(a).read_text() for a, before in zip(args[1:], args) if before == '-c']
        calls.append((args, '\n'.join(constraints)))

    monkeypatch.setattr(tool, 'pip', record)
    return calls


def pretend_torch(tool, monkeypatch, *versions: str | None) -> None:
    """Let the tool find these versions of torch, one after another."""
    answers = iter(versions)
    monkeypatch.setattr(tool, 'installed_torch', lambda python: next(answers))


def test_an_installed_torch_is_pinned_and_never_asked_for(tool, pip, monkeypatch):
    pretend_torch(tool, monkeypatch, '2.4.0+cu124')
    tool.install(Path(sys.executable), 'https://example.org/whl')
    assert not any('torch.txt' in arg for args, _ in pip for arg, before in zip(args[1:], args) if before == '-r')
    for args, constraints in pip:
        assert '--no-deps' in args or 'torch==2.4.0+cu124\n' in constraints


@pytest.mark.parametrize(
    ('index', 'extra'), [(None, []), ('https://example.org/whl', ['--index-url', 'https://example.org/whl'])]
)
def test_a_missing_torch_is_installed_first_and_alone(tool, pip, monkeypatch, index, extra):
    pretend_torch(tool, monkeypatch, None, '2.13.0+cpu')
    tool.install(Path(sys.executable), index)
    assert pip[0][0] == ['-r', str(ROOT / 'requirements' / 'torch.txt'), *extra]
    assert all('--index-url' not in args for args, _ in pip[1:])
    assert any('torch==2.13.0+cpu\n' in constraints for _, constraints in pip)


def test_torch_1_is_refused(tool, pip, monkeypatch):
    pretend_torch(tool, monkeypatch, '1.13.1')
    with pytest.raises(SystemExit, match='needs torch 2.x, but .* has 1.13.1'):
        tool.install(Path(sys.executable), None)
    assert pip == []


def test_opencv_is_installed_only_where_there_is_none(tool, pip, monkeypatch):
    pretend_torch(tool, monkeypatch, '2.4.0', '2.4.0')
    tool.install(Path(sys.executable), None)  # this interpreter has cv2
    assert not any('opencv.txt' in ' '.join(args) for args, _ in pip)
    monkeypatch.setattr(tool.subprocess, 'run', lambda *args, **kwargs: tool.subprocess.CompletedProcess(args, 1))
    tool.install(Path(sys.executable), None)
    assert any('opencv.txt' in ' '.join(args) for args, _ in pip)


def test_an_environment_sees_the_torch_of_the_one_that_makes_it(tool, tmp_path):
    tool.create(tmp_path / 'venv')
    python = tool.python_of(tmp_path / 'venv')
    assert tool.installed_torch(python) == tool.installed_torch(sys.executable) is not None


def test_the_second_call_returns_at_once_until_a_requirement_changes(tool, tmp_path, monkeypatch):
    environment = tmp_path / 'venv'
    (environment / 'bin').mkdir(parents=True)
    tool.python_of(environment).symlink_to(sys.executable)
    installed = []
    monkeypatch.setattr(tool, 'install', lambda python, index: installed.append(index))
    for _ in range(2):
        tool.main([str(environment), '--torch-index', 'URL'])
    assert installed == ['URL']
    (tmp_path / 'requirements').mkdir()
    monkeypatch.setattr(tool, 'REQUIREMENTS', tmp_path / 'requirements')
    tool.main([str(environment)])
    assert installed == ['URL', None]


def test_an_environment_of_another_python_is_refused(tool, tmp_path, monkeypatch):
    (tmp_path / 'bin').mkdir()
    tool.python_of(tmp_path).symlink_to(sys.executable)
    monkeypatch.setattr(tool.sys, 'version_info', (3, 99, 0))
    with pytest.raises(SystemExit, match=r'PYTHON is 3.99; name its own \(PYTHON=python3'):
        tool.check_interpreter(tmp_path)


def test_every_requirement_is_pinned_for_every_python():
    def requirements(name: str) -> list[Requirement]:
        lines = (ROOT / 'requirements' / f'{name}.txt').read_text().splitlines()
        return [Requirement(text) for line in lines if (text := line.split('#')[0].strip())]

    pins = requirements('constraints')
    for version in ('3.10', '3.11', '3.12', '3.13'):
        linux = {'python_version': version, 'platform_machine': 'x86_64', 'sys_platform': 'linux'}
        pinned = [pin for pin in pins if pin.marker is None or pin.marker.evaluate(linux)]
        assert len({pin.name for pin in pinned}) == len(pinned)
        for file in ('mminstall', 'runtime', 'opencv', 'export', 'optional', 'tests'):
            for wanted in requirements(file):
                # Some torch asks for an old setuptools, so none is pinned.
                if wanted.name != 'setuptools' and (wanted.marker is None or wanted.marker.evaluate(linux)):
                    (pin,) = [pin for pin in pinned if pin.name == wanted.name]
                    (exact,) = pin.specifier
                    assert exact.operator == '==' and wanted.specifier.contains(exact.version), (wanted, pin)
