"""Heads: features -> joints, with their losses."""

from .cube_head import CubeHead
from .fc_head import FCHead
from .heatmap_25d_head import Heatmap25DHead
from .joint_cascade_head import JointCascadeHead
from .joint_inception_head import JointInceptionHead
from .latent_25d_head import Latent25DHead
from .latent_pose_head import LatentPoseHead
from .part_segmentation_head import PartSegmentationHead
from .pixel_pose_head import PixelPoseHead, PixelPosePrediction
from .pmd_head import PMDHead, PMDPrediction
from .pose_head import PoseHead
from .pose_machine_head import PoseMachineHead
from .regression_25d_head import Regression25DHead
from .xyz_head import XYZHead

__all__ = [
    'CubeHead',
    'FCHead',
    'Heatmap25DHead',
    'JointCascadeHead',
    'JointInceptionHead',
    'Latent25DHead',
    'LatentPoseHead',
    'PMDHead',
    'PMDPrediction',
    'PartSegmentationHead',
    'PixelPoseHead',
    'PixelPosePrediction',
    'PoseHead',
    'PoseMachineHead',
    'Regression25DHead',
    'XYZHead',
]
