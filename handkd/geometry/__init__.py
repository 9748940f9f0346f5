"""Cameras, crops, rotations, joint angles, alignment of points; independent of data sets and networks.

Names whose modules need torch are imported at their first use: inference with an exported network does without it.
"""

from importlib import import_module

from .alignment import align_similarity
from .camera import affine_camera, project, split_affine, unproject
from .crops import (
    box_square,
    crop_matrix,
    cube_square,
    flip_matrix,
    found_square,
    joint_square,
    original_pixels,
    resize_matrix,
    zb_square,
)
from .depth_cubes import scale_to_cube
from .hand_finding import find_hand, in_cube
from .registration import change_camera, register_depth, register_image
from .rotations import axis_angle_to_matrix, rotation_2d

__all__ = [
    'ANGLE_JOINTS',
    'ANGLE_NAMES',
    'VIOLATION_TOLERANCE',
    'AngleLimits',
    'affine_camera',
    'align_similarity',
    'angle_excess',
    'axis_angle_to_matrix',
    'box_square',
    'change_camera',
    'crop_matrix',
    'cube_square',
    'find_hand',
    'flip_matrix',
    'found_square',
    'in_cube',
    'joint_angles',
    'joint_square',
    'original_pixels',
    'project',
    'register_depth',
    'register_image',
    'resize_matrix',
    'rotation_2d',
    'scale_to_cube',
    'split_affine',
    'unproject',
    'viewing_rays',
    'zb_square',
]

_WITH_TORCH = {
    'ANGLE_JOINTS': 'angles',
    'ANGLE_NAMES': 'angles',
    'AngleLimits': 'angle_limits',
    'VIOLATION_TOLERANCE': 'angles',
    'angle_excess': 'angles',
    'joint_angles': 'angles',
    'viewing_rays': 'rays',
}
"""Public name -> module of this package that defines it, and imports torch."""


def __getattr__(name: str) -> object:
    """Import a public name from its module (PEP 562)."""
    if name not in _WITH_TORCH:
        raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
    value = getattr(import_module(f'{__name__}.{_WITH_TORCH[name]}'), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """Return the public names, imported or not, and the modules imported so far."""
    return sorted({*globals(), *__all__})
