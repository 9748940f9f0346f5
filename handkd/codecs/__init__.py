"""Codecs: conversion between network output and keypoints in millimetres or pixels."""

from .cpm_heatmap import CPMHeatmap
from .latent_25d import CropCameras, Latent25D
from .metric_cube import MetricCube
from .root_relative_xyz import RootRelativeXYZ
from .scaled_pose import ScaledPose

__all__ = ['CPMHeatmap', 'CropCameras', 'Latent25D', 'MetricCube', 'RootRelativeXYZ', 'ScaledPose']
