"""Losses, as plain functions and as modules for configs."""

from .feature_l1_loss import FeatureL1Loss
from .heatmap_rmse_loss import HeatmapRMSELoss, heatmap_rmse
from .pixel_l1_loss import PixelL1Loss
from .pose_l1_loss import PoseL1Loss, pose_l1
from .pose_norm_loss import PoseNormLoss, pose_norm
from .pose_squared_loss import PoseSquaredLoss, pose_squared

__all__ = [
    'FeatureL1Loss',
    'HeatmapRMSELoss',
    'PixelL1Loss',
    'PoseL1Loss',
    'PoseNormLoss',
    'PoseSquaredLoss',
    'heatmap_rmse',
    'pose_l1',
    'pose_norm',
    'pose_squared',
]
