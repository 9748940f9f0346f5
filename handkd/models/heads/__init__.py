"""Heads: features -> joints, with their losses."""

from .pmd_head import PMDHead, PMDPrediction

__all__ = ['PMDHead', 'PMDPrediction']
