"""Distillers: losses that exist only at training time."""

from .angle_regularizer import AngleRegularizer
from .angle_rules import AngleRules
from .background_suppression import BackgroundSuppression, background_energy, background_mask, stack_masks
from .base import BaseDistiller, DistillContext, last_level
from .feature_mimic import FeatureMimic, feature_distance
from .gradients import gradient_ratios, log_gradient_ratios
from .offset_teacher import OffsetTeacher
from .taps import check_taps, record_taps

__all__ = [
    'AngleRegularizer',
    'AngleRules',
    'BackgroundSuppression',
    'BaseDistiller',
    'DistillContext',
    'FeatureMimic',
    'OffsetTeacher',
    'background_energy',
    'background_mask',
    'check_taps',
    'feature_distance',
    'gradient_ratios',
    'last_level',
    'log_gradient_ratios',
    'record_taps',
    'stack_masks',
]
