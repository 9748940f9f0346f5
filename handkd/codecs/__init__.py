"""Network output <-> keypoints in millimetres or pixels."""

from .root_relative_xyz import RootRelativeXYZ

__all__ = ['RootRelativeXYZ']
