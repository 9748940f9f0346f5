"""Where a network runs."""

from __future__ import annotations

import torch


def find_device(name: str | torch.device | None = None, option: str = '--device') -> torch.device:
    """Return the device of a name, which must be one that this torch can use.

    Args:
        name: Such as 'cpu', 'cuda' or 'cuda:1'. Defaults to None: the GPU if there is one.
        option: What the error calls it. Defaults to '--device'.

    Raises:
        ValueError: If there is no such device, or torch was built without it; says which there are.
    """
    gpus = [f'cuda:{i}' for i in range(torch.cuda.device_count())]
    if name is None:
        return torch.device('cuda' if gpus else 'cpu')
    try:
        device = torch.device(name)
        torch.empty(1, device=device).tolist()  # of the device without memory, too, no network runs on it
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        build = '' if torch.version.cuda else '; this torch is a CPU build'
        raise ValueError(
            f"{option}: {str(name)!r} can't be used, there are {', '.join(['cpu', *gpus])}{build}"
        ) from error
    return device
