"""Size of a network's input, as given by its pipelines, and checks that all parts of a config agree on it."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from mmengine.config import Config
from mmengine.registry import Registry

from .hints import ConfigError
from .registry import DATASETS, KEYPOINT_CODECS, MODELS, TRANSFORMS

LOADERS = ('test_dataloader', 'val_dataloader', 'train_dataloader')
"""Loaders that define the size of a network's input; the first that a config has is used."""
CUTS = {'WarpCrop': 'size', 'VirtualCamera': 'size', 'HandResize': 'size', 'TopdownAffine': 'input_size'}
"""Transforms that decide an image's size, and their argument for it."""


class Size(NamedTuple):
    """A size that a config gives somewhere.

    Attributes:
        place: The dotted key that holds it, with the class that takes it.
        shape: (height, width) in px.
    """

    place: str
    shape: tuple[int, int]


def input_shape(cfg: Config) -> tuple[int, int]:
    """Return (height, width) of the network's input in px, as the test pipeline cuts or renders it.

    A config without a test set is read by its validation set, or else its training set.

    Raises:
        ConfigError: If no data set of the config gives it.
    """
    for loader in LOADERS:
        for size in data_sizes(cfg, loader):
            return size.shape
    raise ConfigError(
        f"{cfg.filename}: no pipeline gives the size of the network's input: add WarpCrop(size=...) to the pipeline of "
        'test_dataloader.dataset, or set a resolution of the studio'
    )


def check_sizes(cfg: Config) -> None:
    """Check that pipelines, rendered images, codecs, heat maps and networks are of one size.

    Every ``input_size`` (of codecs, GeometryEncoder, ViewDecoder, classes of MMPose) must be the size of the pipelines'
    crops; within a teacher, the size that the teacher was trained with, to which crops are resampled. A variable
    ``input_size`` that the config's own file assigns in addition to its ``_base_`` must be the pipelines' size, too:
    those of the base have used the old value already, so that it would have no effect.

    Raises:
        ConfigError: If two sizes differ; names both places and values.
    """
    sizes = [size for loader in LOADERS for size in data_sizes(cfg, loader)]
    if not sizes:
        return
    first = sizes[0]
    model = cfg.get('model') or {}
    student = {key: value for key, value in model.items() if key != 'teachers'}
    for size in [*sizes[1:], *_model_sizes(student, 'model')]:
        if size.shape != first.shape:
            raise ConfigError(
                f'{cfg.filename}: {size.place} is {_shown(size.shape)}, but {first.place} is {_shown(first.shape)}: '
                "both are the size of the network's input in px, make them equal"
            )
    _check_heatmaps(student, 'model', first, cfg.filename)
    for name, spec in (model.get('teachers') or {}).items():
        where = f'model.teachers.{name}'
        own = _teacher_size(spec.get('model'), where, spec.get('input_size'))
        _check_heatmaps(spec, where, own or first, cfg.filename)
    variable = _shape_of(cfg.get('input_size'))
    if variable not in (None, first.shape) and _assigns_in_vain(cfg.filename):
        raise ConfigError(
            f'{cfg.filename}: input_size = {_shown(variable)} has no effect, since the files of its _base_ have used '
            f'their own value: {first.place} is {_shown(first.shape)}; change the pipelines, and remove input_size'
        )


def data_sizes(cfg: Config, loader: str) -> list[Size]:
    """Return the sizes of a dataloader's images, one for each data set of known size.

    Args:
        cfg: The config.
        loader: 'train_dataloader', 'val_dataloader' or 'test_dataloader'.
    """
    sizes = (_data_size(node, where) for where, node in leaf_datasets(cfg, loader))
    return [size for size in sizes if size is not None]


def leaf_datasets(cfg: Config, loader: str) -> list[tuple[str, Mapping]]:
    """Return the data sets of a dataloader that decide the size of its images, each as (dotted key, settings).

    Those are the inner data sets of wrappers such as LabelBudget and MixedDataset, unless the outer one's pipeline
    crops images.

    Args:
        cfg: The config.
        loader: 'train_dataloader', 'val_dataloader' or 'test_dataloader'.
    """
    dataset = (cfg.get(loader) or {}).get('dataset')
    return list(_leaves(dataset, f'{loader}.dataset')) if isinstance(dataset, Mapping) else []


def last_cut(dataset: Mapping) -> tuple[int, Mapping] | None:
    """Return number and settings of the last step of a data set's pipeline that decides the images' size; or None."""
    steps = dataset.get('pipeline') or ()
    found = [(i, step) for i, step in enumerate(steps) if isinstance(step, Mapping) and type_name(step) in CUTS]
    return found[-1] if found else None


def type_name(node: Mapping) -> str:
    """Return the name of a setting's class, without its scope."""
    kind = node.get('type')
    return kind.__name__ if inspect.isclass(kind) else str(kind).rpartition('.')[2]


def argument(node: Mapping, name: str, registry: Registry) -> object:
    """Return an argument of a setting's class: as given, or else its default; None if it has neither.

    Args:
        node: A setting with its ``type``.
        name: The argument.
        registry: Registry of the class.
    """
    kind = node.get('type')
    kind = kind if callable(kind) else registry.get(str(kind))
    parameter = None if kind is None else inspect.signature(kind).parameters.get(name)
    if parameter is None:
        return None
    default = None if parameter.default is parameter.empty else parameter.default
    return node.get(name, default)


def _leaves(dataset: Mapping, where: str) -> Iterator[tuple[str, Mapping]]:
    inner = [(f'{where}.dataset', dataset.get('dataset'))]
    inner += [(f'{where}.datasets[{i}]', node) for i, node in enumerate(dataset.get('datasets') or ())]
    inner = [(place, node) for place, node in inner if isinstance(node, Mapping)]
    if not inner or last_cut(dataset) is not None:
        yield where, dataset
        return
    for place, node in inner:
        yield from _leaves(node, place)


def _data_size(dataset: Mapping, where: str) -> Size | None:
    """Return the size of a data set's images: of the crops of its pipeline, or else of rendered or stored images."""
    cut = last_cut(dataset)
    if cut is not None:
        number, step = cut
        key = CUTS[type_name(step)]
        place, value = f'{where}.pipeline[{number}].{key} ({type_name(step)})', argument(step, key, TRANSFORMS)
    elif dataset.get('recipe'):
        place, value = f'{where}.recipe.size', dataset['recipe'].get('size')
    else:
        place, value = f'{where}.resolution ({type_name(dataset)})', argument(dataset, 'resolution', DATASETS)
    shape = _shape_of(value)
    return None if shape is None else Size(place, shape)


def _model_sizes(node: object, where: str) -> Iterator[Size]:
    """Yield the input sizes of all parts below a node of a model."""
    if isinstance(node, Mapping):
        for registry in (KEYPOINT_CODECS, MODELS) if 'type' in node else ():
            shape = _shape_of(argument(node, 'input_size', registry))
            if shape is not None:
                yield Size(f'{where}.input_size ({type_name(node)})', shape)
                break
        for key, value in node.items():
            yield from _model_sizes(value, f'{where}.{key}')
    elif isinstance(node, (list, tuple)):
        for i, value in enumerate(node):
            yield from _model_sizes(value, f'{where}[{i}]')


def teacher_shape(model: Mapping, where: str, input_size: object = None) -> tuple[int, int] | None:
    """Return (height, width) of the input that a teacher was trained with, in px; None if it is unknown.

    Args:
        model: Config of its estimator.
        where: Dotted key of the teacher, for errors.
        input_size: Size given beside the estimator: a side, or (width, height), in px. Defaults to None.

    Raises:
        ConfigError: If ``input_size`` is not a size, or two sizes differ; names both.
    """
    size = _teacher_size(model, where, input_size)
    return None if size is None else size.shape


def _teacher_size(model: object, where: str, input_size: object) -> Size | None:
    """Return the size in a teacher's config, which must be unique."""
    sizes = list(_model_sizes(model, f'{where}.model'))
    if input_size is not None:
        shape = _shape_of(input_size)
        if shape is None or min(shape) < 1:
            raise ConfigError(f'{where}.input_size must be a side in px or (width, height), found {input_size!r}')
        sizes.append(Size(f'{where}.input_size', shape))
    for size in sizes[1:]:
        if size.shape != sizes[0].shape:
            raise ConfigError(
                f'{size.place} is {_shown(size.shape)}, but {sizes[0].place} is {_shown(sizes[0].shape)}: both are '
                "the size of the teacher's input in px, make them equal"
            )
    return sizes[0] if sizes else None


def _check_heatmaps(model: Mapping, root: str, size: Size, filename: str | None) -> None:
    """Check the heat-map sizes of networks whose backbone has a known stride."""
    for where, node in _estimators(model, root):
        backbone, codec = node['backbone'], (node.get('head') or {}).get('codec') or {}
        strides = getattr(MODELS.get(type_name(backbone)), 'STRIDES', {})
        stride = strides.get(argument(backbone, 'variant', MODELS))
        typed = isinstance(codec, Mapping) and 'type' in codec
        side = argument(codec, 'heatmap_size', KEYPOINT_CODECS) if typed else None
        if stride and side is not None and side != size.shape[0] // stride:
            raise ConfigError(
                f'{filename}: {where}.head.codec.heatmap_size ({type_name(codec)}) is {side}, but {size.place} is '
                f'{_shown(size.shape)}, of which {where}.backbone ({type_name(backbone)}) makes maps of '
                f'{size.shape[0] // stride} px: set heatmap_size={size.shape[0] // stride}'
            )


def _estimators(node: object, where: str) -> Iterator[tuple[str, Mapping]]:
    """Yield all settings with a backbone below a node."""
    if isinstance(node, Mapping):
        if isinstance(node.get('backbone'), Mapping):
            yield where, node
        for key, value in node.items():
            yield from _estimators(value, f'{where}.{key}')


def _shape_of(value: object) -> tuple[int, int] | None:
    """Return (height, width) of a side, or of (width, height); None for invalid sizes, which their class refuses."""
    pair = tuple(value) if isinstance(value, (list, tuple)) else (value, value)
    if len(pair) != 2 or not all(isinstance(edge, int) and not isinstance(edge, bool) for edge in pair):
        return None
    return pair[1], pair[0]


def _shown(shape: tuple[int, int]) -> str:
    return str(shape[0]) if shape[0] == shape[1] else f'{shape[1]} x {shape[0]}'


def _assigns_in_vain(filename: str | None) -> bool:
    """Whether a config's own file assigns ``input_size`` and has a ``_base_``, which MMEngine's dumps do not have."""
    if filename is None or not Path(filename).is_file():
        return False
    nodes = [node for node in ast.parse(Path(filename).read_text()).body if isinstance(node, ast.Assign)]
    names = {target.id for node in nodes for target in node.targets if isinstance(target, ast.Name)}
    return {'_base_', 'input_size'} <= names
