"""The studio's camera rig: sequences of moving hands between synchronised cameras."""

from .dataset import StudioRigDataset

__all__ = ['StudioRigDataset']
