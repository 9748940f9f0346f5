"""Initialisation of a network, including pretrained parts at any depth."""

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
    """Give modules built in the block a random stream of their own.

    Their weights depend on the run's seed and ``name`` only, and the numbers drawn after the block are the same as
    without it. So a student built with teachers, distillers or further branches has the same initial weights as its
    baseline without them, under the same seed.

    Args:
        name: Name of the stream, such as 'teachers'.
    """
    with torch.random.fork_rng(devices=[]):  # networks are built on the CPU; other devices' streams are not touched
        torch.default_generator.manual_seed(mix(torch.initial_seed(), zlib.crc32(name.encode())))
        yield


def is_pretrained(module: nn.Module) -> bool:
    """Whether a module's own ``init_cfg`` loads weights (``type='Pretrained'``, alone or in a list)."""
    init_cfg = getattr(module, 'init_cfg', None)
    entries = [init_cfg] if isinstance(init_cfg, dict) else init_cfg or []
    return any(entry.get('type') in ('Pretrained', PretrainedInit) for entry in entries)


def mark_initialised(module: nn.Module) -> None:
    """Mark all parts of a module as initialised, so that :func:`init_weights` does not change them."""
    for part in module.modules():
        if isinstance(part, BaseModule):
            part.is_init = True


def init_weights(model: nn.Module) -> None:
    """Initialise a model by its parts' ``init_cfg``, and check that parts with pretrained weights got them.

    MMEngine's ``init_weights`` recurses from parent to child and stops at any module that is not a ``BaseModule``, such
    as torch's ``ModuleDict``, ``ModuleList`` and ``Sequential``: modules inside keep their random weights. Parts with
    pretrained weights that it did not reach are initialised here.

    Args:
        model: The model, changed in place; in one without ``init_weights`` only such parts are initialised.

    Raises:
        FileNotFoundError: If a file of pretrained weights is missing.
        CheckpointError: If a file has no weight for the part whose ``init_cfg`` names it; names both, and the prefixes
            in the file.
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
