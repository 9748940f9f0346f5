"""Cameras, crops, rotations and alignment of points: pure functions that know nothing of data sets or networks."""

from .alignment import align_similarity
from .camera import affine_camera, project, split_affine, unproject
from .crops import box_square, crop_matrix, flip_matrix, joint_square, resize_matrix, zb_square
from .registration import change_camera, register_depth, register_image
from .rotations import axis_angle_to_matrix, rotation_2d

__all__ = [
    'affine_camera',
    'align_similarity',
    'axis_angle_to_matrix',
    'box_square',
    'change_camera',
    'crop_matrix',
    'flip_matrix',
    'joint_square',
    'project',
    'register_depth',
    'register_image',
    'resize_matrix',
    'rotation_2d',
    'split_affine',
    'unproject',
    'zb_square',
]
