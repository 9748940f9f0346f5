"""handkd.compat, each case in a process of its own, in which chosen packages are missing or replaced by small fakes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
STANDING_IN = ('mmdet', 'torchvision', 'mmcv._ext')

HIDE = """
import importlib.machinery
_find = importlib.machinery.PathFinder.find_spec
def _find_spec(name, path=None, target=None):
    return None if name in {hidden!r} else _find(name, path, target)
importlib.machinery.PathFinder.find_spec = _find_spec
"""


def run(code: str, hidden: tuple[str, ...] = (), fakes: Path | None = None) -> str:
    """Run code in a fresh process without the hidden packages, with the fakes first on its path; return its output."""
    path = [str(fakes)] * (fakes is not None) + [str(ROOT)]
    env = {**os.environ, 'PYTHONPATH': os.pathsep.join(path), 'OMP_NUM_THREADS': '1'}
    done = subprocess.run(
        [sys.executable, '-c', HIDE.format(hidden=hidden) + code], capture_output=True, text=True, env=env
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def write_fakes(folder: Path, *modules: str) -> None:
    """Write importable modules, each with one name, ``REAL``; a name that others begin with becomes a package."""
    for module in modules:
        path = folder / module.replace('.', '/')
        path.mkdir(parents=True)
        (path / '__init__.py').write_text('REAL = True\n')


def test_mmpose_imports_and_runs_without_the_packages_that_it_names():
    out = run(
        """
import handkd.registry
import mmpose.models, mmpose.datasets, mmpose.codecs, mmpose.evaluation, mmpose.apis, mmpose.visualization
import torch
image = torch.rand(2, 3, 64, 64)
print([tuple(f.shape) for f in mmpose.models.ResNet(18)(image)])
cpm = mmpose.models.CPM(in_channels=3, out_channels=21, feat_channels=32, num_stages=2)
print([tuple(f.shape) for f in cpm(image)])
from mmengine.utils.dl_utils import collect_env
print(collect_env()['TorchVision'])
from mmcv.utils import collect_env
print(collect_env()['MMCV Compiler'])
from mmpose.apis.inferencers.base_mmpose_inferencer import has_mmdet
print(has_mmdet)
""",
        hidden=STANDING_IN,
    ).splitlines()
    # The environment reports work, and what MMPose imports under `try` it still knows to be missing.
    assert out == [
        '[(2, 512, 2, 2)]',
        '[(2, 21, 8, 8), (2, 21, 8, 8)]',
        '0.0.0+not.installed',
        'n/a (no compiled operators)',
        'False',
    ]


@pytest.mark.parametrize(
    ('module', 'name', 'remedy'),
    [
        ('mmdet.utils', 'reduce_mean', "pip install 'mmdet>=3.0'"),
        ('torchvision.transforms', 'ToPILImage', 'pytorch.org'),
        ('torchvision', 'models', 'pytorch.org'),
        ('mmcv._ext', 'nms', 'pip install --no-deps --no-build-isolation'),
    ],
)
def test_a_placeholder_is_a_class_that_says_what_to_install_when_called(module, name, remedy):
    run(
        f"""
import handkd.compat
from typing import Optional
from {module} import {name} as placeholder

class Child(placeholder):
    pass

def annotated(x: Optional[placeholder], y: placeholder | None = None): ...

assert not isinstance(1, placeholder) and issubclass(Child, placeholder) and not hasattr(placeholder, '__wrapped__')
for use in (placeholder, Child, lambda: placeholder.part, lambda: placeholder.__path__):
    try:
        use()
    except ImportError as error:
        assert {f'{module}.{name} is needed'!r} in str(error) and {remedy!r} in str(error), error
    else:
        raise AssertionError(use)
""",
        hidden=STANDING_IN,
    )


def test_an_installed_package_is_never_shadowed(tmp_path):
    real = (
        'mmdet',
        'mmdet.utils',
        'torchvision',
        'torchvision.transforms',
        'mmcv',
        'mmcv._ext',
        'xtcocotools',
        'xtcocotools.coco',
        'pycocotools',
        'pycocotools.coco',
    )
    write_fakes(tmp_path, *real)
    run(
        f"""
import importlib
import handkd.compat
for name in {real!r}:
    module = importlib.import_module(name)
    assert module.REAL and module.__file__.startswith({str(tmp_path)!r}), module
""",
        fakes=tmp_path,
    )


def test_what_an_installed_package_lacks_is_not_made_up(tmp_path):
    write_fakes(tmp_path, 'mmdet', 'xtcocotools', 'pycocotools', 'pycocotools.coco')
    run(
        """
import importlib
import handkd.compat
for name in ('mmdet.utils', 'xtcocotools.coco'):
    try:
        importlib.import_module(name)
    except ModuleNotFoundError as error:
        assert error.name == name
    else:
        raise AssertionError(name)
""",
        fakes=tmp_path,
    )


def test_pycocotools_answers_for_xtcocotools(tmp_path):
    write_fakes(tmp_path, 'pycocotools', 'pycocotools.coco', 'pycocotools.mask')
    run(
        """
import handkd.compat
import xtcocotools.mask as mask
from xtcocotools.coco import REAL
import pycocotools.coco, pycocotools.mask
assert REAL and mask.REAL and mask.__name__ == 'xtcocotools.mask'
assert pycocotools.mask.__name__ == pycocotools.mask.__spec__.name == 'pycocotools.mask'
""",
        hidden=('xtcocotools',),
        fakes=tmp_path,
    )


def test_without_either_of_them_the_missing_one_is_named():
    run(
        """
import handkd.compat
try:
    import xtcocotools.coco
except ModuleNotFoundError as error:
    assert error.name == 'xtcocotools'
else:
    raise AssertionError
""",
        hidden=('xtcocotools', 'pycocotools'),
    )


def test_a_missing_mmpose_is_named_with_the_command_that_installs_it():
    run(
        """
import handkd.compat
import handkd.hand
try:
    import handkd.registry
except ImportError as error:
    assert 'handkd needs mmcv, mmpose: pip install --no-deps \\'onedl-mmcv>=2.3.6,<3' in str(error), error
else:
    raise AssertionError
""",
        hidden=('mmcv', 'mmpose'),
    )


def test_installing_twice_adds_one_finder():
    run(
        """
import sys
import handkd.compat as compat
before = list(sys.meta_path)
compat.install()
assert sys.meta_path == before and type(before[-1]).__module__ == 'handkd.compat'
"""
    )
