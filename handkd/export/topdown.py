"""Decoding of the heads of MMPose's top-down estimators in a graph."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from mmpose.codecs import IntegralRegressionLabel, MSRAHeatmap, RegressionLabel, SimCCLabel
from torch import Tensor

from handkd.codecs.cpm_heatmap import largest
from handkd.hand import NUM_JOINTS
from handkd.hints import ConfigError

from .decoders import Decoder
from .ports import PIXELS, Port


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
