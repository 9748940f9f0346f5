"""Losses, as plain functions and as modules that a config names."""

from .heatmap_rmse_loss import HeatmapRMSELoss, heatmap_rmse
from .pose_norm_loss import PoseNormLoss, pose_norm
from .pose_squared_loss import PoseSquaredLoss, pose_squared

__all__ = ['HeatmapRMSELoss', 'PoseNormLoss', 'PoseSquaredLoss', 'heatmap_rmse', 'pose_norm', 'pose_squared']
