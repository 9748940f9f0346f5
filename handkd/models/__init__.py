"""Networks, losses and distillers."""

from . import backbones, data_preprocessors, distillers, estimators, heads, losses
from .checkpoint import CheckpointError, load_weights, read_checkpoint

__all__ = [
    'CheckpointError',
    'backbones',
    'data_preprocessors',
    'distillers',
    'estimators',
    'heads',
    'load_weights',
    'losses',
    'read_checkpoint',
]
