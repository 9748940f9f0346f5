"""``init_cfg=dict(type='Pretrained')``: weights of a part of the model from a file, with one line in the log or error.

Importing this module replaces MMEngine's own initialiser.
"""

from __future__ import annotations

import logging
from collections import Counter

from mmengine.logging import print_log
from mmengine.model.weight_init import PretrainedInit, update_init_info
from mmengine.registry import WEIGHT_INITIALIZERS
from mmengine.runner import CheckpointLoader
from mmengine.runner.checkpoint import load_state_dict
from torch import nn

from .checkpoint import CheckpointError, weights_in
from .weight_names import usual_names


class PretrainedError(CheckpointError):
    """A file of pretrained weights has no weights for a part of the model."""

    def __init__(self, part: nn.Module, text: str) -> None:
        super().__init__(text)
        self.part = part


@WEIGHT_INITIALIZERS.register_module('Pretrained', force=True)
class Pretrained(PretrainedInit):
    """MMEngine's initialiser from a file; fitting weights are loaded, and one line logs how many these were.

    MMEngine lists every unused weight, and stops at a wrong ``prefix`` with a traceback. As there, a missing dot at the
    end of ``prefix`` is added.
    """

    def __call__(self, module: nn.Module) -> None:
        """Load the fitting weights of the file into a module.

        Raises:
            FileNotFoundError: If the file is missing.
            PretrainedError: If no weight in it fits; names the prefixes with which some would fit.
        """
        content = CheckpointLoader.load_checkpoint(self.checkpoint, self.map_location, logger='silent')
        saved = weights_in(content, self.checkpoint)
        prefix = f'{self.prefix.rstrip(".")}.' if self.prefix else ''
        own = module.state_dict()
        found = _below(saved, prefix) or _below(usual_names(saved), prefix)
        fitting = {name for name in own.keys() & found.keys() if own[name].shape == found[name].shape}
        if not found or not (fitting or _renames(module)):
            raise PretrainedError(module, f'{self.checkpoint} has {_why_nothing(own, saved, prefix, found)}')
        load_state_dict(module, found, strict=False, logger='silent')
        if hasattr(module, '_params_init_info'):
            update_init_info(module, self._get_init_info())
        lost = sorted(name for name in own.keys() - fitting if not name.endswith('num_batches_tracked'))
        text = f'{len(fitting)} of {len(own)} weights of {type(module).__name__} are from {self.checkpoint}'
        text += f', under {prefix!r}' if prefix else ''
        text += f'; {len(lost)} keep their own, such as {lost[0]}' if lost else ''
        print_log(text, 'current', logging.WARNING if lost else logging.INFO)


def _renames(module: nn.Module) -> bool:
    """Whether some part of a module loads weights under other names than its own, as heads of MMPose do."""
    return any(part._load_state_dict_pre_hooks for part in module.modules())


def _below(state: dict, prefix: str) -> dict:
    """Return the weights whose names begin with a prefix, without it."""
    return {name[len(prefix) :]: value for name, value in state.items() if name.startswith(prefix)}


def _why_nothing(own: dict, saved: dict, prefix: str, found: dict) -> str:
    """Return why no weight of a file fits a module, and with which prefix some would fit."""
    names = usual_names(saved)
    counts = Counter(name[: -len(key)] for key in own for name in names if name == key or name.endswith(f'.{key}'))
    fits = sorted(one for one, count in counts.items() if one != prefix and count == max(counts.values()))
    lacks = f'no weight under prefix={prefix!r}' if prefix and not found else 'none of its weights'
    if fits:
        return f'{lacks}; try ' + ' or '.join(f'prefix={one!r}' if one else 'no prefix' for one in fits[:3])
    begins = sorted({name.split('.')[0] + '.' for name in names})
    return f'{lacks}; its names begin with {", ".join(begins[:6])}: check the file and `prefix`'
