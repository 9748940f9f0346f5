"""Loading weights: strictly, and without running code from the file."""

from __future__ import annotations

import pickle
import re
from os import PathLike
from pathlib import Path

import numpy as np
import torch
from mmengine.runner import CheckpointLoader
from torch import nn


class _Data:
    """Stands in for a class of which a checkpoint holds data alone, such as MMEngine's log buffers."""


def _no_function(*_args: object) -> None:
    """Stand in for ``getattr``, by which log buffers name functions of their class: nothing is looked up."""


def _no_bytes() -> bytes:
    """Stand in for ``bytes``, which pickles call for empty ones; with a number it would take that much memory."""
    return b''


_scalar, _array = (np.float64(0).__reduce__()[0], np.zeros(0).__reduce__()[0])
_DTYPES = {type(np.dtype(code)) for code in np.typecodes['AllInteger'] + np.typecodes['AllFloat'] + '?SU'}
SAFE_GLOBALS = [
    np.ndarray,
    np.dtype,
    *sorted(_DTYPES, key=str),
    # The two names under which numpy 1 and numpy 2 write them.
    *((make, f'numpy.{core}.multiarray.{make.__name__}') for core in ('core', '_core') for make in (_scalar, _array)),
    (_Data, 'mmengine.logging.history_buffer.HistoryBuffer'),
    (_no_function, 'builtins.getattr'),
    (_no_bytes, 'builtins.bytes'),
]
"""What a checkpoint may hold beyond tensors and plain containers, which torch admits: numbers, text and arrays of numpy
(none of Python objects), and log buffers as data."""

DISTILLER_PREFIX = 'distillers.'
"""Names of the weights in a checkpoint that distillers, and not the student, have learnt."""


class CheckpointError(ValueError):
    """A checkpoint can't be read, or does not fit the network."""


def read_checkpoint(path: str | PathLike) -> dict:
    """Read a checkpoint on the CPU, admitting tensors, numpy arrays and plain containers only; no code is run from it.

    Args:
        path: A file written by a run of handkd, by MMPose, or by ``torch.save``; or what MMEngine can name, such as
            'https://...' or 'torchvision://resnet18'.

    Raises:
        FileNotFoundError: If it is not there.
        IsADirectoryError: If it is a folder; names the checkpoints in it.
        CheckpointError: If it is damaged, or asks for anything else to be unpickled; names that and the way out.
    """
    if '://' in str(path):
        return CheckpointLoader.load_checkpoint(str(path))
    path = Path(path)
    check_is_file(path)
    try:
        with torch.serialization.safe_globals(SAFE_GLOBALS):
            return torch.load(path, map_location='cpu', weights_only=True)
    except pickle.UnpicklingError as error:
        wanted, cause = (re.search(text, str(error)) for text in (r'GLOBAL ([\w.]+)', r'WeightsUnpickler error: (.*)'))
        if wanted is None and 'Unsupported operand' in str(error):  # not what pickle writes
            raise CheckpointError(f'{path} is no checkpoint: it is not a file that torch.save wrote') from error
        asked = f'it asks for {wanted[1]}' if wanted else cause[1] if cause else _first_line(error)
        raise CheckpointError(
            f'{path} is refused: it is no checkpoint, or holds more than tensors, numpy arrays and plain containers '
            f'({asked}), which could run code. If you trust it, save its weights alone, once: python -c "import torch; '
            f"c = torch.load('{path}', map_location='cpu', weights_only=False); torch.save(c.get('state_dict', c), "
            "'weights.pth')\""
        ) from error
    except Exception as error:  # junk makes the reader fail in any way: struct.error, IndexError, RuntimeError, ...
        raise CheckpointError(f'{path} is damaged or no checkpoint: {_first_line(error)}') from error


def check_is_file(path: str | PathLike) -> None:
    """Check that there is a file where a checkpoint is expected.

    Args:
        path: Path of the checkpoint.

    Raises:
        FileNotFoundError: If there is nothing.
        IsADirectoryError: If it is a folder; names the checkpoints in it.
    """
    path = Path(path)
    if path.is_dir():
        inside = [file.name for file in sorted(path.glob('*.pth'), key=lambda file: file.stat().st_mtime, reverse=True)]
        there = f'name one of those in it: {_some(inside)}' if inside else 'there is no .pth in it'
        raise IsADirectoryError(f'{path} is a folder, and no checkpoint; {there}')
    if not path.is_file():
        raise FileNotFoundError(f'no checkpoint at {path}; train the network first, or correct the path')


def load_weights(network: nn.Module, path: str | PathLike, owner: str = 'the network', prefix: str = '') -> None:
    """Load a checkpoint's weights into a network; every name and shape must match.

    A ``DistilledEstimator`` and its plain student fit each other. What distillers learn alone may be on one side only:
    a distiller that the network has not is left out, and one of which the checkpoint has nothing stays as it is.

    Args:
        network: The network, changed in place.
        path: The checkpoint, as in :func:`read_checkpoint`.
        owner: What the network is called in the error.
        prefix: How the names of the network's weights begin in the checkpoint, if the network is a part of another
            there, such as ``'backbone.'``; the others are not read.

    Raises:
        FileNotFoundError: If the file is missing.
        CheckpointError: If it is damaged or does not fit; lists what is missing, unexpected or of another shape.
    """
    checkpoint = read_checkpoint(path)
    load_state(network, checkpoint.get('state_dict', checkpoint), path, owner, prefix)


def load_state(
    network: nn.Module, state: dict, path: str | PathLike, owner: str = 'the network', prefix: str = ''
) -> None:
    """Load weights that were read already, as :func:`load_weights` does.

    Args:
        network: The network, changed in place.
        state: Names and tensors.
        path: Where they are from, for the error.
        owner: What the network is called in the error.
        prefix: As in :func:`load_weights`.

    Raises:
        CheckpointError: If they do not fit; lists what is missing, unexpected or of another shape.
    """
    state = usual_names(state)
    state = {key[len(prefix) :]: value for key, value in state.items() if key.startswith(prefix)}
    before = network.state_dict()
    shared = {_distiller(key) for key in before} & {_distiller(key) for key in state} | {None}
    own, state = ({k: v for k, v in weights.items() if _distiller(k) in shared} for weights in (before, state))
    shapes = [
        f'{key} is {tuple(state[key].shape)}, expected {tuple(own[key].shape)}'
        for key in own
        if key in state and state[key].shape != own[key].shape
    ]
    faults = {
        'missing': sorted(own.keys() - state.keys()),
        'unexpected': sorted(state.keys() - own.keys()),
        'of another shape': shapes,
    }
    found = [f'{len(keys)} {what} ({_some(keys)})' for what, keys in faults.items() if keys]
    if found:
        raise CheckpointError(f'{path} does not fit {owner}, it is of another architecture: ' + '; '.join(found))
    network.load_state_dict({**before, **state})


def usual_names(state: dict) -> dict:
    """Return weights under the names that networks have today.

    The ``module.`` of a network wrapped for several processes goes, averages that MMCV 1 kept beside the weights
    (``ema_...``) are left out, and ``keypoint_head.`` of MMPose 0.x becomes ``head.``.

    Args:
        state: Names and tensors.
    """
    if state and all(key.startswith('module.') for key in state):
        state = {key.removeprefix('module.'): value for key, value in state.items()}
    state = {key: value for key, value in state.items() if not key.startswith('ema_')}
    return {re.sub(r'^keypoint_head\.', 'head.', key): value for key, value in state.items()}


def _distiller(key: str) -> str | None:
    """Name of the distiller that a weight belongs to; None for those of the network itself."""
    return key.split('.')[1] if key.startswith(DISTILLER_PREFIX) else None


def _some(keys: list[str], most: int = 3) -> str:
    return ', '.join(keys[:most]) + (', ...' if len(keys) > most else '')


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)
