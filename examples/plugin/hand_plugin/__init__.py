"""A package apart from handkd that adds to it. Importing it registers all three classes."""

from .backbone import SeparableNet
from .distiller import AttentionTransfer
from .transform import RandomGrey

__all__ = ['AttentionTransfer', 'RandomGrey', 'SeparableNet']
