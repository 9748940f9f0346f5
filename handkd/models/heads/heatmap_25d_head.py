"""2.5D poses from latent heat maps."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from handkd.hand import NUM_JOINTS
from handkd.registry import MODELS

from .latent_25d_head import Latent25DHead


@MODELS.register_module()
class Heatmap25DHead(Latent25DHead):
    """Computes poses from latent heat maps: 2K maps, K in the image and K of depths (Iqbal et al. 2018).

    H_k = softmax(beta_k H*_k) over the map; (x_k, y_k) is the mean place under H_k, and Z^r_k the mean under it of the
    k-th depth map. No map has a target of its own.

    Args:
        codec (dict): Config of ``Latent25D``.
        num_stages (int): Number of stages of maps of the backbone; each has a loss, the last one is the prediction.
            Defaults to 1.
        beta (float): Initial value of the learnable temperatures, one per joint and stage: 1 would be nearly uniform,
            with every joint at the centre. Defaults to 10.0.
        loss (dict): Config of the loss between predicted and true poses. Defaults to dict(type='PoseL1Loss').
        init_cfg (dict | list, optional): MMEngine initialisation. Defaults to None.

    Raises:
        ValueError: If there is no stage, or the maps are not (B, 42, h, w) of each stage.
    """

    def __init__(
        self,
        codec: dict,
        num_stages: int = 1,
        beta: float = 10.0,
        loss: dict = dict(type='PoseL1Loss'),  # noqa: B006 (never changed)
        init_cfg: dict | list | None = None,
    ) -> None:
        super().__init__(codec, loss, init_cfg)
        if num_stages < 1:
            raise ValueError(f'Heatmap25DHead: num_stages must be at least 1, found {num_stages!r}')
        self.beta = nn.Parameter(torch.full((num_stages, NUM_JOINTS), beta))

    def forward(self, feats: tuple[Tensor, ...]) -> list[Tensor]:
        """Return the 2.5D pose (x, y, Z^r), shape (B, 21, 3), of each stage, in the normalised frame of ``Latent25D``.

        Args:
            feats: Maps of each stage, shape (B, 42, h, w), covering the crop: 21 in the image, then 21 of depth.
        """
        shapes = [tuple(maps.shape[1:2]) for maps in feats]
        if shapes != [(2 * NUM_JOINTS,)] * len(self.beta):
            raise ValueError(
                f'Heatmap25DHead takes {2 * NUM_JOINTS} maps of {len(self.beta)} stages, found '
                f'{[tuple(maps.shape) for maps in feats]}: num_stages must fit the backbone'
            )
        return [self.with_root(soft_pose(maps, beta)) for maps, beta in zip(feats, self.beta)]

    def pose_of(self, output: list[Tensor]) -> Tensor:
        """Return the last stage's pose (B, 21, 3), normalised, in the codec's frame."""
        return output[-1]

    def loss(self, feats: tuple[Tensor, ...], data_samples: list) -> dict[str, Tensor]:
        """Return ``loss_reg`` of the last stage, Loss_pos^stu of EKD, Eq. 4; and ``loss_reg_stage1``... of the others.

        Args:
            feats: Maps of each stage, shape (B, 42, h, w), covering the crop.
            data_samples: One ``PoseDataSample`` per image, with joints in px of the network's input and in mm.
        """
        *before, last = self(feats)
        self.learn_bones(data_samples, last.device)
        losses = {'loss_reg': self.joint_loss(last, data_samples)}
        for i, pose in enumerate(before, start=1):
            losses[f'loss_reg_stage{i}'] = self.joint_loss(pose, data_samples)
        return losses


def soft_pose(maps: Tensor, beta: Tensor) -> Tensor:
    """Return the mean places and depths under spatial softmaxes, float32.

    Args:
        maps: H*, shape (B, 2 K, h, w), covering the crop: K maps of places, then K of depths.
        beta: Temperatures, shape (K,).

    Returns:
        (x, y, Z^r), shape (B, K, 3), x and y normalised: -1 at the maps' left (upper) edge, 1 at the right (lower) one.
    """
    places, depths = maps.float().chunk(2, 1)
    shares = (places * beta[:, None, None]).flatten(2).softmax(-1).unflatten(2, places.shape[2:])
    x, y = (
        (shares.sum(other) * (torch.arange(0.5, size, device=maps.device) * (2 / size) - 1)).sum(-1)
        for other, size in ((2, maps.shape[3]), (3, maps.shape[2]))
    )
    return torch.stack([x, y, (shares * depths).flatten(2).sum(-1)], -1)
