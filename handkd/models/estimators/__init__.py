"""Estimators: what a config calls ``model``."""

from .distilled_estimator import DistilledEstimator
from .hand_pose_estimator import HandPoseEstimator

__all__ = ['DistilledEstimator', 'HandPoseEstimator']
