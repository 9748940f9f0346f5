"""The configs that come with handkd and with MMPose, by name from any folder."""

from __future__ import annotations

import ast
from importlib.util import find_spec
from os import PathLike
from pathlib import Path

from .hints import did_you_mean
from .shipped import shipped

PREFIX = 'handkd::'
"""Marks the name of a shipped config in ``_base_``, as MMEngine marks those of its own packages."""
MMPOSE_PREFIX = 'mmpose::'
"""Marks the name of a config of the installed MMPose, in ``_base_`` and wherever a config is named."""
PREFIXES = (PREFIX, MMPOSE_PREFIX)


def find_config(path: str | PathLike) -> Path:
    """Return the file of a config, named by its path or, for a shipped one, by its name.

    A file wins over a name, unless the name has the prefix ``handkd::``.

    Args:
        path: Such as 'my_config.py', 'ekd/resnet50_lm', 'pmd/demo.py', 'handkd::_base_/runtime.py' or
            'mmpose::hand_2d_keypoint/rtmpose/hand5/rtmpose-m_8xb256-210e_hand5-256x256'. A leading 'configs/', as in a
            checkout, is no part of the name.

    Raises:
        FileNotFoundError: If there is no such file or name; names the configs beside it, or the nearest names.
    """
    text = str(path)
    if text.startswith(MMPOSE_PREFIX):
        return _find_mmpose_config(text.removeprefix(MMPOSE_PREFIX))
    if not text.startswith(PREFIX) and Path(path).is_file():
        return Path(path)
    name = text.removeprefix(PREFIX).replace('\\', '/').removeprefix('./').removeprefix('configs/')
    parts = name.removesuffix('.py').split('/')
    found = shipped('configs').joinpath(*parts[:-1], f'{parts[-1]}.py')
    if '..' not in parts and not Path(name).is_absolute() and found.is_file():
        return found
    beside = Path(path).parent
    siblings = [file.name for file in beside.glob('*.py')] if beside != Path() and beside.is_dir() else []
    if siblings:
        raise FileNotFoundError(f'no config at {path}; {did_you_mean(Path(path).name, siblings)}')
    hint = did_you_mean(name.removesuffix('.py'), config_names())
    raise FileNotFoundError(f'no config at {path}, and none of this name in handkd; {hint} `handkd configs` lists them')


def _find_mmpose_config(name: str) -> Path:
    """Return the file of a config of the installed MMPose, named by its path in MMPose's folder of configs."""
    parts = name.removeprefix('configs/').removesuffix('.py').split('/')
    found = _mmpose_configs().joinpath(*parts[:-1], f'{parts[-1]}.py')
    if '..' not in parts and not Path(name).is_absolute() and found.is_file():
        return found
    hint = did_you_mean(
        name.removesuffix('.py'), [known.removeprefix(MMPOSE_PREFIX) for known in mmpose_hand_configs()]
    )
    raise FileNotFoundError(
        f'no config {name!r} in the installed MMPose; {hint} `handkd configs {MMPOSE_PREFIX}` lists those of hands'
    )


def _mmpose_configs() -> Path:
    """Return the folder of MMPose's configs: in a wheel inside the package, in a checkout beside it."""
    package = Path(find_spec('mmpose').origin).parent
    for folder in (package / '.mim' / 'configs', package.parent / 'configs'):
        if folder.is_dir():
            return folder
    raise FileNotFoundError(f'{package}: this installation of MMPose has no configs; install it again from a wheel')


def mmpose_hand_configs() -> list[str]:
    """Return the names of MMPose's configs of hands, such as 'mmpose::hand_2d_keypoint/rtmpose/...', sorted."""
    folder = _mmpose_configs()
    files = (path.relative_to(folder).with_suffix('').as_posix() for path in folder.glob('hand_*/**/*.py'))
    return sorted(MMPOSE_PREFIX + name for name in files)


def config_names() -> list[str]:
    """Return the names of the shipped configs that can be run, such as 'ekd/resnet50_lm', sorted."""
    folder = shipped('configs')
    files = (path.relative_to(folder) for path in folder.rglob('*.py'))
    return sorted(path.with_suffix('').as_posix() for path in files if path.parts[0] != '_base_')


def config_summary(name: str) -> str:
    """Return the first sentence of a shipped config's docstring, or '' if it has none.

    Args:
        name: One of :func:`config_names`.
    """
    tree = ast.parse(find_config(PREFIX + name).read_text(encoding='utf-8'))
    text = ast.get_docstring(tree) or ''
    return text.partition('\n\n')[0].replace('\n', ' ').strip()


def method_title(method: str) -> str:
    """Return the title of a method, the first line of its README.

    Args:
        method: A folder of configs, such as 'pmd'.
    """
    readme = shipped('configs') / method / 'README.md'
    return readme.read_text(encoding='utf-8').partition('\n')[0].lstrip('# ')
