"""Where compiled code is kept, and that handkd works where nothing can be kept."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import numba
import pytest

from handkd.compiling import Kernel, announce, cache_folder, njit

ROOT = Path(__file__).parents[1]
NOBODY = 65534


@pytest.fixture
def kept_in(monkeypatch):
    """Set numba's own folder; numba reads the environment again whenever it compiles."""

    def choose(folder: Path | str) -> None:
        monkeypatch.setenv('NUMBA_CACHE_DIR', str(folder))
        monkeypatch.setattr(numba.config, 'CACHE_DIR', str(folder))

    return choose


def test_the_folder_changes_with_any_source_and_only_then(tmp_path):
    from handkd import compiling

    (tmp_path / 'a.py').write_text('x = 1')
    (tmp_path / 'b.py').write_text('y = 1')
    first = cache_folder(tmp_path)
    assert cache_folder(tmp_path) == first
    (tmp_path / 'b.py').write_text('y = 2')
    compiling._digest.cache_clear()
    assert cache_folder(tmp_path) != first


def test_numbas_own_setting_is_the_base_and_is_put_back(kept_in, tmp_path):
    kept_in(tmp_path)

    @njit(cache=True)
    def twice(x):
        return 2 * x

    assert twice(4) == 8
    assert str(tmp_path) == numba.config.CACHE_DIR
    assert list(tmp_path.glob('tests-*/*/*.nbc'))


def test_a_folder_of_others_is_not_used(kept_in, monkeypatch, tmp_path):
    kept_in('')
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path))
    folder = cache_folder(ROOT / 'handkd')
    assert folder.parent == tmp_path / 'handkd'
    folder.chmod(0o777)
    assert cache_folder(ROOT / 'handkd') is None


@pytest.mark.parametrize('mode', [0o777, 0o775])
def test_numbas_own_folder_is_not_used_where_others_could_put_code(kept_in, monkeypatch, tmp_path, capsys, mode):
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path / 'own'))
    shared = tmp_path / 'shared'
    shared.mkdir()
    kept_in(shared)
    name = cache_folder(ROOT / 'handkd').name
    assert (shared / name).is_dir()
    shared.chmod(mode)
    assert cache_folder(ROOT / 'handkd') == tmp_path / 'own/handkd' / name
    assert f'NUMBA_CACHE_DIR={shared} is not used' in capsys.readouterr().err
    shared.chmod(0o1777)  # as /tmp: others can't touch what is ours
    assert cache_folder(ROOT / 'handkd') == shared / name
    (shared / name).chmod(0o777)
    assert cache_folder(ROOT / 'handkd') == tmp_path / 'own/handkd' / name


@pytest.mark.skipif(os.geteuid() != 0, reason='only root can give folders away')
def test_numbas_own_folder_is_not_used_where_it_is_anothers(kept_in, monkeypatch, tmp_path):
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path / 'own'))
    kept_in(tmp_path)
    folder = cache_folder(ROOT / 'handkd')
    os.chown(folder, NOBODY, NOBODY)
    assert cache_folder(ROOT / 'handkd') == tmp_path / 'own/handkd' / folder.name


def test_without_a_folder_nothing_is_kept(kept_in, tmp_path):
    (tmp_path / 'file').write_text('')
    kept_in(tmp_path / 'file')

    @njit(cache=True)
    def twice(x):
        return 2 * x

    assert twice(4) == 8 and sorted(os.listdir(tmp_path)) == ['file']


def test_slow_kernels_are_announced_once(kept_in, tmp_path, capsys):
    import handkd.geometry  # noqa: F401  (whose folder is named)

    kept_in(tmp_path)
    listeners = numba.core.event._registered['numba:compile']
    before = list(listeners)
    announce('handkd.geometry', 'some shapes')
    try:
        for _ in range(2):

            @njit(cache=False)
            def thrice(x):
                return 3 * x

            thrice.py_func.__module__ = 'handkd.geometry.shapes'
            thrice(1), thrice(1.5)
    finally:
        listeners[:] = before
    err = capsys.readouterr().err
    assert err.count('\n') == 1 and err.startswith('compiling the kernels of some shapes, once for this machine')


def test_the_studio_is_announced(capsys):
    import handkd.studio  # noqa: F401

    @njit(cache=False)
    def kernel():
        pass

    kernel.dispatcher.py_func.__module__ = 'handkd.studio.sample'
    for listener in numba.core.event._registered['numba:compile']:
        listener.said = False
        listener.on_start(SimpleNamespace(data=dict(dispatcher=kernel.dispatcher)))
    assert 'the hand studio' in capsys.readouterr().err


def test_numba_is_loaded_by_the_first_call_of_a_kernel():
    code = (
        'import sys, numpy, handkd.geometry, handkd.datasets, handkd.studio, handkd.restoration.windows\n'
        'from handkd.geometry import find_hand\n'
        'print("numba" in sys.modules)\n'
        'print(find_hand(numpy.full((9, 9), 500.0, "f4"), dict(K=numpy.diag([9.0, 9, 1])), 300).shape)\n'
        'print("numba" in sys.modules)'
    )
    done = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, cwd=ROOT)
    assert done.stdout.split('\n')[:3] == ['False', '(3,)', 'True'], done.stderr


@pytest.fixture
def kernels(tmp_path, monkeypatch):
    """Two modules of kernels; those of the second call those of the first."""
    (tmp_path / 'squares.py').write_text(
        'from handkd.compiling import njit\n\n@njit(cache=True)\ndef square(x):\n    return x * x\n'
    )
    (tmp_path / 'sums.py').write_text(
        'from handkd.compiling import njit\nfrom squares import square\n\n'
        '@njit(cache=True, inline="always")\ndef add(x, y):\n    """Add."""\n    return square(x) + square(y)\n\n'
        '@njit(cache=True)\ndef add_one(x):\n    return add(x, 1)\n'
    )
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path
    sys.modules.pop('squares', None), sys.modules.pop('sums', None)


def test_kernels_call_those_of_other_modules(kernels):
    import squares
    import sums

    assert isinstance(sums.add, Kernel) and sums.add.__doc__ == 'Add.'
    assert sums.add_one(3) == 10
    assert sums.square is squares.square and not isinstance(squares.square, Kernel)  # the dispatcher of numba
    assert squares.square(4) == 16 and squares.square.py_func(4) == 16
    assert (numba.int64,) in squares.square.signatures


def test_the_first_calls_may_come_from_several_threads(kernels, monkeypatch):
    import sums

    from handkd import compiling

    make = compiling._make_dispatcher
    monkeypatch.setattr(compiling, '_make_dispatcher', lambda *args: time.sleep(0.3) or make(*args))
    add_one = sums.add_one
    with ThreadPoolExecutor(8) as pool:  # they come while the kernels are being made
        found = pool.map(lambda x: time.sleep(0.1 * x) or add_one(x), range(8))
    assert [*found] == [x * x + 1 for x in range(8)]


def test_code_is_kept_under_the_sources_at_the_definition(kernels, kept_in, tmp_path_factory):
    """A file may be edited while a program that has read it runs; the next program must not get the old code."""
    kept_in(tmp_path_factory.mktemp('cache'))
    import squares

    before = cache_folder(kernels)
    (kernels / 'squares.py').write_text((kernels / 'squares.py').read_text().replace('x * x', 'x + x'))
    assert squares.square(5) == 25
    assert list(before.glob('*/*.nbc'))


@pytest.fixture
def public_folder():
    """A folder that other users can read, as pytest's own are not."""
    with tempfile.TemporaryDirectory(dir='/tmp') as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.mark.skipif(os.geteuid() != 0, reason='changes to another user')
@pytest.mark.parametrize('temporary', [True, False])
def test_another_user_without_a_home_can_use_a_checkout(temporary, public_folder):
    checkout, scratch = public_folder / 'checkout', public_folder / 'scratch'
    shutil.copytree(ROOT / 'handkd', checkout / 'handkd', ignore=shutil.ignore_patterns('__pycache__'))
    scratch.mkdir(mode=0o755)
    if temporary:
        os.chown(scratch, NOBODY, NOBODY)
    imports = ('geometry.registration', 'geometry.depth_cubes', 'studio', 'restoration.crf')
    code = (
        f'import sys, handkd.compiling, handkd.{", handkd.".join(imports)}\n'
        'for module in [module for name, module in sys.modules.items() if name.startswith("handkd.")]:\n'
        '    for value in list(vars(module).values()):\n'
        '        isinstance(value, handkd.compiling.Kernel) and value.dispatcher\n'
    )
    env = {k: v for k, v in os.environ.items() if k not in ('NUMBA_CACHE_DIR', 'XDG_CACHE_HOME')}
    env |= {'HOME': '/nonexistent', 'PYTHONPATH': str(checkout), 'TMPDIR': str(scratch)}
    done = subprocess.run(
        [sys.executable, '-c', code],
        env=env,
        cwd=public_folder,
        user=NOBODY,
        group=NOBODY,
        extra_groups=[],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    if temporary:
        kept = scratch / f'handkd-{NOBODY}'
        assert kept.stat().st_mode & 0o777 == 0o700 and list(kept.glob('geometry-*'))
