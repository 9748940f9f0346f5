"""MMPose's top-down estimators for export: the network on crops, and the decoding of its heads in a graph."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from os import PathLike

import numpy as np
import torch
from mmengine.config import Config
from mmengine.structures import InstanceData
from mmpose.codecs import IntegralRegressionLabel, MSRAHeatmap, RegressionLabel, SimCCLabel
from mmpose.models.pose_estimators import TopdownPoseEstimator
from mmpose.structures import PoseDataSample
from torch import Tensor

from handkd.apis.trained import TrainedNetwork
from handkd.codecs.cpm_heatmap import largest
from handkd.hand import NUM_JOINTS
from handkd.hints import ConfigError
from handkd.inference.crops import CropSpec, HandView
from handkd.inference.networks import NetworkFacts
from handkd.size_checks import LOADERS, leaf_datasets, type_name

from .decoders import Decoder
from .ports import PIXELS, Port

_PADDING = 1.25
"""Default of MMPose's GetBBoxCenterScale."""


def is_topdown(cfg: Config) -> bool:
    """Whether a config's network is one of MMPose's top-down estimators."""
    return type_name(cfg.model) == 'TopdownPoseEstimator'


class TopdownNetwork:
    """An MMPose top-down estimator on crops, without flips at test time.

    Args:
        cfg: Its config.
        checkpoint: Its weights.

    Raises:
        FileNotFoundError: If the checkpoint is missing.
        CheckpointError: If it is damaged or of another architecture.
        ConfigError: If its input is no square, or its test pipeline has no TopdownAffine.

    Attributes:
        model: The network, in eval mode.
        facts: Facts about it.
    """

    def __init__(self, cfg: Config, checkpoint: str | PathLike) -> None:
        self.model: TopdownPoseEstimator = TrainedNetwork(str(cfg.filename), cfg, checkpoint).build('cpu')
        self.model.test_cfg = dict(self.model.test_cfg or {}, flip_test=False, output_heatmaps=False)
        self.facts = NetworkFacts(str(cfg.filename), 'rgb', _crop(cfg))

    def __call__(self, views: Sequence[HandView]) -> list[dict[str, np.ndarray]]:
        """Return ``keypoints`` (21, 2), px of the crop, and ``keypoint_scores`` (21,) of each, by ``test_step``."""
        size = np.full(2, self.facts.crop.size, np.float32)
        samples = []
        for _ in views:  # an image that is the crop: no change of pixels after the decoding
            sample = PoseDataSample(metainfo=dict(input_center=size / 2, input_scale=size, input_size=size))
            sample.gt_instances = InstanceData(bboxes=np.zeros((1, 4)), bbox_scores=np.ones(1))
            samples.append(sample)
        images = [torch.from_numpy(view.pixels).permute(2, 0, 1) for view in views]
        with torch.no_grad():
            results = self.model.test_step(dict(inputs=images, data_samples=samples))
        return [
            dict(keypoints=np.float64(found.keypoints[0]), keypoint_scores=np.float64(found.keypoint_scores[0]))
            for found in (result.pred_instances for result in results)
        ]


def _crop(cfg: Config) -> CropSpec:
    """Return the crop of a config's test pipeline."""
    leaves = [leaf for loader in LOADERS for leaf in leaf_datasets(cfg, loader)]
    steps = {type_name(step): step for step in (leaves[0][1].get('pipeline') or ())} if leaves else {}
    if 'TopdownAffine' not in steps:
        raise ConfigError(f'{cfg.filename}: the test pipeline must crop with TopdownAffine, found {sorted(steps)}')
    width, height = steps['TopdownAffine']['input_size']
    if width != height:
        raise ConfigError(f'{cfg.filename}: only square crops can be exported, found input_size={(width, height)}')
    factor = steps.get('GetBBoxCenterScale', {}).get('padding', _PADDING)
    return CropSpec(rule='box', factor=factor, size=width)


class TopdownDecoder(Decoder):
    """Joints in the crop, decoded as by the codec of an MMPose head.

    Args:
        head: The head.

    Raises:
        ConfigError: If its codec has no form in a graph.
    """

    task, unit = 'mmpose2d', 'px'

    def __init__(self, head: torch.nn.Module) -> None:
        codec = head.decoder
        self._kind = _decoding(codec)
        super().__init__(head)

    def _ports(self) -> tuple[Port, ...]:
        return (
            Port('keypoints', (NUM_JOINTS, 2), PIXELS),
            Port('keypoint_scores', (NUM_JOINTS,), meaning='scores of the codec'),
        )

    def forward(self, output: Tensor | tuple[Tensor, ...], extras: Mapping[str, Tensor]) -> tuple[Tensor, ...]:
        """Return pixels (B, 21, 2) of the crop, and scores (B, 21)."""
        codec = self.head.decoder
        if self._kind == 'maps':
            places, scores = _quarter(output)
            scale = torch.tensor([float(value) for value in codec.scale_factor])
            return places * scale, scores
        if self._kind == 'simcc':
            return _simcc(*output, codec.simcc_split_ratio)
        coords = output[0] if isinstance(output, tuple) else output
        size = getattr(codec, 'keypoint_codec', codec).input_size
        places = coords[..., :2] * torch.tensor([float(value) for value in size])
        scores = (1 - coords[..., 2:4]).mean(-1) if coords.shape[-1] == 4 else torch.ones_like(coords[..., 0])
        return places, scores


def _decoding(codec: object) -> str:
    """Return how a codec decodes: 'maps', 'simcc' or 'coordinates'."""
    if isinstance(codec, MSRAHeatmap) and not codec.unbiased:
        return 'maps'
    if isinstance(codec, SimCCLabel) and not codec.use_dark and not codec.decode_visibility:
        return 'simcc'
    if isinstance(codec, (RegressionLabel, IntegralRegressionLabel)):
        return 'coordinates'
    raise ConfigError(
        f"the decoder {type(codec).__name__} of MMPose's head can't be exported: expected MSRAHeatmap(unbiased=False), "
        'SimCCLabel(use_dark=False, decode_visibility=False), RegressionLabel or IntegralRegressionLabel'
    )


def _quarter(heatmaps: Tensor) -> tuple[Tensor, Tensor]:
    """Return largest cells (B, K, 2), moved by a quarter towards the higher neighbour, px of the maps, and maxima."""
    places, scores = largest(heatmaps)
    height, width = (int(side) for side in heatmaps.shape[2:])
    flat, (x, y) = heatmaps.flatten(2), places.long().unbind(-1)

    def at(right: int, down: int) -> Tensor:
        index = (y + down).clamp(0, height - 1) * width + (x + right).clamp(0, width - 1)
        return flat.gather(2, index[..., None])[..., 0]

    across = (x > 1) & (x < width - 1) & (y > 0)
    along = (y > 1) & (y < height - 1) & (x > 0)
    steps = [torch.sign(at(1, 0) - at(-1, 0)) * across, torch.sign(at(0, 1) - at(0, -1)) * along]
    moved = places + 0.25 * torch.stack(steps, -1)
    return torch.where((scores > 0)[..., None], moved, -1.0), scores


def _simcc(across: Tensor, down: Tensor, ratio: float) -> tuple[Tensor, Tensor]:
    """Return the largest bins of both axes (B, K, 2), px of the crop, and the lower of the two maxima (B, K)."""
    (first, x), (second, y) = across.max(-1), down.max(-1)
    scores = torch.minimum(first, second)
    places = torch.stack([x, y], -1).float()
    return torch.where((scores > 0)[..., None], places, -1.0) / ratio, scores
