"""What all heads that regress root-relative joints have in common: the codec, the target, and the way back to mm."""

from __future__ import annotations

from collections import OrderedDict

from mmengine.model import BaseModule
from torch import Tensor, nn

from handkd.registry import KEYPOINT_CODECS, MODELS

from ..targets import stack_joints


def mlp(channels: list[int]) -> nn.Sequential:
    """Fully connected layers named ``fc1``, ``relu1``, ``fc2``, ..., with no activation behind the last one."""
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    for i, (cin, cout) in enumerate(zip(channels[:-1], channels[1:]), start=1):
        layers[f'fc{i}'] = nn.Linear(cin, cout)
        if i < len(channels) - 1:
            layers[f'relu{i}'] = nn.ReLU()
    return nn.Sequential(layers)


class XYZHead(BaseModule):
    """Base of the heads whose output are joints (B, 21, 3) in the frame of a codec such as ``RootRelativeXYZ``.

    A subclass computes them in ``forward``.

    Args:
        codec (dict): Config of the codec between millimetres and the network's output.
        loss (dict): Config of the loss, called with predicted and true joints (B, 21, 3) and their validity (B, 21).
        init_cfg (dict | list, optional): MMEngine initialisation. Defaults to None.
    """

    def __init__(self, codec: dict, loss: dict, init_cfg: dict | list | None = None) -> None:
        super().__init__(init_cfg)
        self.codec = KEYPOINT_CODECS.build(codec)
        self.loss_module = MODELS.build(loss)

    def joint_loss(self, xyz: Tensor, data_samples: list) -> Tensor:
        """Return the loss of predicted joints (B, 21, 3) against the samples' ``keypoints_cam``."""
        joints, valid = stack_joints(data_samples, xyz.device)
        target, _, _ = self.codec.encode(joints, valid)
        return self.loss_module(xyz, target, valid)

    def joints_of(self, xyz: Tensor, data_samples: list) -> dict[str, Tensor]:
        """Return predicted joints as ``pred_instances`` hold them.

        Args:
            xyz: Predicted joints, shape (B, 21, 3), in units of the codec's scale bone.
            data_samples: One ``PoseDataSample`` an image.

        Returns:
            ``keypoints_xyz`` (B, 21, 3), the same, float32. Where the batch has ground truth, also ``keypoints_cam``
            (B, 21, 3) in mm, at the true root and scale: the protocol of PMD-Net, section 4.2, and of Yuan et al.,
            section 4. It is left out where a root or scale bone has no label, as with fingertips alone.
        """
        results = dict(keypoints_xyz=xyz.float())
        if all('keypoints_cam' in sample.get('gt_instances', ()) for sample in data_samples):
            joints, valid = stack_joints(data_samples, xyz.device)
            if (valid[:, [self.codec.root, *self.codec.scale_bone]] > 0).all():
                _, root, scale = self.codec.encode(joints, valid)
                results['keypoints_cam'] = self.codec.decode(results['keypoints_xyz'], scale, root)
        return results
