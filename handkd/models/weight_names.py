"""Names of the weights in published checkpoints, converted to those of current networks."""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Callable, Iterator

from torch import nn

__all__ = ['TRAINING_ONLY', 'averages_in', 'backbone_prefix', 'of_network', 'rename_training_only', 'usual_names']

TRAINING_ONLY = 'training_only.'
"""Prefix of the weights in a checkpoint that only training needs: those of distillers and of view synthesis."""
_FORMER_PREFIX = 'distillers.'
"""Former value of :data:`TRAINING_ONLY`; checkpoints with it are still read."""
_STUDENTS = ('architecture.', 'student.')
"""Prefixes of the network itself in files of MMRazor and of MMPose's DWPose distiller."""
_OTHERS = ('teacher.', 'distiller.', 'distill_losses.', 'data_preprocessor.')
"""Prefixes of everything else in these files."""


def usual_names(state: dict) -> dict:
    """Return weights under the names of current networks.

    The prefix ``module.`` of a network wrapped for several processes is removed, and ``ema_`` where all names have it;
    in files of MMRazor and of MMPose's DWPose distiller the student is taken (``architecture.``, ``student.``); the
    copies that MMCV 1 stored beside the weights (``ema_...``) are left out: its EMAHook exchanges both before it saves,
    so that the weights under the plain names are the averages; ``keypoint_head.`` of MMPose 0.x becomes ``head.``; and
    training-only weights get their present prefix.

    Args:
        state: Names and tensors.
    """
    if state and all(key.startswith('module.') for key in state):
        state = {key.removeprefix('module.'): value for key, value in state.items()}
    if state and all(key.startswith('ema_') for key in state):
        state = {key.removeprefix('ema_'): value for key, value in state.items()}
    state = {key: value for key, value in state.items() if not key.startswith('ema_')}
    for student in _STUDENTS:
        own = {key.removeprefix(student): value for key, value in state.items() if key.startswith(student)}
        if own and all(key.startswith((student, *_OTHERS)) for key in state):
            state = own
            break
    state = {re.sub(r'^keypoint_head\.', 'head.', key): value for key, value in state.items()}
    rename_training_only(state, '')
    return state


def averages_in(checkpoint: dict) -> str | None:
    """Return where a checkpoint has weights averaged during training, which published metrics are of; None if nowhere.

    Args:
        checkpoint: Content of the file.

    Returns:
        'state_dict_ema' for files that have both kinds beside each other, as timm writes them; 'state_dict' for those
        of the EMAHook of MMEngine and of MMCV 1, which exchange both kinds before they save.
    """
    if isinstance(checkpoint.get('state_dict_ema'), dict):
        return 'state_dict_ema'
    state = checkpoint.get('state_dict')
    hooked = isinstance(state, dict) and any(str(key).removeprefix('module.').startswith('ema_') for key in state)
    return 'state_dict' if hooked or 'ema_state_dict' in checkpoint else None


def rename_training_only(state_dict: dict, prefix: str, *_args: object) -> None:
    """Give training-only weights their present prefix, in place; a pre-hook of ``load_state_dict``.

    Args:
        state_dict: Names and tensors of any shape, unit and frame.
        prefix: Prefix of the estimator's weights in it.
        *_args: The other arguments of such a hook, not used.
    """
    former = prefix + _FORMER_PREFIX
    for key in [key for key in state_dict if key.startswith(former)]:
        state_dict[prefix + TRAINING_ONLY + key.removeprefix(former)] = state_dict.pop(key)


def of_network(network: nn.Module, state: dict) -> dict:
    """Return weights under a network's own names, which its parts of MMPose convert from those of older versions.

    Args:
        network: The network; of a ``DistilledEstimator`` the student is asked.
        state: Names and tensors.
    """
    state = OrderedDict(state)
    for prefix, hook in _renaming_hooks(getattr(network, 'student', network)):
        hook(state, prefix, {}, True, [], [], [])
    return state


def _renaming_hooks(network: nn.Module) -> Iterator[tuple[str, Callable]]:
    """Yield prefix and hook of the parts of a network that rename weights before they are loaded, outermost first."""
    for name, part in network.named_modules():
        for hook in part._load_state_dict_pre_hooks.values():
            if str(hook.hook.__module__).startswith('mmpose.'):
                yield f'{name}.' if name else '', hook


def backbone_prefix(own: dict, state: dict) -> str | None:
    """Return the prefix of the backbone's weights in a file without a head; None if the file is of another kind.

    Args:
        own: The network's names and tensors.
        state: Those of the file.
    """
    backbone = {key.removeprefix('backbone.') for key in own if key.startswith('backbone.')}
    for prefix in ('backbone.', ''):
        found = {key[len(prefix) :] for key in state if key.startswith(prefix)}
        if backbone and backbone <= found and not any(key.startswith(('head.', 'neck.')) for key in state):
            return prefix
    return None
