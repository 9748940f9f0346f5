"""What all tests share."""

import json
import shutil
import subprocess
import sys
import tarfile
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import pytest
from PIL import Image, ImageOps
from yapf.yapflib import yapf_api

from handkd.files import cache_root


@pytest.fixture(autouse=True, scope='session')
def index_cache(tmp_path_factory):
    """Keep the indices of data sets out of the user's own cache, but not the studio's compiled kernels."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv('NUMBA_CACHE_DIR', str(cache_root()))
        patch.setenv('XDG_CACHE_HOME', str(tmp_path_factory.mktemp('cache')))
        yield


@pytest.fixture(autouse=True, scope='session')
def formatted_once():
    """Let yapf format each text once: MMEngine sends a run's config through it for every checkpoint and every log."""
    real, known = yapf_api.FormatCode, {}

    def format_code(text, **settings):
        key = text, json.dumps(settings, sort_keys=True)
        if key not in known:
            known[key] = real(text, **settings)
        return known[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(yapf_api, 'FormatCode', format_code)
        yield


ROOT = Path(__file__).parents[1]
FOLDERS = ('handkd', 'requirements', 'configs', 'zoo')
FILES = ('setup.py', 'pyproject.toml', 'MANIFEST.in', 'README.md', 'LICENSE', 'CHANGELOG.md', 'CITATION.cff')


class Built(NamedTuple):
    """What the packaging of this checkout makes: the unpacked source distribution, the wheel, and an installation."""

    source: Path
    wheel: Path
    site: Path


def build(kind: str, source: Path, target: Path) -> Path:
    """Call setuptools' build backend, as pip does, without any download."""
    code = f'from setuptools import build_meta; print(build_meta.build_{kind}({str(target)!r}))'
    done = subprocess.run([sys.executable, '-c', code], cwd=source, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return target / done.stdout.splitlines()[-1]


@pytest.fixture(scope='session')
def built(tmp_path_factory) -> Built:
    """Build a source distribution, a wheel from it, and install that into a folder."""
    folder = tmp_path_factory.mktemp('built')
    for name in FOLDERS:
        shutil.copytree(ROOT / name, folder / 'checkout' / name, ignore=shutil.ignore_patterns('__pycache__'))
    for name in FILES:
        shutil.copy(ROOT / name, folder / 'checkout')
    with tarfile.open(build('sdist', folder / 'checkout', folder)) as archive:
        archive.extractall(folder / 'unpacked', filter='data')
    (source,) = (folder / 'unpacked').iterdir()
    wheel = build('wheel', source, folder)
    install = ['-m', 'pip', 'install', '--quiet', '--no-index', '--no-deps', '--no-compile']
    subprocess.run([sys.executable, *install, '--target', folder / 'site', wheel], check=True)
    return Built(source, wheel, folder / 'site')


PLAIN = [f'apis/test_{name}.py' for name in ('runner', 'runs_checkpoints', 'runs_interruption', 'stages')]
"""Files with a minute of trainings on noise."""
LOSSY = dict(quality=95, subsampling=0)
PHOTOGRAPHS = {
    'jpg': LOSSY,
    'mpo': dict(LOSSY, save_all=True, append_images=[Image.new('RGB', (8, 6))]),
    'png': {},
    'webp': dict(lossless=True),
    'tiff': {},
    'lzw.tiff': dict(compression='tiff_lzw'),
}
"""Ending of a photograph's name -> how Pillow is to write it."""


@pytest.fixture(scope='session', params=PHOTOGRAPHS)
def photograph(request):
    """A function that writes a BGR image as a camera that is held otherwise does: turned, with the tag that turns back.

    It takes the image, the folder and the orientation, 1 to 8, and returns the path; each test with it is run for all
    formats that have the tag.
    """

    def write(image, folder, orientation):
        exif = Image.Exif()
        exif[0x0112] = {6: 8, 8: 6}.get(orientation, orientation)  # all others undo themselves
        stored = Image.fromarray(image[..., ::-1].copy())
        stored.getexif().update(exif)
        stored = ImageOps.exif_transpose(stored)
        exif[0x0112] = orientation
        path = folder / f'photograph{orientation}.{request.param}'
        kind = request.param.rpartition('.')[2]
        stored.save(path, {'jpg': 'JPEG'}.get(kind, kind.upper()), exif=exif, **PHOTOGRAPHS[request.param])
        return path

    return write


def pytest_collection_modifyitems(items):
    """Begin with files that train, and then with those of many tests: a long one that comes last is waited for.

    The second process begins with trainings that need no kernels: those of the studio take a minute to compile, and
    two processes that need them at once would both do it.
    """
    training = {item.path for item in items if item.get_closest_marker('training')}
    tests = Counter(item.path for item in items)
    files = sorted(tests, key=lambda path: (path not in training, -tests[path], path))
    files[1:] = sorted(files[1:], key=lambda path: f'{path.parent.name}/{path.name}' not in PLAIN)
    items.sort(key=lambda item: files.index(item.path))
