"""Cameras, crops, rotations, joint angles, alignment of points; independent of data sets and networks.

Names whose modules need torch are imported at their first use: inference with an exported network does without it.
"""

from handkd.importing import lazy_names

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

__getattr__, __dir__ = lazy_names(__name__, _WITH_TORCH)
