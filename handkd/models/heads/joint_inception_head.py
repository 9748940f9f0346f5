"""Joints from depth and from a map of the hand's parts."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from handkd.hand import JOINT_INDEX, JOINT_PARTS
from handkd.hints import did_you_mean
from handkd.registry import MODELS

from ..joint_inceptions import INPUT_SIZE, MAP_SIZE, JointInceptions
from ..part_masks import PartMasks, part_masks, part_table
from ..targets import stack_cameras, stack_cubes, stack_joints, stack_native_joints
from .pose_head import PoseHead


class JointSet(NamedTuple):
    """Joints that have networks.

    Attributes:
        parts: Of each joint the parts that it is looked for in.
        native: Indices of the joints among those of their data set; None for the hand's 21.
    """

    parts: tuple[tuple[int, ...], ...]
    native: tuple[int, ...] | None


_NYU_NEAREST = (
    *(f'{finger}_{joint}' for finger in ('little', 'ring', 'middle', 'index') for joint in ('tip', 'pip')),
    'thumb_tip', 'thumb_ip', 'thumb_mcp', 'wrist', 'wrist', 'wrist',
)  # fmt: skip

JOINT_SETS: dict[str, JointSet] = {
    'hand': JointSet(JOINT_PARTS, None),
    'nyu': JointSet(
        tuple(JOINT_PARTS[JOINT_INDEX[name]] for name in _NYU_NEAREST),
        (0, 3, 6, 9, 12, 15, 18, 21, 24, 25, 27, 30, 31, 32),
    ),
}
"""The hand's 21 joints, and the 14 of NYU's 36 that published figures are about.

A joint has the parts of the bones that meet in it. NYU's 14 have those of the nearest of the 21: tip and middle joint
of each finger, three of the thumb, and the whole palm for both sides of the wrist and the palm.
"""


@MODELS.register_module()
class JointInceptionHead(PoseHead):
    """One inception network a joint, which looks once more at the joint's parts (Neverova et al. 2017, section 4).

    Its input is that of ``SegmentedDepth``. Without a map of parts no branch is masked, and the networks see depth
    alone: the paper's baseline (a). The output are joints in the cube of ``MetricCube``.

    Args:
        codec (dict): Config of ``MetricCube``.
        joints (str): 'hand' for the 21 joints; 'nyu' for the 14 of NYU that published figures are about, as that data
            set labels them. Defaults to 'hand'.
        shared (bool): Whether all joints share the layers up to the last. Defaults to False: individual networks "do
            perform better".
        hidden (int): Width of each network's fully connected layer. Defaults to 1200.
        opening (int): Side of the square that opens the masks, in px of the map of parts; 1 opens nothing. Defaults to
            3.
        loss (dict): Config of the loss between predicted and true joints. Defaults to dict(type='PoseSquaredLoss'),
            under which the joints' networks do not know of one another.
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
        super().__init__(codec, loss, init_cfg)
        if joints not in JOINT_SETS:
            raise ValueError(f'JointInceptionHead: no joints {joints!r}; {did_you_mean(joints, JOINT_SETS)}')
        if opening < 1 or opening % 2 == 0:
            raise ValueError(f'JointInceptionHead: opening must be odd, found {opening!r}')
        self.opening, self.native = opening, JOINT_SETS[joints].native
        self.register_buffer('table', part_table(JOINT_SETS[joints].parts), persistent=False)
        self.networks = JointInceptions(len(self.table), shared, hidden)

    def forward(self, feats: tuple[Tensor, Tensor | None]) -> Tensor:
        """Predict joints.

        Args:
            feats: Depth (B, 1, 24, 24), and the map of parts (B, 1, H, W), uint8, or None.

        Returns:
            Joints in the cube, shape (B, J, 3).

        Raises:
            ValueError: If depth has another size.
        """
        return self._run(feats)[0]

    def _run(self, feats: tuple[Tensor, Tensor | None]) -> tuple[Tensor, PartMasks | None]:
        depth, parts = feats
        if tuple(depth.shape[1:]) != (1, INPUT_SIZE, INPUT_SIZE):
            raise ValueError(
                f'JointInceptionHead takes depth {(1, INPUT_SIZE, INPUT_SIZE)}, found {tuple(depth.shape[1:])}: '
                f'the crop must have {2 * INPUT_SIZE}x{2 * INPUT_SIZE} px, of which SegmentedDepth makes that'
            )
        if parts is None:
            return self.networks(depth, None), None
        masks = part_masks(parts, self.table, MAP_SIZE, self.opening)
        return self.networks(depth, masks.masks), masks

    def loss(self, feats: tuple[Tensor, Tensor | None], data_samples: list) -> dict[str, Tensor]:
        """Return ``loss_reg``; and for the log the shares of masks that opening would have emptied or that are empty.

        These are ``masks_unopened`` and ``masks_empty``, with a map of parts only.
        """
        pose, masks = self._run(feats)
        losses = {'loss_reg': self.joint_loss(pose, data_samples)}
        if masks is not None:
            losses |= dict(masks_unopened=masks.unopened, masks_empty=masks.empty)
        return losses

    def encode_samples(self, data_samples: list, device: torch.device) -> tuple[Tensor, Tensor]:
        """Return the true joints in the cube (B, J, 3), and which have a label (B, J)."""
        if self.native is None:
            joints, valid = stack_joints(data_samples, device)
        else:
            joints, valid = (part[:, self.native] for part in stack_native_joints(data_samples, device))
        return self.codec.encode(joints, *self._cubes(data_samples, device)), valid

    def in_space(self, pose: Tensor, data_samples: list) -> Tensor:
        """Return joints in the cube (B, J, 3) in mm, camera frame. No label is needed."""
        return self.codec.decode(pose.float(), *self._cubes(data_samples, pose.device))

    def _cubes(self, data_samples: list, device: torch.device) -> tuple[Tensor, Tensor]:
        """The cubes' centres (B, 3) and edges (B,), mm."""
        depth, edge = stack_cubes(data_samples, device)
        return self.codec.center(stack_cameras(data_samples, device), depth), edge

    def joints_of(self, pose: Tensor, data_samples: list) -> dict[str, Tensor]:
        """Return predicted joints as ``pred_instances`` hold them.

        Args:
            pose: Shape (B, J, 3).
            data_samples: One ``PoseDataSample`` an image, with the crop's camera and ``depth_cube``.

        Returns:
            ``keypoints_cam`` (B, 21, 3), mm, camera frame, with nothing of the truth in it but where the cube is; for
            ``HandKeypointMetric(root=None, scale='pred')``, or with a root. Of NYU's joints ``keypoints_cam_native``
            (B, 14, 3).
        """
        name = 'keypoints_cam' if self.native is None else 'keypoints_cam_native'
        return {name: self.in_space(pose, data_samples)}
