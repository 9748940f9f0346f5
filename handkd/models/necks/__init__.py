"""Necks: feature maps -> the features that a head takes."""

from .top_down_neck import MapAndVector, TopDownNeck

__all__ = ['MapAndVector', 'TopDownNeck']
