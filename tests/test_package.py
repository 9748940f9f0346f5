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
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.optim import build_optim_wrapper
from mmpose.structures import PoseDataSample

from handkd.apis.backgrounds import make_backgrounds
from handkd.config import check_config, hand_out_paths
from handkd.geometry import AngleLimits
from handkd.registry import DATA_SAMPLERS, DATASETS, MODELS
from handkd.size_checks import input_shape

ROOT = Path(__file__).parents[1]
API = Path(__file__).with_name('api.json')
MODULES = sorted(m.name for m in pkgutil.walk_packages([str(ROOT / 'handkd')], 'handkd.'))


def test_every_file_belongs_to_a_package():
    files = {path.relative_to(ROOT).with_suffix('') for path in (ROOT / 'handkd').rglob('*.py')}
    modules = {'.'.join(path.parts).removesuffix('.__init__') for path in files}
    left_out = modules - {'handkd', *MODULES}
    assert sorted(left_out) == [], 'a folder without __init__.py is no part of the installed package'


# --- configs ---------------------------------------------------------------------------------------------------------

CONFIGS = sorted(
    path.relative_to(ROOT)
    for path in ROOT.glob('configs/*/**/*.py')
    if '_base_' not in path.relative_to(ROOT).parts and not path.name.startswith('ablation_')  # lists of other configs
)
LOADERS = ('train_dataloader', 'val_dataloader', 'test_dataloader')


def put_studio_in(cfg: Config) -> None:
    """Let the studio stand in for data sets that lie in files: one or two samples, through the config's pipelines."""
    length = 1 if input_shape(cfg)[0] > 128 else 2  # 24 and 30 GMAC an image, on a CPU
    for loader in LOADERS:
        dataset = cfg[loader].dataset
        if turns_cameras(dataset):
            put_room_in(cfg[loader], 'train' if loader == 'train_dataloader' else 'test')
            continue
        if dataset.type == 'MixedDataset':  # the other sets have no labels of their own
            dataset = dataset.datasets[0]
        if dataset.type != 'StudioDataset':
            split = 'train' if loader == 'train_dataloader' else 'test'
            # Photographs are larger than what the network takes; the pipeline crops them.
            dataset = dict(type='StudioDataset', split=split, resolution=96, pipeline=dataset.pipeline)
        cfg[loader].dataset = {**dataset, 'length': length}


def turns_cameras(dataset: dict) -> bool:
    """Whether a set is for learning from views, in which cameras stand around the hand."""
    pipeline = dataset.get('dataset', dataset).get('pipeline', ())
    return any(step.type == 'VirtualCamera' for step in pipeline)


def put_room_in(loader: dict, split: str) -> None:
    """Let the studio's room stand in for a set of views, below its budget of labels; batches are small."""
    owner = loader if 'pipeline' in loader.dataset else loader.dataset
    owner.dataset = dict(
        type='StudioRoomDataset',
        split=split,
        subjects=1,
        sequences=1,
        frames=3,
        views=3,
        resolution=96,
        pipeline=owner.dataset.pipeline,
    )
    for key, small in dict(pool=8, subjects=1, number=4).items():
        if loader.dataset.get(key) is not None:
            loader.dataset[key] = small
    if loader.sampler.type == 'ViewGroupSampler':
        groups = min(loader.sampler.get('groups', 8), 1)
        loader.sampler.update(groups=groups, singles=4 if loader.sampler.get('singles') else 0)


def put_backgrounds_in(cfg: Config, folder: Path) -> None:
    """Make the backgrounds that pipelines load, if there are such."""
    loads = [
        step
        for loader in LOADERS
        for step in cfg[loader].dataset.get('dataset', cfg[loader].dataset).get('pipeline', ())
        if step.type == 'LoadBackground'
    ]
    for step in loads:
        step.folder = str(folder)
    if loads:
        make_backgrounds(cfg, frames=3)


def take_batch(loader: dict) -> dict:
    """Return what a loader gives: the first batch of groups, or the first samples of the set."""
    dataset = DATASETS.build(loader.dataset)
    if loader.sampler.type != 'ViewGroupSampler':
        return pseudo_collate([dataset[i] for i in range(min(len(dataset), 4))])
    sampler = DATA_SAMPLERS.build(loader.sampler, default_args=dict(dataset=dataset, seed=0))
    return pseudo_collate(dataset.__getitems__(sampler.batch(0)))


def check_prediction(sample: PoseDataSample, size: int) -> None:
    """Check that a sample has predictions: a map of parts, a view, or joints."""
    if 'pred_fields' in sample:
        shapes = {name: field.shape for name, field in sample.pred_fields.items()}
        parts, views = {'part_seg': (1, size, size)}, dict.fromkeys(('rgb', 'unrotated'), (3, size, size))
        assert shapes in (parts, views)
        return
    names = ('keypoints_cam', 'keypoints_cam_native', 'keypoints')
    joints = next(sample.pred_instances[name] for name in names if name in sample.pred_instances)
    assert joints.shape in ((1, 21, 3), (1, 14, 3), (1, 21, 2)) and np.isfinite(joints).all()


def add_native_joints(batch: dict) -> None:
    """Give samples NYU's 36 joints, each one of the 21."""
    for sample in batch['data_samples']:
        joints = sample.gt_instances.keypoints_cam
        sample.gt_instances.keypoints_cam_native = np.concatenate([joints, joints[:, :15]], 1)


def shrink_unets(cfg: Config, size: int = 32) -> None:
    """Let networks that take images of any size have small ones: the largest does 124 GMAC for one of theirs."""
    estimator = cfg.model.get('student', cfg.model)
    if estimator.backbone.type == 'HandUNet':
        estimator.head.codec.input_size = size
        for loader in LOADERS:
            cfg[loader].dataset.resolution = size
            for step in cfg[loader].dataset.pipeline:
                if step.type == 'WarpCrop':
                    step.size = size


@pytest.fixture(scope='module')
def teachers(tmp_path_factory):
    """Return a function that writes untrained weights of an estimator, and gives their path."""
    folder, written = tmp_path_factory.mktemp('teachers'), {}

    def write(model: dict) -> str:
        key = json.dumps(model, sort_keys=True, default=str)
        if key not in written:
            written[key] = str(folder / f'{len(written)}.pth')
            torch.save(MODELS.build(model).state_dict(), written[key])
        return written[key]

    return write


@pytest.fixture(scope='module')
def limits(tmp_path_factory):
    """A file of joint angles' limits that no hand keeps."""
    path = tmp_path_factory.mktemp('limits') / 'limits.json'
    AngleLimits(low=np.full((5, 4), 0.999), high=np.ones((5, 4))).write(path)
    return str(path)


@pytest.mark.parametrize('path', CONFIGS, ids=str)
def test_every_config_builds_trains_one_step_and_predicts(path, teachers, limits, tmp_path):
    torch.manual_seed(0)
    cfg = Config.fromfile(ROOT / path)
    put_studio_in(cfg)
    put_backgrounds_in(cfg, tmp_path)
    shrink_unets(cfg)
    check_config(cfg)
    for teacher in cfg.model.get('teachers', {}).values():
        teacher.checkpoint = teachers(teacher.model.to_dict())
    if 'angle_limits' in cfg:
        cfg.angle_limits.file = limits
        hand_out_paths(cfg)
    batches = {loader: take_batch(cfg[loader]) for loader in LOADERS}
    if cfg.model.get('head', {}).get('joints') == 'nyu':
        for batch in batches.values():
            add_native_joints(batch)

    model = MODELS.build(cfg.model)  # not init_weights(): residual branches that begin at zero pass no gradient
    for weight in model.parameters():
        if weight.ndim > 1 and not weight.any():  # nor do layers that begin at zero
            torch.nn.init.normal_(weight, std=0.01)
    optimizer = build_optim_wrapper(model, cfg.optim_wrapper)
    learned = {name: weight for name, weight in model.named_parameters() if weight.requires_grad}
    before = {name: weight.clone() for name, weight in learned.items()}
    losses = model.train().train_step(batches['train_dataloader'], optimizer)
    assert all(torch.isfinite(loss).all() for loss in losses.values()), losses
    assert [name for name, weight in learned.items() if torch.equal(weight, before[name])] == []
    for loader in ('val_dataloader', 'test_dataloader'):
        for sample in model.eval().val_step(batches[loader]):
            check_prediction(sample, input_shape(cfg)[0])


# --- directions of imports -------------------------------------------------------------------------------------------

BASE = {'compat', 'registry', 'hints', 'files', 'hashing', 'compiling', 'units'}
KNOWS_CODECS = BASE | {'hand', 'geometry', 'codecs'}
KNOWS_MODELS = KNOWS_CODECS | {'datasets', 'models'}
ARROWS = {
    '': {'compat', 'sharing'},
    'sharing': set(),
    'compat': set(),
    'hints': set(),
    'files': set(),
    'compiling': {'files'},
    'hashing': set(),
    'registry': {'compat'},
    'size_checks': {'hints', 'registry'},
    'config': BASE | {'overrides', 'signatures', 'size_checks'},
    'overrides': {'hints'},
    'signatures': set(),
    'build_errors': {'config', 'hints'},
    'units': {'hand', 'hints'},
    'hand': {'hints'},
    'geometry': {'hand', 'hints', 'files', 'compiling'},
    'codecs': BASE | {'hand', 'geometry'},
    'datasets': KNOWS_CODECS,
    'models': KNOWS_CODECS,
    'engine': KNOWS_MODELS | {'restoration'},
    'evaluation': KNOWS_MODELS | {'restoration'},
    'evaluation.functional': {'hand', 'geometry'},
    'restoration': BASE | {'hand', 'geometry'},
    'visualization': {'hand', 'geometry', 'registry'},
    'apis': KNOWS_MODELS
    | {'build_errors', 'config', 'size_checks', 'engine', 'evaluation', 'restoration', 'visualization'},
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
