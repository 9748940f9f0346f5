"""Metrics: pure functions on arrays, protocols that name their numbers, and the METRICS classes that use both."""

from .alignment import align_best_scale, align_bone, align_known_scale, align_procrustes, align_root
from .angle_metric import HandAngleMetric
from .functional import (
    AUC_PRESETS,
    EPE,
    AucRule,
    Violations,
    auc,
    curve_area,
    epe,
    frames_within,
    hand_type_means,
    joint_errors,
    mpjpe,
    n_mpjpe,
    pa_mpjpe,
    pck,
    violation_frequency,
)
from .hand_metric import HandKeypointMetric
from .intervals import PairedDifference, mean_interval, paired_difference
from .joint_checks import check_pair, check_unit
from .joint_files import CAMERAS, JointFile, parse_camera, read_joints
from .joint_orders import ORDERS, find_order, handkd_names, reorder
from .part_counts import PartCounts
from .pixel_metric import HandPixelMetric
from .predictions import HandPredictions
from .protocols import ALIGNMENTS, PALM_JOINTS, PROTOCOLS, Protocol, find_protocol
from .restoration_metric import HandRestorationMetric
from .scoring import CURVE_THRESHOLDS, PCK_AT, WITHIN, Score, score
from .segmentation import SegmentationAccuracy, segmentation_accuracy, segmentation_counts
from .segmentation_metric import HandSegmentationMetric
from .side_metric import HandSideMetric
from .submissions import SUBMISSIONS, SubmissionForm, match_frames, read_submission, write_submission
from .view_metric import ViewSynthesisMetric

__all__ = [
    'ALIGNMENTS',
    'AUC_PRESETS',
    'CAMERAS',
    'CURVE_THRESHOLDS',
    'EPE',
    'ORDERS',
    'PALM_JOINTS',
    'PCK_AT',
    'PROTOCOLS',
    'SUBMISSIONS',
    'WITHIN',
    'AucRule',
    'HandAngleMetric',
    'HandKeypointMetric',
    'HandPixelMetric',
    'HandPredictions',
    'HandRestorationMetric',
    'HandSegmentationMetric',
    'HandSideMetric',
    'JointFile',
    'PairedDifference',
    'PartCounts',
    'Protocol',
    'Score',
    'SegmentationAccuracy',
    'SubmissionForm',
    'ViewSynthesisMetric',
    'Violations',
    'align_best_scale',
    'align_bone',
    'align_known_scale',
    'align_procrustes',
    'align_root',
    'auc',
    'check_pair',
    'check_unit',
    'curve_area',
    'epe',
    'find_order',
    'find_protocol',
    'frames_within',
    'hand_type_means',
    'handkd_names',
    'joint_errors',
    'match_frames',
    'mean_interval',
    'mpjpe',
    'n_mpjpe',
    'pa_mpjpe',
    'paired_difference',
    'parse_camera',
    'pck',
    'read_joints',
    'read_submission',
    'reorder',
    'score',
    'segmentation_accuracy',
    'segmentation_counts',
    'violation_frequency',
    'write_submission',
]
