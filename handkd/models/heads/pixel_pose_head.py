"""Joints in the image, in space without a camera, and the hand's side."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from handkd.hand import NUM_JOINTS
from handkd.registry import MODELS

from ..float32_layers import Float32Conv2d, Float32Linear
from ..necks import MapAndVector
from ..rows import batch_mean, rows_with, sample_weights
from ..targets import stack_keypoints, stack_sides
from .heatmap_25d_head import soft_pose
from .xyz_head import XYZHead

_NEAREST = 0.5
"""Largest nearness: a hand whose root is two scale bones, about 18 cm, from the camera."""


class PixelPosePrediction(NamedTuple):
    """Output of :class:`PixelPoseHead`.

    Attributes:
        xyz: Joints in the codec's frame, shape (B, 21, 3), units of the scale bone.
        places: Their x and y in the crop, shape (B, 21, 2), from -1 to 1.
        left: Logit of the probability that the hand is a left one, shape (B,).
        heat: Logits of the joints' places over the fine map, shape (B, 21, H, W).
    """

    xyz: Tensor
    places: Tensor
    left: Tensor
    heat: Tensor | None = None


@MODELS.register_module()
class PixelPoseHead(XYZHead):
    """Finds joints in the image by soft-argmax, and from these, their depths and the hand's scale, joints in space.

    Of the fine map come 2K maps: the mean place under the softmax of the k-th is joint k in the image, and the mean
    value of the (K+k)-th under the same softmax its depth relative to the root (Iqbal et al. 2018). Of the vector come
    the hand's scale in the crop, its nearness, and its side. ``ScaledPose`` makes of these joints in space, for which
    no intrinsics are needed. So a joint's place in the image, whose labels are dense and look alike in renderings and
    photographs, is most of its position in space.

    Args:
        in_channels (int): Width of the fine map.
        vector_channels (int): Length of the vector.
        codec (dict): Config of ``ScaledPose``.
        beta (float): Initial value of the learnable temperatures of the softmax. Defaults to 10.0.
        pixel_weight (float): Weight of the loss of the joints in the image, the sum over visible joints of absolute
            differences in halves of the crop's side. Defaults to 1.0.
        map_weight (float): Weight of the loss of the maps, the sum over visible joints of the cross-entropy with a
            Gaussian of one cell around the joint. Defaults to 0.0: none.
        side_weight (float): Weight of the loss of the side, a cross-entropy. Defaults to 1.0.
        loss (dict): Config of the loss between predicted and true joints in space. Defaults to
            dict(type='PoseL1Loss').
        init_cfg (dict | list, optional): MMEngine initialisation. Defaults to None.
    """

    takes_sample_weights = True

    def __init__(
        self,
        in_channels: int,
        vector_channels: int,
        codec: dict,
        beta: float = 10.0,
        pixel_weight: float = 1.0,
        map_weight: float = 0.0,
        side_weight: float = 1.0,
        loss: dict = dict(type='PoseL1Loss'),  # noqa: B006 (never changed)
        init_cfg: dict | list | None = None,
    ) -> None:
        super().__init__(codec, loss, init_cfg)
        self.pixel_weight, self.map_weight, self.side_weight = pixel_weight, map_weight, side_weight
        self.maps = Float32Conv2d(in_channels, 2 * NUM_JOINTS, 1)
        self.whole = Float32Linear(vector_channels, 3)
        self.beta = nn.Parameter(torch.full((NUM_JOINTS,), beta))
        behind_root = torch.ones(NUM_JOINTS, 3)
        behind_root[self.codec.root, 2] = 0
        self.register_buffer('_behind_root', behind_root, persistent=False)

    def forward(self, feats: MapAndVector) -> PixelPosePrediction:
        """Predict joints and side.

        Args:
            feats: Features of the crop, any unit: a map (B, C, H, W) that covers it, and a vector (B, D).
        """
        fine, vector = feats
        maps = self.maps(fine)
        pose = soft_pose(maps, self.beta) * self._behind_root
        scale, nearness, left = self.whole(vector).float().unbind(-1)
        xyz = self.codec.lift(pose, scale.clamp(-4, 4).exp(), _NEAREST * nearness.sigmoid())
        heat = maps[:, :NUM_JOINTS].float() * self.beta[:, None, None]
        return PixelPosePrediction(xyz, pose[..., :2], left, heat)

    def pose_of(self, output: PixelPosePrediction) -> Tensor:
        """Return the joints in space (B, 21, 3), units of the scale bone, relative to the root."""
        return output.xyz

    def loss(self, feats: MapAndVector, data_samples: list) -> dict[str, Tensor]:
        """Return ``loss_reg`` of the joints in space, ``loss_pixels`` of those in the image, and ``loss_side``.

        Args:
            feats: Features of the crop: input of ``forward``.
            data_samples: One ``PoseDataSample`` per image, with joints in px of the network's input and in mm, and the
                hand's side; samples without 3D or 2D joints (``MixedDataset(optional=...)``) count where they can.
        """
        output = self(feats)
        left = stack_sides(data_samples, output.left.device).float()
        side = F.binary_cross_entropy_with_logits(output.left, left, reduction='none')
        losses = dict(
            loss_reg=self.joint_loss(output.xyz, data_samples),
            loss_side=self.side_weight * batch_mean(side, sample_weights(data_samples, side.device)),
        )
        return losses | self._image_losses(output, data_samples)

    def _image_losses(self, output: PixelPosePrediction, data_samples: list) -> dict[str, Tensor]:
        """Return the losses of the joints in the image, over the visible joints of the samples that have 2D ones."""
        rows = rows_with(data_samples, ('keypoints',))
        if rows is not None:
            output = PixelPosePrediction(*(None if part is None else part[rows] for part in output))
            data_samples = [data_samples[i] for i in rows]
        if not data_samples:
            return dict(loss_pixels=output.places.sum())
        keypoints, visible = stack_keypoints(data_samples, output.places.device)
        target, weights = self.codec.places(keypoints), sample_weights(data_samples, output.places.device)
        apart = (output.places - target).abs().sum(-1)
        losses = dict(loss_pixels=self.pixel_weight * batch_mean((apart * visible).sum(1), weights))
        if self.map_weight:
            entropy = map_cross_entropy(output.heat, target)
            losses['loss_maps'] = self.map_weight * batch_mean((entropy * visible).sum(1), weights)
        return losses

    def predict(self, feats: MapAndVector, data_samples: list) -> dict[str, Tensor]:
        """Return the final joints as :meth:`joints_of` does, and those in the image, and the side.

        Args:
            feats: Features of the crop: input of ``forward``.
            data_samples: One ``PoseDataSample`` per image.

        Returns:
            ``keypoints_xyz`` (B, 21, 3), units of the scale bone; ``keypoints`` (B, 21, 2), px of the network's input;
            ``left`` (B,), the probability that the hand is a left one; and with ground truth ``keypoints_cam``.
        """
        output = self(feats)
        found = dict(keypoints=self.codec.pixels(output.places), left=output.left.sigmoid())
        return self.joints_of(output.xyz, data_samples) | found


def map_cross_entropy(heat: Tensor, places: Tensor) -> Tensor:
    """Return the cross-entropy of spatial softmaxes with Gaussians of one cell around the true places.

    Args:
        heat: Logits over the crop, shape (B, K, H, W).
        places: True places, shape (B, K, 2), -1 at the maps' left (upper) edge, 1 at the right (lower) one.

    Returns:
        Shape (B, K).
    """
    height, width = heat.shape[2:]
    centres = ((places[..., axis, None] + 1) * (size / 2) for axis, size in ((0, width), (1, height)))
    columns, rows = (
        (-0.5 * (torch.arange(0.5, size, device=heat.device) - centre) ** 2).softmax(-1)
        for centre, size in zip(centres, (width, height))
    )
    logs = heat.flatten(2).log_softmax(-1).unflatten(2, (height, width))
    return -torch.einsum('bkhw,bkh,bkw->bk', logs, rows, columns)
