"""Loading weights: strictly, and without running code from the file."""

from __future__ import annotations

from os import PathLike
from pathlib import Path

import torch
from mmengine.logging import print_log
from mmengine.runner import CheckpointLoader
from torch import nn

from handkd.hints import one_line
from handkd.reading import open_file
from handkd.unpickling import RefusedPickleError

from .checkpoint_files import ZIP, read_archive, read_stream
from .weight_names import TRAINING_ONLY, averages_in, backbone_prefix, of_network, usual_names

_HEADER = 512  # bytes; a tar archive has its magic word near the end of them


class CheckpointError(ValueError):
    """A checkpoint can't be read, or does not fit the network."""


def read_checkpoint(path: str | PathLike) -> dict:
    """Read a checkpoint on the CPU, admitting only tensors, numpy arrays and plain containers; no code in it is run.

    Args:
        path: A file written by a run of handkd, by MMPose, or by ``torch.save``; or a name that MMEngine resolves, such
            as 'https://...' or 'torchvision://resnet18'.

    Raises:
        FileNotFoundError: If it is missing.
        IsADirectoryError: If it is a folder; names the checkpoints in it.
        CheckpointError: If it is damaged, not a checkpoint, or requests anything else to be unpickled; names that and
            the remedy. In files since torch 1.6 all damage is found by their checksums.
    """
    if '://' in str(path):
        return CheckpointLoader.load_checkpoint(str(path))
    path = Path(path)
    check_is_file(path)
    with open(path, 'rb') as file:
        begins = file.read(_HEADER)
    if not begins.startswith((ZIP, b'\x80')):
        raise CheckpointError(f'{path} is not a checkpoint: {_what_it_is(begins)}')
    try:
        content = read_archive(path) if begins.startswith(ZIP) else read_stream(path)
    except RefusedPickleError as error:
        raise CheckpointError(
            f'{path} is refused: it is not a checkpoint, or has more than tensors, numpy arrays and plain containers '
            f'({error}), which could run code. If you trust it, save its weights alone, once: python -c "import torch; '
            f"c = torch.load('{path}', map_location='cpu', weights_only=False); torch.save(c.get('state_dict', c), "
            "'weights.pth')\""
        ) from error
    except Exception as error:  # junk makes the reader fail in any way: struct.error, IndexError, KeyError, ...
        raise CheckpointError(f'{path} is damaged or not a checkpoint: {one_line(error)[:200]}') from error
    if not isinstance(content, dict):
        raise CheckpointError(
            f'{path} is not a checkpoint: expected a dict of weights, found a {type(content).__name__}'
        )
    return content


def _what_it_is(begins: bytes) -> str:
    """Describe a file that torch.save did not write, by its first bytes."""
    if not begins:
        return 'it is empty'
    known = {b'\x89HDF': 'an HDF5 file, as Keras writes', b'\x93NUMPY': 'an array of numpy', b'\x1f\x8b': 'compressed'}
    for mark, what in known.items():
        if begins.startswith(mark):
            return f'it is {what}, not a file that torch.save wrote'
    if begins[257:262] == b'ustar':
        return 'it is a tar archive, as torch wrote before 0.1.10: load it with that version, and save it again'
    return 'it is not a file that torch.save wrote'


def weights_in(checkpoint: dict, path: str | PathLike) -> dict[str, torch.Tensor]:
    """Return the weights of a checkpoint: its ``state_dict``, or all of it if it has weights only.

    Of a file that has both the last weights and their averages (EMA), the averages are returned.

    Args:
        checkpoint: Result of :func:`read_checkpoint`.
        path: Its file, for the error.

    Returns:
        Name -> tensor of any shape, unit and frame.

    Raises:
        CheckpointError: If it has no weights; names what was found.
    """
    averages = averages_in(checkpoint)
    state = checkpoint[averages] if averages else checkpoint.get('state_dict', checkpoint)
    if not isinstance(state, dict) or not all(isinstance(key, str) for key in state):
        raise CheckpointError(f"{path}: 'state_dict' must be a dict of tensors, found a {type(state).__name__}")
    others = [key for key, value in state.items() if not isinstance(value, torch.Tensor)]
    if others and 'state_dict' not in checkpoint:
        raise CheckpointError(
            f"{path} is a checkpoint of another program: it has no 'state_dict', and {_some(others)} are not tensors: "
            'save its weights alone'
        )
    if others:
        raise CheckpointError(
            f'{path}: {others[0]} in its state_dict must be a tensor, found a {type(state[others[0]]).__name__}'
        )
    return state


def check_is_file(path: str | PathLike) -> None:
    """Check that the path of a checkpoint is an existing file.

    Args:
        path: Path of the checkpoint.

    Raises:
        FileNotFoundError: If it is missing.
        IsADirectoryError: If it is a folder; names the checkpoints in it.
        OSError: If it is a pipe, device or socket.
    """
    path = Path(path)
    if path.is_dir():
        inside = [file.name for file in sorted(path.glob('*.pth'), key=lambda file: file.stat().st_mtime, reverse=True)]
        there = f'name one of those in it: {_some(inside)}' if inside else 'it has no .pth file'
        raise IsADirectoryError(f'{path} is a folder, not a checkpoint; {there}')
    if not path.exists():
        raise FileNotFoundError(f'no checkpoint at {path}; train the network first, or correct the path')
    open_file(path).close()


def load_weights(network: nn.Module, path: str | PathLike, owner: str = 'the network', prefix: str = '') -> None:
    """Load a checkpoint's weights into a network; every name and shape must match.

    Names of other versions and wrappers are understood (:func:`~handkd.models.weight_names.usual_names`), also those
    that MMPose's own parts convert. A ``DistilledEstimator`` and its plain student fit each other. The weights of a
    training-only module may be on one side only: those that the network lacks are left out, and those that the
    checkpoint lacks keep their values. Of averaged and last weights the averages are loaded, and the log says so.

    Args:
        network: The network, changed in place.
        path: The checkpoint, as in :func:`read_checkpoint`.
        owner: Name of the network in the error. Defaults to 'the network'.
        prefix: Prefix of the network's weights in the checkpoint, if the network is a part of another one in it, such
            as ``'backbone.'``; the others are not read. Defaults to ''.

    Raises:
        FileNotFoundError: If the file is missing.
        CheckpointError: If it is damaged or does not fit; lists what is missing, unexpected or of another shape.
    """
    checkpoint = read_checkpoint(path)
    load_state(network, weights_in(checkpoint, path), path, owner, prefix)
    if averages_in(checkpoint):
        print_log(f'{path}: {owner} has the weights averaged in training (EMA), not the last ones', 'current')


def load_state(
    network: nn.Module, state: dict, path: str | PathLike, owner: str = 'the network', prefix: str = ''
) -> None:
    """Load weights that were read already, as :func:`load_weights` does.

    Args:
        network: The network, changed in place.
        state: Names and tensors.
        path: Their file, for the error.
        owner: Name of the network in the error. Defaults to 'the network'.
        prefix: As in :func:`load_weights`. Defaults to ''.

    Raises:
        CheckpointError: If they do not fit; lists what is missing, unexpected or of another shape.
    """
    state = usual_names(state)
    state = {key[len(prefix) :]: value for key, value in state.items() if key.startswith(prefix)}
    state, before = of_network(network, state), network.state_dict()
    shared = {_training_only(key) for key in before} & {_training_only(key) for key in state} | {None}
    own, state = ({k: v for k, v in weights.items() if _training_only(k) in shared} for weights in (before, state))
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
        _check_whole(before, state, path, owner)
        raise CheckpointError(f'{path} does not fit {owner}, it is of another architecture: ' + '; '.join(found))
    before.update(state)  # it holds the versions of the network's parts, whose names the weights have now
    network.load_state_dict(before)


def _check_whole(own: dict, state: dict, path: str | PathLike, owner: str) -> None:
    """Refuse a file of a backbone alone by its own error, which says how to use it."""
    prefix = backbone_prefix(own, state)
    if prefix is not None:
        given = f', prefix={prefix!r}' if prefix else ''
        raise CheckpointError(
            f'{path} has the weights of a backbone alone, but {owner} needs all of its weights: begin its training '
            f"with backbone=dict(init_cfg=dict(type='Pretrained', checkpoint={str(path)!r}{given}))"
        )


def _training_only(key: str) -> str | None:
    """Name of the training-only module that a weight belongs to; None for weights of the network itself."""
    return key.split('.')[1] if key.startswith(TRAINING_ONLY) else None


def _some(keys: list[str], most: int = 3) -> str:
    return ', '.join(keys[:most]) + (', ...' if len(keys) > most else '')
