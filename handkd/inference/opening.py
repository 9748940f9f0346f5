"""Choice of the network: a student of the zoo, an exported file, a work dir, or a config with a checkpoint.

An exported network runs without torch; the modules that need it are imported only for the others.
"""

from __future__ import annotations

from os import PathLike, fspath
from pathlib import Path
from typing import TYPE_CHECKING

from handkd.hints import did_you_mean

from .networks import CropNetwork, NetworkFacts
from .onnx_network import OnnxNetwork
from .zoo import DEFAULT, students

if TYPE_CHECKING:
    import torch
    from mmengine.config import Config

PACKAGE = Path(__file__).resolve().parents[1]
DEMO_RUN = 'work_dirs/demo/student'
"""Work dir of `make demo`'s student, in the current folder or in the checkout."""
_TRAIN_DEMO = f'handkd stages pmd/demo --work-dir {Path(DEMO_RUN).parent.as_posix()}'


def open_network(
    model: str | PathLike | Config | CropNetwork | None = None,
    checkpoint: str | PathLike | None = None,
    device: str | torch.device | None = None,
) -> CropNetwork:
    """Open a trained network for inference.

    Args:
        model: Name of a student of the zoo, such as 'photo'; an ONNX file of ``handkd export``; a work dir, whose
            config and newest checkpoint are used; or a config, its path or its name, with a checkpoint; or an open
            network, such as ``OnnxNetwork('student.onnx', threads=1)``. Defaults to None: the zoo's student 'photo', or
            without one the newest of the demo.
        checkpoint: Weights of the config. Defaults to None.
        device: Device of torch. Defaults to None: the GPU if there is one, else the CPU.

    Raises:
        FileNotFoundError: If a file is missing, or there is no network to take by default; says how to get one.
        ValueError: If model and checkpoint do not go together, a file is damaged, or the network is of another kind.
        ImportError: If a package is missing; says how to install it.
    """
    if model is None:
        if checkpoint is not None:
            raise ValueError('--config and --checkpoint must be given together: a checkpoint belongs to its config')
        model = default_model()
    if isinstance(getattr(model, 'facts', None), NetworkFacts):
        if checkpoint is not None or device is not None:
            raise ValueError('an open network has its weights and its device: leave the checkpoint and the device out')
        return model
    if not isinstance(model, (str, PathLike)):
        return _open_trained(model, checkpoint, device)
    if checkpoint is None and fspath(model) in students():
        return _open_exported(students()[fspath(model)], checkpoint, device)
    if fspath(model).lower().endswith('.onnx'):
        return _open_exported(model, checkpoint, device)
    if Path(model).is_dir():
        if checkpoint is not None:
            raise ValueError(
                f'{fspath(model)} is a work dir, whose newest checkpoint is used: leave the checkpoint out'
            )
        return _open_work_dir(model, device)
    return _open_trained(model, checkpoint, device)


def default_model() -> Path:
    """Return the default student of the zoo, or the work dir of the demo's.

    Raises:
        FileNotFoundError: If there is neither; says how to get one.
    """
    if DEFAULT in students():
        return students()[DEFAULT]
    for folder in (Path(DEMO_RUN), PACKAGE.parent / DEMO_RUN):
        if any(folder.glob('*.pth')):
            return folder
    raise FileNotFoundError(
        f'found no trained network in {Path(DEMO_RUN).resolve()}: train one with `{_TRAIN_DEMO}`, '
        'or give yours with --config and --checkpoint, or --model FILE.onnx'
    )


def _open_exported(
    model: str | PathLike, checkpoint: str | PathLike | None, device: str | torch.device | None
) -> OnnxNetwork:
    if checkpoint is not None:
        raise ValueError(f'{fspath(model)} contains its weights: leave the checkpoint out')
    if device is not None and str(device) != 'cpu':
        raise ValueError(
            f"an exported network runs on the CPU: leave the device out, or set it to 'cpu'; found {device}"
        )
    return OnnxNetwork(model)


def _open_work_dir(folder: str | PathLike, device: str | torch.device | None) -> CropNetwork:
    from handkd.apis.topdown_network import open_network_of
    from handkd.apis.trained import TrainedNetwork

    run = TrainedNetwork.open(fspath(folder))
    return open_network_of(run.cfg, run.checkpoint, device)


def _open_trained(
    config: str | PathLike | Config, checkpoint: str | PathLike | None, device: str | torch.device | None
) -> CropNetwork:
    if checkpoint is None:
        name = fspath(config) if isinstance(config, (str, PathLike)) else config.filename
        if students() and Path(name).name == name and not Path(name).suffix:
            raise ValueError(
                f'there is no student {name!r} in the zoo, and no work dir of that name; '
                f'{did_you_mean(name, students())}'
            )
        raise ValueError(
            f'{name}: --config and --checkpoint must be given together: a config needs the checkpoint of its weights; '
            'an exported network (.onnx) and a work dir contain theirs'
        )
    from handkd.apis.topdown_network import open_network_of
    from handkd.config import load_config

    cfg = load_config(config, only='model') if isinstance(config, (str, PathLike)) else config
    return open_network_of(cfg, checkpoint, device)
