"""Networks of configs on crops, among them MMPose's top-down estimators, for inference and export."""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike

import numpy as np
import torch
from mmengine.config import Config
from mmengine.structures import InstanceData
from mmpose.models.pose_estimators import TopdownPoseEstimator
from mmpose.structures import PoseDataSample

from handkd.hints import ConfigError
from handkd.inference.crops import CropSpec, HandView
from handkd.inference.networks import NetworkFacts
from handkd.models.data_preprocessors import HandDataPreprocessor
from handkd.size_checks import LOADERS, leaf_datasets, type_name

from .inference_config import crop_of, trained_side
from .inference_network import HandNetwork
from .trained import TrainedNetwork, student_config

_PADDING = 1.25
"""Default of MMPose's GetBBoxCenterScale."""


def is_topdown(cfg: Config) -> bool:
    """Whether a config's network is one of MMPose's top-down estimators."""
    return type_name(cfg.model) == 'TopdownPoseEstimator'


def open_network_of(
    cfg: Config, checkpoint: str | PathLike, device: str | torch.device | None = None
) -> HandNetwork | TopdownNetwork:
    """Open the network of a config on crops; of a distilled model the student.

    Args:
        cfg: Its config.
        checkpoint: Its weights; those of a distilled model fit.
        device: Device to run on. Defaults to None: the GPU if there is one, else the CPU.

    Raises:
        FileNotFoundError: If the checkpoint is missing.
        CheckpointError: If it is damaged or of another architecture.
        ValueError: See :class:`HandNetwork` and :class:`TopdownNetwork`.
    """
    cfg = student_config(cfg)
    return TopdownNetwork(cfg, checkpoint, device) if is_topdown(cfg) else HandNetwork(cfg, checkpoint, device)


class TopdownNetwork:
    """An MMPose top-down estimator on crops, without flips at test time.

    Args:
        cfg: Its config.
        checkpoint: Its weights.
        device: Device to run on. Defaults to None: the GPU if there is one, else the CPU.

    Raises:
        FileNotFoundError: If the checkpoint is missing.
        CheckpointError: If it is damaged or of another architecture.
        ValueError: If the device can't be used.
        ConfigError: If its input is no square, or its test pipeline does not crop.

    Attributes:
        model: The network, in eval mode.
        facts: Facts about it.
    """

    def __init__(self, cfg: Config, checkpoint: str | PathLike, device: str | torch.device | None = None) -> None:
        self.model: TopdownPoseEstimator = TrainedNetwork(str(cfg.filename), cfg, checkpoint).build(device)
        self.model.test_cfg = dict(self.model.test_cfg or {}, flip_test=False, output_heatmaps=False)
        self.facts = NetworkFacts(str(cfg.filename), 'rgb', _crop(cfg), trained_on=trained_side(cfg))

    def __call__(self, views: Sequence[HandView]) -> list[dict[str, np.ndarray]]:
        """Return ``keypoints`` (21, 2), px of the crop, and ``keypoint_scores`` (21,) of each, by ``test_step``."""
        size = np.full(2, self.facts.crop.size, np.float32)
        samples = []
        for _ in views:  # an image that is the crop: no change of pixels after the decoding
            sample = PoseDataSample(metainfo=dict(input_center=size / 2, input_scale=size, input_size=size))
            sample.gt_instances = InstanceData(bboxes=np.zeros((1, 4)), bbox_scores=np.ones(1))
            samples.append(sample)
        images = [torch.from_numpy(view.pixels).permute(2, 0, 1) for view in views]
        inputs = {'rgb': images} if isinstance(self.model.data_preprocessor, HandDataPreprocessor) else images
        with torch.no_grad():
            results = self.model.test_step(dict(inputs=inputs, data_samples=samples))
        return [
            dict(keypoints=np.float64(found.keypoints[0]), keypoint_scores=np.float64(found.keypoint_scores[0]))
            for found in (result.pred_instances for result in results)
        ]


def _crop(cfg: Config) -> CropSpec:
    """Return the crop of a config's test pipeline."""
    leaves = [leaf for loader in LOADERS for leaf in leaf_datasets(cfg, loader)]
    steps = {type_name(step): step for step in (leaves[0][1].get('pipeline') or ())} if leaves else {}
    if 'TopdownAffine' not in steps:  # a data set of handkd
        return crop_of(cfg)
    width, height = steps['TopdownAffine']['input_size']
    if width != height:
        raise ConfigError(f'{cfg.filename}: crops must be square, found input_size={(width, height)}')
    factor = steps.get('GetBBoxCenterScale', {}).get('padding', _PADDING)
    return CropSpec(rule='box', factor=factor, size=width)
