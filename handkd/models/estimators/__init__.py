"""Estimators: the classes of a config's ``model``."""

from .distilled_estimator import DistilledEstimator
from .hand_pose_estimator import HandPoseEstimator
from .view_synthesizer import ViewSynthesizer

__all__ = ['DistilledEstimator', 'HandPoseEstimator', 'ViewSynthesizer']
