"""The studio's room: sequences of moving hands between synchronised cameras."""

from .dataset import StudioRoomDataset

__all__ = ['StudioRoomDataset']
