"""Outputs of a frozen teacher, computed once and read in training: files, and how a batch is found in them."""

from .manifest import CacheManifest, check_files, check_source, digest_of_file, read_manifest
from .reading import TeacherCache
from .structure import STORED
from .warping import CROP, check_response, crop_matrices, move_response
from .writing import ShardWriter, Step, check_space, describe, plan, said_size

__all__ = [
    'CROP',
    'STORED',
    'CacheManifest',
    'ShardWriter',
    'Step',
    'TeacherCache',
    'check_files',
    'check_response',
    'check_source',
    'check_space',
    'crop_matrices',
    'describe',
    'digest_of_file',
    'move_response',
    'plan',
    'read_manifest',
    'said_size',
]
