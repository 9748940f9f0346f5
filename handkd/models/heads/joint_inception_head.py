"""Joints from depth and a map of the hand's parts."""

from __future__ import annotations

from torch import Tensor

from handkd.registry import MODELS

from ..joint_inceptions import INPUT_SIZE, MAP_SIZE, JointInceptions
from ..subtracted_depth import add_depth
from .cube_head import CubeHead
from .part_masks import PartMasks, part_masks, part_table


@MODELS.register_module()
class JointInceptionHead(CubeHead):
    """One inception network per joint, with a branch on the region of the joint's parts (Neverova et al. 2017, sec. 4).

    Its input is the output of ``SegmentedDepth``, whose subtracted depth is added to z at a joint's predicted place.
    Without a part map no branch is masked, and the networks see depth alone: the paper's baseline (a). The output is
    joints in the cube of ``MetricCube``.

    Args:
        codec (dict): Config of ``MetricCube``.
        joints (str): 'hand' for the 21 joints; 'nyu' for the 14 of NYU used in published figures, as labelled in that
            data set. Defaults to 'hand'.
        shared (bool): Whether all joints share the layers up to the last. Defaults to False: individual networks "do
            perform better".
        hidden (int): Width of each network's fully connected layer. Defaults to 1200.
        opening (int): Side of the square that opens the masks, in px of the part map; 1 for no opening. Defaults to 3.
        loss (dict): Config of the loss between predicted and true joints. Defaults to dict(type='PoseSquaredLoss'),
            under which the joints' networks are independent of one another.
        init_cfg (dict | list, optional): MMEngine initialisation. Defaults to None.

    Raises:
        ValueError: If there is no such set of joints, or the opening is even.
    """

    def __init__(
        self,
        codec: dict,
        joints: str = 'hand',
        shared: bool = False,
        hidden: int = 1200,
        opening: int = 3,
        loss: dict = dict(type='PoseSquaredLoss'),  # noqa: B006 (never changed)
        init_cfg: dict | list | None = None,
    ) -> None:
        super().__init__(codec, joints, loss, init_cfg)
        if opening < 1 or opening % 2 == 0:
            raise ValueError(f'JointInceptionHead: opening must be odd, found {opening!r}')
        self.opening = opening
        self.register_buffer('table', part_table(self.joints.parts), persistent=False)
        self.networks = JointInceptions(len(self.table), shared, hidden)

    def forward(self, feats: tuple[Tensor, Tensor | None, Tensor | None]) -> Tensor:
        """Predict joints.

        Args:
            feats: Depth (B, 1, 24, 24); the part map (B, 1, H, W), uint8, or None; and the depth to be added to z at
                each place (B, 1, H, W), or None.

        Returns:
            Joints in the cube, shape (B, J, 3).

        Raises:
            ValueError: If depth has another size.
        """
        return self._run(feats)[0]

    def _run(self, feats: tuple[Tensor, Tensor | None, Tensor | None]) -> tuple[Tensor, PartMasks | None]:
        depth, parts, added = feats
        if tuple(depth.shape[1:]) != (1, INPUT_SIZE, INPUT_SIZE):
            raise ValueError(
                f'JointInceptionHead takes depth {(1, INPUT_SIZE, INPUT_SIZE)}, found {tuple(depth.shape[1:])}: '
                f'the crop must have {2 * INPUT_SIZE}x{2 * INPUT_SIZE} px, of which SegmentedDepth makes that'
            )
        if parts is None:
            return add_depth(self.networks(depth, None), added), None
        masks = part_masks(parts, self.table, MAP_SIZE, self.opening)
        return add_depth(self.networks(depth, masks.masks), added), masks

    def loss(self, feats: tuple[Tensor, Tensor | None, Tensor | None], data_samples: list) -> dict[str, Tensor]:
        """Return ``loss_reg``; and for the log ``masks_unopened`` and ``masks_empty``, with a part map only.

        These are the shares of part regions that opening would have deleted, and of masks that are empty.

        Args:
            feats: As in :meth:`forward`: depth of the crop (B, 1, 24, 24), part map (B, 1, H, W), uint8, and added
                depth (B, 1, H, W).
            data_samples: One ``PoseDataSample`` per image, with joints, the crop's camera and ``depth_cube``.
        """
        pose, masks = self._run(feats)
        losses = {'loss_reg': self.joint_loss(pose, data_samples)}
        if masks is not None:
            losses |= dict(masks_unopened=masks.unopened, masks_empty=masks.empty)
        return losses
