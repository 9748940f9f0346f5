"""Correction of joints by the depth around each of them."""

from __future__ import annotations

from torch import Tensor, nn

from handkd.registry import MODELS

from ..joint_inceptions import INPUT_SIZE, JointInceptions
from .cube_head import CubeHead


@MODELS.register_module()
class JointCascadeHead(CubeHead):
    """Second step of a cascade: one inception network per joint predicts the offset from the first estimate.

    Baseline (b) of Neverova et al. 2017 (Table 4), "similar in architecture" to (a): the networks are those of
    ``JointInceptionHead`` without masks. Its input is the output of ``CoarseJoints``. The offsets are initially 0, so
    training starts at the first network's error. The output is joints in the cube of ``MetricCube``.

    Args:
        codec (dict): Config of ``MetricCube``.
        joints (str): 'hand' for the 21 joints, 'nyu' for the 14 of NYU, as in the first network. Defaults to 'hand'.
        shared (bool): Whether all joints share the layers up to the last. Defaults to False.
        hidden (int): Width of each network's fully connected layer. Defaults to 1200.
        loss (dict): Config of the loss between corrected and true joints. Defaults to dict(type='PoseSquaredLoss').
        init_cfg (dict | list, optional): MMEngine initialisation. Defaults to None.

    Raises:
        ValueError: If there is no such set of joints.
    """

    def __init__(
        self,
        codec: dict,
        joints: str = 'hand',
        shared: bool = False,
        hidden: int = 1200,
        loss: dict = dict(type='PoseSquaredLoss'),  # noqa: B006 (never changed)
        init_cfg: dict | list | None = None,
    ) -> None:
        super().__init__(codec, joints, loss, init_cfg)
        self.networks = JointInceptions(len(self.joints.parts), shared, hidden, own_images=True)
        nn.init.zeros_(self.networks.output.weight)
        nn.init.zeros_(self.networks.output.bias)

    def forward(self, feats: tuple[Tensor, Tensor]) -> Tensor:
        """Correct joints.

        Args:
            feats: Each joint's window of depth (B, J, 24, 24), and the first estimate in the cube (B, J, 3).

        Returns:
            Joints in the cube, shape (B, J, 3).

        Raises:
            ValueError: If the windows have another number or size.
        """
        windows, coarse = feats
        expected = (self.networks.joints, INPUT_SIZE, INPUT_SIZE)
        if tuple(windows.shape[1:]) != expected:
            raise ValueError(
                f'JointCascadeHead takes windows {expected}, found {tuple(windows.shape[1:])}: both steps of a cascade '
                'must have the same `joints`'
            )
        return coarse + self.networks(windows, None)

    def loss(self, feats: tuple[Tensor, Tensor], data_samples: list) -> dict[str, Tensor]:
        """Return ``loss_reg``, the loss of the joints in the cube, -1 to 1.

        Args:
            feats: As in :meth:`forward`: windows (B, J, 24, 24), and the first estimate (B, J, 3).
            data_samples: One ``PoseDataSample`` per image, with joints, the crop's camera and ``depth_cube``.
        """
        return {'loss_reg': self.joint_loss(self(feats), data_samples)}
