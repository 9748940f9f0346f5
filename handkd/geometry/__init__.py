"""Cameras, crops, rotations, joint angles, alignment of points; independent of data sets and networks."""

from .alignment import align_similarity
from .angle_limits import AngleLimits
from .camera import affine_camera, project, split_affine, unproject, viewing_rays
from .crops import (
    box_square,
    crop_matrix,
    cube_square,
    flip_matrix,
    joint_square,
    original_pixels,
    resize_matrix,
    zb_square,
)
from .hand_finding import find_hand, in_cube
from .joint_angles import ANGLE_JOINTS, ANGLE_NAMES, VIOLATION_TOLERANCE, angle_excess, joint_angles
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
    'in_cube',
    'joint_angles',
    'joint_square',
    'original_pixels',
    'project',
    'register_depth',
    'register_image',
    'resize_matrix',
    'rotation_2d',
    'split_affine',
    'unproject',
    'viewing_rays',
    'zb_square',
]
