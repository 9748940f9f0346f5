"""Promises about the package as a whole: configs, documented defaults, public names, directions of imports.

``python tests/test_package.py`` writes the public names to ``tests/api.json``, once a change of them is meant.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import json
import pkgutil
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[1]
API = Path(__file__).with_name('api.json')
MODULES = sorted(m.name for m in pkgutil.walk_packages([str(ROOT / 'handkd')], 'handkd.'))


def test_every_file_belongs_to_a_package():
    files = {path.relative_to(ROOT).with_suffix('') for path in (ROOT / 'handkd').rglob('*.py')}
    modules = {'.'.join(path.parts).removesuffix('.__init__') for path in files}
    left_out = modules - {'handkd', *MODULES}
    assert sorted(left_out) == [], 'a folder without __init__.py is no part of the installed package'


# --- directions of imports -------------------------------------------------------------------------------------------

BASE = {
    'array_files',
    'array_shapes',
    'compat',
    'compiling',
    'files',
    'hashing',
    'hints',
    'image_files',
    'importing',
    'needs',
    'reading',
    'registry',
    'units',
    'unpickling',
}
KNOWS_CODECS = BASE | {'hand', 'geometry', 'codecs'}
KNOWS_MODELS = KNOWS_CODECS | {'datasets', 'models'}
BELOW_APIS = KNOWS_MODELS | {
    'inference',
    'artifacts',
    'baseline',
    'build_errors',
    'config',
    'config_files',
    'lookup',
    'size_checks',
    'engine',
    'exits',
    'evaluation',
    'restoration',
    'visualization',
}
ARROWS = {
    '': {'compat', 'sharing'},
    '__main__': {'cli'},
    'cli': {'apis', 'hints'},
    'apis.cli': {'build_errors', 'compat', 'exits'},
    'shipped': set(),
    'config_files': {'hints', 'shipped'},
    'sharing': set(),
    'compat': {'shipped'},
    'hints': set(),
    'needs': {'hints'},
    'lookup': {'compat', 'registry'},
    'mmpose_configs': {'compat', 'lookup'},
    'artifacts': KNOWS_CODECS | {'datasets', 'restoration', 'lookup'},
    'artifacts.teacher_cache': {'artifacts', 'files', 'hints', 'models', 'registry'},
    'artifacts.teacher_outputs': {'datasets', 'engine', 'hints', 'models', 'registry'},
    'artifacts.base': {'files', 'hints', 'reading', 'signatures'},
    'artifacts.finding': {'hints', 'lookup', 'needs', 'reading', 'registry'},
    'array_shapes': set(),
    'pickled_arrays': {'array_shapes'},
    'unpickling': {'pickled_arrays'},
    'array_files': {'array_shapes', 'hints', 'reading'},
    'files': set(),
    'reading': {'hints'},
    'image_files': {'image_headers', 'reading'},
    'image_headers': set(),
    'importing': set(),
    'compiling': {'files'},
    'hashing': set(),
    'machine': set(),
    'exits': set(),
    'launching': {'apis', 'exits'},
    'registry': {'compat'},
    'size_checks': {'hints', 'registry'},
    'baseline': {'hints', 'lookup', 'registry'},
    'input_checks': {'hints', 'lookup', 'size_checks'},
    'config': BASE
    | {
        'artifacts',
        'baseline',
        'config_files',
        'input_checks',
        'lookup',
        'mmpose_configs',
        'overrides',
        'signatures',
        'size_checks',
    },
    'overrides': {'hints'},
    'signatures': set(),
    'build_errors': {'hints', 'lookup'},
    'units': {'hand', 'hints'},
    'hand': {'hints'},
    'geometry': {'hand', 'hints', 'files', 'compiling', 'importing', 'reading', 'units'},
    'codecs': BASE | {'hand', 'geometry'},
    'datasets': KNOWS_CODECS,
    'studio': KNOWS_CODECS | {'datasets'},
    'inference': {
        'files',
        'geometry',
        'hand',
        'hints',
        'image_files',
        'importing',
        'reading',
        'skeleton_drawing',
        'units',
    },
    'inference.zoo': {'shipped'},
    'inference.opening': {'apis', 'config', 'hints', 'inference'},  # within functions, for networks that need torch
    'export': KNOWS_MODELS | {'apis', 'artifacts', 'files', 'inference', 'size_checks'},
    'export.releasing': {'apis', 'config', 'hints', 'inference'},
    'export.training_facts': {'config', 'size_checks'},
    'models': KNOWS_CODECS,
    'models.estimators.teacher_inputs': KNOWS_CODECS | {'size_checks'},
    'engine': KNOWS_MODELS | {'exits', 'restoration'},
    'evaluation': KNOWS_MODELS | {'restoration'},
    'evaluation.functional': {'hand', 'geometry', 'hints', 'units'},
    'restoration': BASE | {'hand', 'geometry'},
    'skeleton_drawing': {'hand'},
    'visualization': {'files', 'hand', 'geometry', 'reading', 'registry', 'skeleton_drawing'},
    'apis': BELOW_APIS | {'machine', 'shipped', 'signatures'},
    'commands': BELOW_APIS | {'apis', 'export', 'machine', 'shipped', 'studio'},
}
"""What each part of handkd may import of the others; the most specific key that fits a module counts."""


def imports_of(source: str, module: str, is_package: bool) -> Iterator[str]:
    """The modules of handkd that a source file imports, by full name; ``from a import b`` gives ``a.b``."""
    package = module.split('.') if is_package else module.split('.')[:-1]
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.split('.')[0] == 'handkd')
        elif isinstance(node, ast.ImportFrom):
            base = '.'.join(package[: len(package) - node.level + 1]) if node.level else ''
            base = '.'.join(part for part in (base, node.module) if part)
            if base.split('.')[0] == 'handkd':
                yield from (f'{base}.{alias.name}' for alias in node.names)


def against_the_arrows(source: str, module: str, is_package: bool = False) -> list[str]:
    """The imports of a source file that the table above does not allow."""
    inside = module.split('.')[1:]
    key = next('.'.join(inside[:n]) for n in range(len(inside), -1, -1) if '.'.join(inside[:n]) in ARROWS)
    own = inside[0] if inside else ''
    wrong = []
    for imported in imports_of(source, module, is_package):
        part = imported.split('.')[1]
        if part != own and part not in ARROWS[key] and part != '__version__':
            wrong.append(imported)
    return wrong


@pytest.mark.parametrize('module', ['handkd', *MODULES])
def test_imports_follow_the_arrows(module):
    spec = importlib.util.find_spec(module)
    source = Path(spec.origin).read_text(encoding='utf-8')
    assert not against_the_arrows(source, module, spec.submodule_search_locations is not None)


@pytest.mark.parametrize(
    ('source', 'module', 'wrong'),
    [
        ('from handkd.models import X', 'handkd.datasets.base', ['handkd.models.X']),
        ('from ..datasets.base import X', 'handkd.models.losses', ['handkd.datasets.base.X']),
        ('def f():\n    import handkd.apis.cli', 'handkd.engine.hooks', ['handkd.apis.cli']),
        ('from handkd import codecs', 'handkd.evaluation.functional', ['handkd.codecs']),
        ('from handkd import codecs\nfrom .functional import f', 'handkd.evaluation.hand_metric', []),
        ('from .. import hand\nfrom . import camera\nimport numpy', 'handkd.geometry.crops', []),
    ],
)
def test_an_import_against_the_arrows_is_seen(source, module, wrong):
    assert against_the_arrows(source, module) == wrong


# --- light imports ---------------------------------------------------------------------------------------------------

HEAVY = {'faiss', 'matplotlib', 'numba', 'scipy'} | {
    f'handkd.{package}' for package in ('engine', 'evaluation', 'models', 'restoration', 'studio')
}
"""Modules that take long to import and that inference, or the start of a tool, does not need."""

FREE = HEAVY | {'mmengine', 'mmpose', 'torch'}
RUNNERS = """
import importlib, pathlib, sys, types
import handkd
package = sys.modules['handkd.apis'] = types.ModuleType('handkd.apis')  # without its __init__, which imports all
package.__path__ = [str(pathlib.Path(handkd.__file__).parent / 'apis')]
for name in ('stages', 'stage_records', 'stage_results', 'summary', 'budget_report', 'segmentation_report'):
    importlib.import_module('handkd.apis.' + name)
"""
LIGHT = {
    'import handkd': FREE,
    'from handkd.apis import HandInferencer': FREE,
    'import handkd.cli; handkd.cli.help_text()': FREE | {'cv2', 'numpy'},
    'import handkd.commands.configs': FREE | {'numpy'},
    'import handkd.commands.infer': FREE,
    'import handkd.inference.sources, handkd.inference.drawing, handkd.inference.tracking\n'
    'import handkd.inference.onnx_detector, handkd.inference.mediapipe_detector, handkd.inference.smoothing': FREE
    | {'PIL', 'mediapipe', 'mmcv', 'onnxruntime'},
    'import handkd.apis.cli, handkd.visualization': HEAVY,
    'import handkd.evaluation': {'handkd.models', 'handkd.studio', 'matplotlib', 'numba'},
    RUNNERS: {'handkd.apis.report'},
}
"""An import -> what it must not load."""
IMPORTS = """
import json, os, sys
for code, torch_free in json.loads(sys.argv[1]):
    if not torch_free:
        import torch
    if not os.fork():
        exec(code)
        print(json.dumps([*sys.modules]), flush=True)
        os._exit(0)
    assert os.wait()[1] == 0, code
"""
"""Each import in a process of its own, which shares the start of Python, and that of PyTorch if it needs it."""


def test_imports_are_light():
    cases = sorted(LIGHT.items(), key=lambda case: 'torch' not in case[1])
    command = [sys.executable, '-c', IMPORTS, json.dumps([(code, 'torch' in heavy) for code, heavy in cases])]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    loaded = map(json.loads, done.stdout.splitlines())
    found = {code: heavy.intersection(modules) for (code, heavy), modules in zip(cases, loaded, strict=True)}
    assert found == dict.fromkeys(LIGHT, set())


def test_a_lazy_package_has_its_public_names():
    apis = importlib.import_module('handkd.apis')
    assert {*apis.__all__} <= {*dir(apis)}
    star = {}
    exec('from handkd.apis import *', star)
    assert star.keys() >= {*apis.__all__}
    homes = {name: module if '.' in module else f'handkd.apis.{module}' for name, module in apis._MODULES.items()}
    assert [name for name in apis.__all__ if star[name].__module__ != homes[name]] == []
    with pytest.raises(AttributeError, match="module 'handkd.apis' has no attribute 'HandInferrer'"):
        apis.HandInferrer  # noqa: B018


# --- documented defaults ---------------------------------------------------------------------------------------------


def documented_arguments(docstring: str) -> dict[str, str]:
    """The ``Args:`` of a Google docstring: name -> description."""
    section = re.search(r'^( *)Args:\n(.*?)(?=^\1\S|\Z)', inspect.cleandoc(docstring), re.M | re.S)
    entries = re.split(r'^ {4}(?=\S)', section[2], flags=re.M)[1:] if section else []
    return {
        name.strip().lstrip('*'): ' '.join(text.split())
        for entry in entries
        for names, text in [re.match(r'([\w*, ]+)(?: \([^)]*\))?:(.*)', entry, re.S).groups()]
        for name in names.split(',')
    }


def documented_default(text: str, names: dict) -> object:
    """The value behind 'Defaults to' in a description, or ``inspect.Parameter.empty`` if there is none.

    It is the longest text there that Python can evaluate, with ``names`` at hand.
    """
    found = re.search(r'[Dd]efaults? to (.*)', text)
    if found is None:
        return inspect.Parameter.empty
    rest = re.sub(r':\w+:`~?([\w.]+)`', r'\1', found[1]).replace('`', '')
    for end in range(len(rest), 0, -1):
        expression = rest[:end].rstrip()
        if expression.endswith(','):
            continue  # the sentence goes on; this is no tuple
        try:
            return eval(expression, {'__builtins__': {'dict': dict}}, names)
        except (SyntaxError, NameError, AttributeError, TypeError):
            continue
    raise AssertionError(f'what is the default in {found[0]!r}?')


def same(documented: object, default: object) -> bool:
    """Whether two defaults are equal, a list and a tuple of the same being so, 1 and True not."""
    if isinstance(default, (list, tuple)) and isinstance(documented, (list, tuple)):
        return len(default) == len(documented) and all(map(same, documented, default))
    return isinstance(default, bool) == isinstance(documented, bool) and bool(documented == default)


def drifts(obj: object, names: dict) -> Iterator[str]:
    """What the docstring of a function or class says of its arguments that is not so."""
    arguments = documented_arguments(obj.__doc__ or '')
    parameters = inspect.signature(obj).parameters if arguments else {}
    for name, text in arguments.items():
        if name not in parameters:
            yield f'{obj.__qualname__}: there is no argument {name!r}'
            continue
        documented, default = documented_default(text, names), parameters[name].default
        if documented is not inspect.Parameter.empty and not same(documented, default):
            yield f'{obj.__qualname__}: {name} defaults to {default!r}, not to {documented!r}'


def documented_objects(module: str) -> Iterator[object]:
    """The functions, classes and methods that a module defines."""
    for obj in vars(importlib.import_module(module)).values():
        if getattr(obj, '__module__', None) != module:
            continue
        if inspect.isclass(obj):
            yield obj
            yield from (f for f in vars(obj).values() if inspect.isfunction(f) and not f.__name__.startswith('__'))
        elif inspect.isfunction(obj):
            yield obj


@pytest.mark.parametrize('module', MODULES)
def test_documented_defaults_are_the_codes(module):
    names = vars(importlib.import_module(module))
    assert [drift for obj in documented_objects(module) if obj.__doc__ for drift in drifts(obj, names)] == []


def test_a_default_that_has_drifted_is_seen():
    def right(a=1.5, b=(1, 2), c=None, d='x', e=ROOT, f=True):
        """Do nothing.

        Args:
            a (float): A number. Defaults to 1.5.
            b: Two. Defaults to [1, 2], as in
                the paper.
            c (str, optional): Text.
            d: Text.
            e: Defaults to :data:`ROOT`.
            f: Whether. Defaults to True: it does.
        """

    def wrong(a=1.5, b=(1, 2), f=True):
        """Do nothing.

        Args:
            a: A number. Defaults to 1.
            b: Two. Defaults to (1, 3).
            f: Whether. Defaults to 1.
            g: Gone.
        """

    assert list(drifts(right, globals())) == []
    assert len(list(drifts(wrong, globals()))) == 4


# --- public names ----------------------------------------------------------------------------------------------------


def public_names() -> dict[str, list[str]]:
    """The ``__all__`` of every package below handkd; one that has none shows what it takes from those below it."""
    packages = [p for p in map(importlib.import_module, MODULES) if hasattr(p, '__path__')]
    return {package.__name__: sorted(getattr(package, '__all__', None) or _exported(package)) for package in packages}


def _exported(package: ModuleType) -> list[str]:
    """What ``from package import *`` imports, without modules."""
    return [name for name, value in vars(package).items() if name[0] != '_' and not inspect.ismodule(value)]


def test_every_public_name_is_there():
    for module, names in public_names().items():
        assert [name for name in names if not hasattr(importlib.import_module(module), name)] == []


def test_public_names_are_the_committed_ones():
    assert public_names() == json.loads(API.read_text()), 'if this is meant: python tests/test_package.py'


if __name__ == '__main__':
    API.write_text(json.dumps(public_names(), indent=2) + '\n')
