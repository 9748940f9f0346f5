"""Images of hands, activation maps and part maps, and figures of runs, from arrays."""

from handkd.skeleton_drawing import FINGER_COLORS, VIEWS, draw_skeleton, draw_skeleton_3d, joint_color

from .curves import (
    PCK_RANGES,
    accuracy_figure,
    budget_figure,
    evolution_figure,
    figure_bytes,
    loss_figure,
    part_figure,
    pck_figure,
)
from .logs import POSE_LOSSES, read_scalars, read_validation
from .modalities import activation_map, activation_picture, depth_picture
from .page import Picture, Table, text_table, write_page
from .parts import enlarge, part_legend, part_picture
from .points import draw_points, point_colors
from .sheet import contact_sheet, fit_square
from .tiles import TILES, mask_picture, sample_tiles
from .writing import check_animation_path, check_picture_path, write_animation, write_picture

__all__ = [
    'FINGER_COLORS',
    'PCK_RANGES',
    'POSE_LOSSES',
    'TILES',
    'VIEWS',
    'Picture',
    'Table',
    'accuracy_figure',
    'activation_map',
    'activation_picture',
    'budget_figure',
    'check_animation_path',
    'check_picture_path',
    'contact_sheet',
    'depth_picture',
    'draw_points',
    'draw_skeleton',
    'draw_skeleton_3d',
    'enlarge',
    'evolution_figure',
    'figure_bytes',
    'fit_square',
    'joint_color',
    'loss_figure',
    'mask_picture',
    'part_figure',
    'part_legend',
    'part_picture',
    'pck_figure',
    'point_colors',
    'read_scalars',
    'read_validation',
    'sample_tiles',
    'text_table',
    'write_animation',
    'write_page',
    'write_picture',
]
