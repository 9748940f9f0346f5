"""Data sets as ready crops: memory-mapped on a local disk, or streamed from a store."""

from .crops import CropMaker, margin_for
from .dataset import PackedHandDataset
from .manifest import check_complete, find_damage, load_manifest
from .recipe import build_source, check_labels, check_recipe, read_recipe, source_config, stored_source
from .streaming import StreamedHandDataset
from .writing import Packer, PackSettings

__all__ = [
    'CropMaker',
    'PackSettings',
    'PackedHandDataset',
    'Packer',
    'StreamedHandDataset',
    'build_source',
    'check_complete',
    'check_labels',
    'check_recipe',
    'find_damage',
    'load_manifest',
    'margin_for',
    'read_recipe',
    'source_config',
    'stored_source',
]
