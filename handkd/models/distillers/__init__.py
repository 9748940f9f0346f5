"""Distillers: losses that exist only at training time."""

from .base import BaseDistiller, DistillContext
from .feature_mimic import FeatureMimic, feature_distance
from .taps import check_taps, record_taps

__all__ = ['BaseDistiller', 'DistillContext', 'FeatureMimic', 'check_taps', 'feature_distance', 'record_taps']
