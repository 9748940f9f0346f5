"""Initialising a network, its pretrained parts included, wherever they are kept."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from mmengine.model import BaseModule
from mmengine.model.weight_init import PretrainedInit
from torch import nn

from handkd.hashing import mix

from .checkpoint import CheckpointError
from .pretrained import PretrainedError


@contextmanager
def own_random_numbers(name: str) -> Iterator[None]:
    """Let what is built in the block draw its weights from a stream of its own.

    The weights in it depend on the run's seed and ``name``, and the numbers drawn after the block are the same as
    without it. So a student that is built with teachers, distillers or further branches has the first weights of its
    baseline, which has none of them, under the same seed.

    Args:
        name: Name of the stream, such as 'teachers'.
    """
    with torch.random.fork_rng(devices=[]):  # networks are built on the CPU; other devices' streams stay as they are
        torch.default_generator.manual_seed(mix(torch.initial_seed(), zlib.crc32(name.encode())))
        yield


def is_pretrained(module: nn.Module) -> bool:
    """Whether a module's own ``init_cfg`` loads weights (``type='Pretrained'``, alone or in a list)."""
    init_cfg = getattr(module, 'init_cfg', None)
    entries = [init_cfg] if isinstance(init_cfg, dict) else init_cfg or []
    return any(entry.get('type') in ('Pretrained', PretrainedInit) for entry in entries)


def mark_initialised(module: nn.Module) -> None:
    """Record that all parts of a module have their weights, so that :func:`init_weights` leaves them alone."""
    for part in module.modules():
        if isinstance(part, BaseModule):
            part.is_init = True


def init_weights(model: nn.Module) -> None:
    """Initialise a model by its parts' ``init_cfg``, and make sure that those with pretrained weights got them.

    MMEngine's ``init_weights`` passes from parent to child and stops at any module that is no ``BaseModule``, such as
    torch's ``ModuleDict``, ``ModuleList`` and ``Sequential``: what is inside keeps its random weights. Parts with
    pretrained weights that it did not reach are initialised here.

    Args:
        model: The model, changed in place; one without ``init_weights`` has only such parts initialised.

    Raises:
        FileNotFoundError: If a file of pretrained weights is missing.
        CheckpointError: If a file has no weight that fits the part that names it; names both, and the prefixes there.
    """
    parts = {name: part for name, part in model.named_modules() if is_pretrained(part) and not part.is_init}
    before = {name: _copy(part) for name, part in parts.items()}
    try:
        if hasattr(model, 'init_weights'):
            model.init_weights()
        for part in parts.values():
            if not part.is_init:
                part.init_weights()
    except PretrainedError as error:
        name = next((name for name, part in model.named_modules() if part is error.part), '')
        raise CheckpointError(f'init_cfg of {_called(name, error.part)}: {error}') from error
    for name, part in parts.items():
        if all(torch.equal(old, new) for old, new in zip(before[name], _copy(part))):
            raise CheckpointError(
                f'init_cfg of {_called(name, part)}: none of its weights is in '
                f'{part.init_cfg}; check the file, and `prefix` if the network is a part of another one there'
            )


def _called(name: str, part: nn.Module) -> str:
    return f'{name or "the model"} ({type(part).__name__})'


def _copy(module: nn.Module) -> list[torch.Tensor]:
    return [tensor.detach().clone() for tensor in module.state_dict().values()]
