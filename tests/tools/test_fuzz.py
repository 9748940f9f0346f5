"""Every reader reads damaged and hostile files or refuses them in one line, and the harness tells what is neither."""

import io
import os
import runpy
import subprocess
import sys
import tarfile
import zipfile
from multiprocessing import Pipe
from pathlib import Path

import cv2
import numpy as np
import pytest

TOOLS = Path(__file__).parents[2] / 'tools'
COLUMNS = ['read', 'refused', 'traceback', 'unnamed', 'hang', 'memory', 'crash', 'code run']


@pytest.fixture(scope='module')
def fuzzing():
    """Modules of the harness by name."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(TOOLS))
        from fuzzing import attacks, mutations, supervisor, targets, worker

        yield dict(attacks=attacks, mutations=mutations, supervisor=supervisor, targets=targets, worker=worker)


def counts(report, name):
    """Numbers in the line of a report's first table."""
    header, *rows = (line.strip('| ').split(' | ') for line in report.split('\n\n')[0].splitlines())
    assert header[2:] == COLUMNS
    return {row[0]: list(map(int, row[1:])) for row in rows[1:]}[name]


def test_no_reader_fails_on_damaged_or_hostile_files(tmp_path):
    """Some thousand inputs, always the same; a long run is the tool's."""
    report = tmp_path / 'fuzz.md'
    command = [sys.executable, str(TOOLS / 'fuzz.py'), '--inputs', '60', '--workers', '2', '--show']
    done = subprocess.run(
        [*command, '--report', str(report)], capture_output=True, text=True, env=dict(os.environ, OMP_NUM_THREADS='1')
    )
    assert done.returncode == 0, f'{done.stdout[-6000:]}\n{done.stderr[-2000:]}'
    total, read, refused, *faults = counts(report.read_text(), 'all')
    assert total == read + refused and total > 900 and min(read, refused) > 50 and not any(faults)
    attacks = [line.strip('| ').split(' | ') for line in report.read_text().split('\n\n')[1].splitlines()[2:]]
    counted = {name: list(map(int, numbers)) for name, *numbers in (row[:4] for row in attacks)}
    assert all(total == refused + read for total, refused, read in counted.values())
    assert (
        counted['checkpoint'][0] > 40 and counted['rhd'][1] > 20 and counted['checkpoint'][2] == 1
    )  # text of a config


class Reader:
    """Reads a file of a tree in a way that a test decides."""

    def __init__(self, react):
        self.react = react

    def __call__(self, folder):
        if (data := (folder / 'file.txt').read_bytes()) != b'clean':
            self.react(folder / 'file.txt', data)


def fail(error):
    def react(path, data):
        raise error(path)

    return react


def chained(path):
    try:
        raise MemoryError
    except MemoryError as error:
        failure = ValueError(f'{path}: too large')
        failure.__cause__ = error
        return failure


@pytest.mark.parametrize(
    ('verdict', 'react'),
    [
        ('read', lambda path, data: None),
        ('refused', fail(lambda path: ValueError(f'{path}: damaged'))),
        ('refused', fail(lambda path: FileNotFoundError(2, 'no such file', str(path)))),
        ('traceback', fail(lambda path: KeyError(str(path)))),
        ('traceback', fail(lambda path: ValueError(f'{path}: damaged\nin two lines'))),
        ('traceback', fail(lambda path: UnicodeDecodeError('utf-8', b'x', 0, 1, str(path)))),
        ('traceback', fail(lambda path: SystemExit(str(path)))),
        ('unnamed', fail(lambda path: ValueError('damaged'))),
        ('memory', fail(lambda path: MemoryError(str(path)))),
        ('memory', fail(chained)),
        ('code run', lambda path, data: os.system('true')),
        ('code run', lambda path, data: Path('code_was_run').touch()),
    ],
)
def test_verdicts(fuzzing, tmp_path, monkeypatch, verdict, react):
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / 'tree'
    folder.mkdir()
    (folder / 'file.txt').write_bytes(b'clean')
    (folder / 'other.txt').write_bytes(b'not read')
    targets = fuzzing['targets']
    monkeypatch.setitem(targets.TARGETS, 'planted', targets.Target(lambda folder: None, Reader(react)))
    tree, watch = fuzzing['worker'].Tree('planted', folder), fuzzing['worker'].Watch()
    assert list(tree.files) == [folder / 'file.txt']  # the other one is not read, and never damaged
    assert tree.verdict(folder / 'file.txt', b'damaged', watch)[0] == verdict
    assert (folder / 'file.txt').read_bytes() == b'clean'
    assert not Path('code_was_run').exists()


def test_a_process_that_dies_or_falls_silent_is_noticed(fuzzing):
    supervisor = fuzzing['supervisor']
    here, there = Pipe()
    assert supervisor._hear(here, 0.05) == ('hang', '')
    there.send(('refused', 'x'))
    assert supervisor._hear(here, 5) == ('refused', 'x')
    there.close()
    assert supervisor._hear(here, 5) == ('crash', '')


def test_damage_is_the_same_for_the_same_number_and_goes_behind_checksums(fuzzing, tmp_path):
    damage = fuzzing['mutations'].damage
    archive, tape = io.BytesIO(), io.BytesIO()
    np.savez(archive, a=np.arange(100), b=np.ones(50))
    with tarfile.open(fileobj=tape, mode='w', format=tarfile.USTAR_FORMAT) as tar:
        info = tarfile.TarInfo('member.npy')
        info.size = 300
        tar.addfile(info, io.BytesIO(bytes(range(100)) * 3))
    image = np.random.default_rng(0).integers(0, 255, (16, 16), np.uint8)
    png = cv2.imencode('.png', image)[1].tobytes()
    inside = dict(zip=0, tar=0, png=0)
    for number in range(200):
        for kind, clean in dict(zip=archive.getvalue(), tar=tape.getvalue(), png=png).items():
            changed = damage(clean, np.random.default_rng(number))
            assert changed == damage(clean, np.random.default_rng(number))
            inside[kind] += changed != clean and whole(kind, changed)
    assert min(inside.values()) > 15, inside  # how many of 200 a checksum would not have stopped


def whole(kind, data):
    """Whether a damaged file's own checksums are right."""
    try:
        if kind == 'zip':
            with zipfile.ZipFile(io.BytesIO(data)) as archive:
                return archive.testzip() is None
        if kind == 'tar':
            with tarfile.open(fileobj=io.BytesIO(data)) as archive:
                return len(archive.getnames()) == 1
        return cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED) is not None
    except Exception:  # noqa: BLE001  damaged archives fail in many ways
        return False


def test_an_unknown_target_is_named(fuzzing, monkeypatch):
    monkeypatch.syspath_prepend(str(TOOLS))
    main = runpy.run_path(str(TOOLS / 'fuzz.py'))['main']
    with pytest.raises(ValueError, match="'checkpont'.*checkpoint"):
        main(['checkpont'])
