"""Networks, losses and distillers."""

from . import (
    backbones,
    checkpoint_schemes,  # noqa: F401  (its import makes the reading of pretrained weights safe)
    data_preprocessors,
    decoders,
    distillers,
    estimators,
    heads,
    losses,
    necks,
    pretrained,  # noqa: F401  (and their errors one line)
)
from .backbones import *  # noqa: F403
from .checkpoint import CheckpointError, check_is_file, load_state, load_weights, read_checkpoint, weights_in
from .data_preprocessors import *  # noqa: F403
from .decoders import *  # noqa: F403
from .distillers import *  # noqa: F403
from .estimators import *  # noqa: F403
from .heads import *  # noqa: F403
from .initialisation import init_weights
from .losses import *  # noqa: F403
from .necks import *  # noqa: F403

__all__ = [
    'CheckpointError',
    'check_is_file',
    'init_weights',
    'load_state',
    'load_weights',
    'read_checkpoint',
    'weights_in',
]
for _part in (backbones, data_preprocessors, decoders, distillers, estimators, heads, losses, necks):
    __all__ += _part.__all__
