"""Export of trained networks to ONNX files that run without torch (docs/export.md)."""

from .exporting import Exported, ExportSettings, ParityError, export_network
from .graph import ExportGraph

__all__ = ['ExportGraph', 'ExportSettings', 'Exported', 'ParityError', 'export_network']
