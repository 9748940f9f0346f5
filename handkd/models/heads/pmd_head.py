"""The regression head of PMD-Net: three sub-networks for X, Y and Z, and the refine module."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from handkd.hand import NUM_JOINTS
from handkd.registry import MODELS

from ..initialisation import own_random_numbers
from ..mlp import mlp
from .xyz_head import XYZHead

AXES = ('x', 'y', 'z')


class PMDPrediction(NamedTuple):
    """Output of :class:`PMDHead`, in the codec's normalised frame.

    Attributes:
        xyz: The final prediction, shape (B, 21, 3).
        coarse: The prediction before refinement, shape (B, 21, 3); None without the refine module.
    """

    xyz: Tensor
    coarse: Tensor | None


@MODELS.register_module()
class PMDHead(XYZHead):
    """Regresses root-relative joints from a feature vector (PMD-Net, sections 3.1 and 3.3).

    The sub-networks are ``branches.x``, ``.y``, ``.z`` (or the one ``branches.xyz``), each ``fc1``, ``relu1``, ``fc2``,
    ``relu2``, ``fc3``: layer -2 of Eq. 3 is ``branches.x.relu2``, layer -1 is ``branches.x.fc3``.

    Args:
        in_channels (int): Length D of the feature vector.
        codec (dict): Config of the codec between millimetres and the network's output, such as ``RootRelativeXYZ``.
        hidden (tuple[int, ...]): Widths of the hidden layers. Defaults to (256, 64), the paper's.
        separate (bool): Whether X, Y and Z have one sub-network each; False is the paper's ablation 'without 3
            sub-networks'. Defaults to True.
        refine (bool): Whether a fourth network of the same widths adds a residual (Fig. 3). Defaults to False.
        beta (float): Weight of the loss before refinement, beta of Eq. 6. Defaults to 0.5, the paper's best.
        loss (dict): Config of the loss between predicted and true coordinates. Defaults to
            dict(type='PoseNormLoss').
        init_cfg (dict, optional): MMEngine initialisation. Defaults to None.
    """

    def __init__(
        self,
        in_channels: int,
        codec: dict,
        hidden: tuple[int, ...] = (256, 64),
        separate: bool = True,
        refine: bool = False,
        beta: float = 0.5,
        loss: dict = dict(type='PoseNormLoss'),  # noqa: B006 (never changed)
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(codec, loss, init_cfg)
        self.beta = beta
        outputs = dict.fromkeys(AXES, NUM_JOINTS) if separate else {'xyz': NUM_JOINTS * 3}
        self.branches = nn.ModuleDict({name: mlp([in_channels, *hidden, out]) for name, out in outputs.items()})
        with own_random_numbers('refine'):
            self.refine = mlp([in_channels, *hidden, NUM_JOINTS * 3]) if refine else None

    def forward(self, feats: Tensor | tuple[Tensor, ...]) -> PMDPrediction:
        """Predict joints.

        Args:
            feats: Feature vectors of the crop, any unit, shape (B, D), or a tuple whose last item they are.
        """
        feat = feats[-1] if isinstance(feats, (tuple, list)) else feats
        out = {name: branch(feat) for name, branch in self.branches.items()}
        if 'xyz' in out:
            xyz = out['xyz'].unflatten(1, (NUM_JOINTS, 3))
        else:
            xyz = torch.stack([out[axis] for axis in AXES], dim=-1)
        if self.refine is None:
            return PMDPrediction(xyz, None)
        return PMDPrediction(xyz + self.refine(feat).unflatten(1, (NUM_JOINTS, 3)), xyz)

    def pose_of(self, output: PMDPrediction) -> Tensor:
        """Return the final joints (B, 21, 3), normalised, in the codec's frame."""
        return output.xyz

    def loss(self, feats: Tensor | tuple[Tensor, ...], data_samples: list) -> dict[str, Tensor]:
        """Return the losses of Eq. 2, 4 and 6 against the samples' ``keypoints_cam``, normalised by the codec.

        Args:
            feats: Feature vectors of the crop, shape (B, D), or a tuple whose last item they are.
            data_samples: One ``PoseDataSample`` per image.

        Returns:
            ``loss_reg``, and with the refine module ``loss_reg_coarse``, multiplied by beta.
        """
        pred = self(feats)
        losses = {'loss_reg': self.joint_loss(pred.xyz, data_samples)}
        if pred.coarse is not None:
            losses['loss_reg_coarse'] = self.beta * self.joint_loss(pred.coarse, data_samples)
        return losses
