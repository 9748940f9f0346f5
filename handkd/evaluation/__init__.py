"""Metrics: pure functions on arrays, and the METRICS classes around them."""

from .functional import (
    EPE,
    AucRule,
    auc,
    curve_area,
    epe,
    frames_within,
    joint_errors,
    mpjpe,
    n_mpjpe,
    pa_mpjpe,
    pck,
)
from .hand_metric import HandKeypointMetric
from .predictions import HandPredictions

__all__ = [
    'EPE',
    'AucRule',
    'HandKeypointMetric',
    'HandPredictions',
    'auc',
    'curve_area',
    'epe',
    'frames_within',
    'joint_errors',
    'mpjpe',
    'n_mpjpe',
    'pa_mpjpe',
    'pck',
]
