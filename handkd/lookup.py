"""Classes that a config names by their ``type``, and the top-level keys that MMEngine reads."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping

from mmengine.registry import Registry
from mmengine.runner import Runner
from mmpose import registry as mmpose_registry

from . import registry
from .compat import is_stand_in

REGISTRIES: tuple[Registry, ...] = tuple(
    value
    for module in (registry, mmpose_registry)
    for value in vars(module).values()
    if isinstance(value, Registry) and value is not registry.ARTIFACTS
)
"""Registries in which a ``type`` of a config is looked up: handkd's, then those of MMPose without a child here."""

LOADERS = ('train_dataloader', 'val_dataloader', 'test_dataloader')
RUNNER_KEYS = set(inspect.signature(Runner.__init__).parameters) - {'self', 'cfg'} | {
    'activation_checkpointing',
    'compile',
    'efficient_conv_bn_eval',
    'find_unused_parameters',
    'model_wrapper_cfg',
    'runner_type',
    'sync_bn',
}
"""Arguments of MMEngine's Runner, and what it reads of the whole config, past its signature."""


def find_class(kind: str) -> tuple[str | None, object | None]:
    """Return the name of the first registry with a name, and the registered class; None for both if there is none.

    A class of a package that is not installed, such as 'mmdet.Mosaic', is none.
    """
    for candidate in REGISTRIES:
        found = candidate.get(kind)
        if found is not None and not is_stand_in(found):
            return candidate.name, found
    return None, None


def is_mmpose_estimator(network: Mapping) -> bool:
    """Whether the config of a network is that of an estimator of MMPose, such as ``TopdownPoseEstimator``."""
    kind = network.get('type')
    kind = kind if inspect.isclass(kind) else find_class(str(kind))[1]
    return any(cls.__name__ == 'BasePoseEstimator' for cls in getattr(kind, '__mro__', ()))


def class_names() -> set[str]:
    """Return all registered names."""
    names: set[str] = set()
    for candidate in REGISTRIES:
        while candidate is not None:
            names.update(candidate.module_dict)
            candidate = candidate.parent
    return names


def typed_dicts(node: object, where: str) -> Iterator[tuple[str, dict]]:
    """Yield all dicts with a ``type`` below a node, each with its dotted key."""
    if isinstance(node, dict):
        if 'type' in node:
            yield where, node
        for key, value in node.items():
            yield from typed_dicts(value, f'{where}.{key}' if where else key)
    elif isinstance(node, (list, tuple)):
        for i, value in enumerate(node):
            yield from typed_dicts(value, f'{where}[{i}]')
