"""Distillers: losses that exist only at training time."""

from .angle_regularizer import AngleRegularizer
from .angle_rules import AngleRules
from .background_suppression import BackgroundSuppression, background_energy, background_mask, stack_masks
from .base import BaseDistiller, DistillContext, last_level
from .feature_adapter import FeatureAdapter
from .feature_mimic import FeatureMimic, feature_distance
from .gradients import gradient_ratios, log_gradient_ratios
from .heatmap_response import HeatmapResponse, heatmap_divergence, heatmap_mse
from .joint_response import JointResponse, joint_distance
from .masked_generation import MaskedGeneration, draw_masks
from .offset_teacher import OffsetTeacher
from .resampling import resample_distribution
from .response import ResponseDistiller
from .simcc_response import SimCCResponse, simcc_divergence
from .taps import check_taps, record_taps
from .weight_schedule import WeightSchedule

__all__ = [
    'AngleRegularizer',
    'AngleRules',
    'BackgroundSuppression',
    'BaseDistiller',
    'DistillContext',
    'FeatureAdapter',
    'FeatureMimic',
    'HeatmapResponse',
    'JointResponse',
    'MaskedGeneration',
    'OffsetTeacher',
    'ResponseDistiller',
    'SimCCResponse',
    'WeightSchedule',
    'background_energy',
    'background_mask',
    'check_taps',
    'draw_masks',
    'feature_distance',
    'gradient_ratios',
    'heatmap_divergence',
    'heatmap_mse',
    'joint_distance',
    'last_level',
    'log_gradient_ratios',
    'record_taps',
    'resample_distribution',
    'simcc_divergence',
    'stack_masks',
]
