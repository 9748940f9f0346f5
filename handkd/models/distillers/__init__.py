"""Distillers: losses that exist only at training time."""

from .angle_regularizer import AngleRegularizer
from .angle_rules import AngleRules
from .attention_transfer import AttentionTransfer, attention_distance
from .background_suppression import BackgroundSuppression, background_energy, background_mask, stack_masks
from .base import BaseDistiller, DistillContext, last_level
from .channel_wise import ChannelWise, channel_divergence
from .feature_adapter import FeatureAdapter
from .feature_mimic import FeatureMimic, feature_distance
from .gradients import gradient_ratios, log_gradient_ratios
from .heatmap_response import HeatmapResponse, heatmap_divergence, heatmap_mse
from .joint_response import JointResponse, joint_distance
from .layer_distiller import LayerDistiller
from .masked_generation import MaskedGeneration, draw_masks
from .offset_teacher import OffsetTeacher
from .part_segmentation import PartSegmentation, cell_parts, part_entropy
from .relational import Relational, relational_angle, relational_distance
from .resampling import resample_distribution
from .response import ResponseDistiller
from .simcc_response import SimCCResponse, simcc_divergence
from .similarity import SimilarityPreserving, similarity_distance
from .taps import check_taps, record_taps
from .weight_schedule import WeightSchedule

__all__ = [
    'AngleRegularizer',
    'AngleRules',
    'AttentionTransfer',
    'BackgroundSuppression',
    'BaseDistiller',
    'ChannelWise',
    'DistillContext',
    'FeatureAdapter',
    'FeatureMimic',
    'HeatmapResponse',
    'JointResponse',
    'LayerDistiller',
    'MaskedGeneration',
    'OffsetTeacher',
    'PartSegmentation',
    'Relational',
    'ResponseDistiller',
    'SimCCResponse',
    'SimilarityPreserving',
    'WeightSchedule',
    'attention_distance',
    'background_energy',
    'background_mask',
    'cell_parts',
    'channel_divergence',
    'check_taps',
    'draw_masks',
    'feature_distance',
    'gradient_ratios',
    'heatmap_divergence',
    'heatmap_mse',
    'joint_distance',
    'last_level',
    'log_gradient_ratios',
    'part_entropy',
    'record_taps',
    'relational_angle',
    'relational_distance',
    'resample_distribution',
    'simcc_divergence',
    'similarity_distance',
    'stack_masks',
]
