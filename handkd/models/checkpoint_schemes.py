"""Weights from files and the web, for MMEngine's ``init_cfg=dict(type='Pretrained')``: read as data, like all others.

MMEngine's own loaders unpickle files that ``torch.load(weights_only=True)`` refuses. Importing this module replaces
them.
"""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlparse

import torch
from mmengine.dist import barrier, is_main_process
from mmengine.runner import CheckpointLoader
from mmengine.runner.checkpoint import (
    _process_mmcls_checkpoint,
    get_deprecated_model_names,
    get_external_models,
    get_mmcls_models,
    get_torchvision_models,
)

from handkd.hints import did_you_mean

from .checkpoint import read_checkpoint, weights_in


@CheckpointLoader.register_scheme(prefixes='', force=True)
def load_from_local(filename: str, map_location: object = None) -> dict:
    """Read a checkpoint file.

    Args:
        filename: Its path; a leading ``~`` is the home folder.
        map_location: Not used: weights come on the CPU and are copied into the network.

    Raises:
        FileNotFoundError: If it is missing.
        CheckpointError: If it is damaged or requests more than data.
    """
    return read_checkpoint(Path(filename).expanduser())


@CheckpointLoader.register_scheme(prefixes=('http://', 'https://'), force=True)
def load_from_http(filename: str, map_location: object = None) -> dict:
    """Download a checkpoint into torch's own cache, once, and read it.

    Args:
        filename: Its address.
        map_location: Not used.

    Raises:
        OSError: If it can't be downloaded.
        CheckpointError: If it is damaged or requests more than data.
    """
    path = Path(torch.hub.get_dir()) / 'checkpoints' / Path(urlparse(filename).path).name
    if is_main_process() and not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            torch.hub.download_url_to_file(filename, str(path), progress=True)
        except OSError as error:
            raise OSError(
                f'{filename} was not downloaded ({error}): download it by other means and name the file instead'
            ) from error
    barrier()
    return read_checkpoint(path)


@CheckpointLoader.register_scheme(prefixes=('modelzoo://', 'torchvision://'), force=True)
def load_from_torchvision(filename: str, map_location: object = None) -> dict:
    """Read torchvision's weights, as ``torchvision://resnet18``; arguments and errors as of :func:`load_from_http`."""
    return load_from_http(_address(filename, get_torchvision_models()))


@CheckpointLoader.register_scheme(prefixes=('open-mmlab://', 'openmmlab://'), force=True)
def load_from_openmmlab(filename: str, map_location: object = None) -> dict:
    """Read weights by OpenMMLab's names; arguments and errors as of :func:`load_from_http`."""
    scheme, _, name = filename.partition('://')
    name = get_deprecated_model_names().get(name, name)
    return load_from_http(_address(f'{scheme}://{name}', get_external_models()))


@CheckpointLoader.register_scheme(prefixes='mmcls://', force=True)
def load_from_mmcls(filename: str, map_location: object = None) -> dict:
    """Read a backbone of MMClassification; arguments and errors as of :func:`load_from_http`."""
    content = load_from_http(_address(filename, get_mmcls_models()))
    weights_in(content, filename)
    return _process_mmcls_checkpoint(content)


@CheckpointLoader.register_scheme(prefixes=['pavi://', r'(\S+\:)?s3://', r'(\S+\:)?petrel://'], force=True)
def refuse(filename: str, map_location: object = None) -> dict:
    """Refuse stores whose files MMEngine unpickles.

    Raises:
        ValueError: Always; names the remedy.
    """
    raise ValueError(f'{filename}: weights are not read from this store; copy the file here and name its path')


def _address(filename: str, known: dict[str, str]) -> str:
    """Return the address of a model's weights by its name after ``://``."""
    name = filename.partition('://')[2]
    if name not in known:
        raise ValueError(f'{filename}: no weights have this name; {did_you_mean(name, known)}')
    return known[name]
