"""Stages of a Convolutional Pose Machine: repeatedly refined heat maps."""

from __future__ import annotations

from itertools import pairwise

import torch
from mmengine.model import BaseModule
from torch import Tensor, nn

from handkd.hand import NUM_JOINTS
from handkd.registry import KEYPOINT_CODECS, MODELS

from ..float32_layers import Float32Conv2d
from ..rows import rows_with, take_rows, takes_sample_weight, weighted_loss
from ..targets import stack_keypoints


def convolutions(channels: list[int], kernels: list[int]) -> nn.Sequential:
    """Return convolutions that keep the size, with ReLU between them; the last computes in float32."""
    layers: list[nn.Module] = []
    *hidden, (last, outputs) = pairwise(channels)
    for (cin, cout), kernel in zip(hidden, kernels):
        layers += [nn.Conv2d(cin, cout, kernel, padding=kernel // 2), nn.ReLU()]
    return nn.Sequential(*layers, Float32Conv2d(last, outputs, kernels[-1], padding=kernels[-1] // 2))


@MODELS.register_module()
class PoseMachineHead(BaseModule):
    """Predicts 21 heat maps in stages, each of which sees the features and the maps of the stage before.

    The layout of Zimmermann and Brox's PoseNet (2017), which Yuan et al. 2018 (section 4.2) use for 2D joints: 1x1
    convolutions give the first maps; each further stage has five of 7x7 and two of 1x1, with its own weights. There is
    no background map. After ``CPMFeatures(variant='posenet')`` the network has 17,518,847 parameters.

    Args:
        in_channels (int): Channels of the feature map.
        codec (dict): Config of the codec between keypoints and heat maps, such as ``CPMHeatmap``.
        num_stages (int): Stages, the first included. Defaults to 3.
        first_channels (int): Width of the first stage's hidden layer. Defaults to 512.
        channels (int): Width of the other stages. Defaults to 128.
        loss (dict): Config of the loss of one stage's maps. Defaults to dict(type='HeatmapRMSELoss').
        init_cfg (dict | list): MMEngine initialisation. Defaults to dict(type='Xavier', layer='Conv2d').

    Raises:
        ValueError: If there is no stage.
    """

    def __init__(
        self,
        in_channels: int,
        codec: dict,
        num_stages: int = 3,
        first_channels: int = 512,
        channels: int = 128,
        loss: dict = dict(type='HeatmapRMSELoss'),  # noqa: B006 (never changed)
        init_cfg: dict | list = dict(type='Xavier', layer='Conv2d'),  # noqa: B006 (never changed)
    ) -> None:
        super().__init__(init_cfg)
        if num_stages < 1:
            raise ValueError(f'PoseMachineHead: num_stages must be at least 1, found {num_stages!r}')
        self.codec = KEYPOINT_CODECS.build(codec)
        self.loss_module = MODELS.build(loss)
        self.stages = nn.ModuleList([convolutions([in_channels, first_channels, NUM_JOINTS], [1, 1])])
        widths = [in_channels + NUM_JOINTS, *[channels] * 6, NUM_JOINTS]
        self.stages.extend(convolutions(widths, [7] * 5 + [1] * 2) for _ in range(num_stages - 1))

    @property
    def takes_sample_weights(self) -> bool:
        """Whether samples can have weights in its losses."""
        return takes_sample_weight(self.loss_module)

    def forward(self, feats: Tensor | tuple[Tensor, ...]) -> list[Tensor]:
        """Predict the maps of each stage.

        Args:
            feats: Feature map of the crop, any unit, shape (B, C, h, w), or a tuple whose last item it is.

        Returns:
            Heat maps of each stage, the final ones last, shape (B, 21, h, w) each.
        """
        feat = feats[-1] if isinstance(feats, (tuple, list)) else feats
        first, *others = self.stages
        maps = [first(feat)]
        for stage in others:
            maps.append(stage(torch.cat([maps[-1], feat], dim=1)))
        return maps

    def loss(self, feats: Tensor | tuple[Tensor, ...], data_samples: list) -> dict[str, Tensor]:
        """Return the loss against the samples' ``keypoints`` (px of the network's input).

        Args:
            feats: Feature map of the crop, shape (B, C, h, w), or a tuple whose last item it is.
            data_samples: One ``PoseDataSample`` per image.

        Returns:
            ``loss_heatmap``, the sum over the stages, which have the same target; and for the log each stage's loss,
            ``stage1`` and so on. Samples without 2D joints (``MixedDataset(optional=...)``) do not count; without any
            others the loss is 0.
        """
        maps = self(feats)
        rows = rows_with(data_samples, ('keypoints',))
        if rows is not None:
            maps, data_samples = take_rows(maps, rows), [data_samples[i] for i in rows]
        if not data_samples:
            return {'loss_heatmap': sum(stage.float().sum() for stage in maps)}
        keypoints, weight = stack_keypoints(data_samples, maps[0].device)
        target = self.codec.encode(keypoints, weight)
        stages = [
            weighted_loss(self.loss_module, data_samples, self.codec.match(stage), target, weight) for stage in maps
        ]
        return {'loss_heatmap': sum(stages), **{f'stage{i}': loss.detach() for i, loss in enumerate(stages, start=1)}}

    def predict(self, feats: Tensor | tuple[Tensor, ...], data_samples: list) -> dict[str, Tensor]:
        """Return ``keypoints`` (B, 21, 2), px of the network's input, and ``keypoint_scores`` (B, 21)."""
        keypoints, scores = self.codec.decode(self(feats)[-1])
        return dict(keypoints=keypoints, keypoint_scores=scores)
