"""Heads: features -> joints, with their losses."""

from .fc_head import FCHead
from .pmd_head import PMDHead, PMDPrediction
from .pose_machine_head import PoseMachineHead
from .xyz_head import XYZHead

__all__ = ['FCHead', 'PMDHead', 'PMDPrediction', 'PoseMachineHead', 'XYZHead']
