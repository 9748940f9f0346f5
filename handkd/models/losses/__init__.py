"""Losses, as plain functions and as modules that a config names."""

from .heatmap_rmse_loss import HeatmapRMSELoss, heatmap_rmse
from .pose_l1_loss import PoseL1Loss, pose_l1
from .pose_norm_loss import PoseNormLoss, pose_norm
from .pose_squared_loss import PoseSquaredLoss, pose_squared

__all__ = [
    'HeatmapRMSELoss',
    'PoseL1Loss',
    'PoseNormLoss',
    'PoseSquaredLoss',
    'heatmap_rmse',
    'pose_l1',
    'pose_norm',
    'pose_squared',
]
