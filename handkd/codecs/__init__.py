"""Network output <-> keypoints in millimetres or pixels."""

from .cpm_heatmap import CPMHeatmap
from .root_relative_xyz import RootRelativeXYZ

__all__ = ['CPMHeatmap', 'RootRelativeXYZ']
