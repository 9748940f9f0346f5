"""Example of a separate package that extends handkd. Importing it registers all its classes."""

from .backbone import SeparableNet
from .distiller import NeuronSelectivity
from .synergies import SynergyFile, read_synergies
from .synergy_prior import SynergyPrior
from .transform import RandomGrey

__all__ = ['NeuronSelectivity', 'RandomGrey', 'SeparableNet', 'SynergyFile', 'SynergyPrior', 'read_synergies']
