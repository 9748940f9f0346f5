"""Losses, as plain functions and as modules that a config names."""

from .pose_norm_loss import PoseNormLoss, pose_norm

__all__ = ['PoseNormLoss', 'pose_norm']
