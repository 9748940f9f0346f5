"""Choosing the device that a network runs on."""

from __future__ import annotations

import torch


def find_device(name: str | torch.device | None = None, option: str = '--device') -> torch.device:
    """Return a device by its name; this torch must be able to use it.

    Args:
        name: Such as 'cpu', 'cuda' or 'cuda:1'. Defaults to None: the GPU if there is one, else the CPU.
        option: Name of the option in the error. Defaults to '--device'.

    Raises:
        ValueError: If the device does not exist, or torch was built without it; lists the available ones.
    """
    gpus = [f'cuda:{i}' for i in range(torch.cuda.device_count())]
    if name is None:
        return torch.device('cuda' if gpus else 'cpu')
    try:
        device = torch.device(name)
        torch.empty(1, device=device).tolist()  # no network runs on the 'meta' device, which has no memory
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        build = '' if torch.version.cuda else '; this torch is a CPU build'
        raise ValueError(
            f"{option}: {str(name)!r} can't be used, expected one of {', '.join(['cpu', *gpus])}{build}"
        ) from error
    return device
