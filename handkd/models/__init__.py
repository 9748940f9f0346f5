"""Networks, losses and distillers."""

from .backbones import *  # noqa: F403
from .checkpoint import CheckpointError, load_weights, read_checkpoint
from .data_preprocessors import *  # noqa: F403
from .distillers import *  # noqa: F403
from .estimators import *  # noqa: F403
from .heads import *  # noqa: F403
from .losses import *  # noqa: F403
