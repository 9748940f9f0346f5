"""Example of a separate package that extends handkd. Importing it registers all three classes."""

from .backbone import SeparableNet
from .distiller import AttentionTransfer
from .transform import RandomGrey

__all__ = ['AttentionTransfer', 'RandomGrey', 'SeparableNet']
