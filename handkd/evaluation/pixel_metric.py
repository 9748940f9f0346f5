"""Metric of 2D joints, for configs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from handkd.geometry import original_pixels
from handkd.hand import JOINTS
from handkd.registry import METRICS

from .functional import AucRule
from .joint_metric import JointMetric
from .protocols import PIXELS, Protocol


@METRICS.register_module()
class HandPixelMetric(JointMetric):
    """Mean and median end-point error and area under the PCK curve of 2D joints, in pixels of the original image.

    Predictions ``keypoints`` and labels ``gt_instances.keypoints`` are in pixels of the network's input; both are
    converted to the original image by the sample's ``warp_matrix`` (a sample without one is the original image).
    Nothing is aligned, and no 3D label is needed. Mean, median and PCK are taken per joint and then averaged over the
    joints, and only visible joints count (Zimmermann and Brox 2017, 2D evaluation), the defaults here. Joints whose
    ``gt_instances.keypoints_valid`` is 0 never count, so that a set with labels of the fingertips alone is measured on
    these. The numbers are ``px_21j-visible/EPE_mean`` and so on; if joint 0 is the palm's centre the name contains it,
    ``px_21j-joint0=palm-visible``.

    Args:
        joints (Sequence[str], optional): The joints that count. Defaults to None: all of them.
        visible_only (bool): Whether only joints whose ``gt_instances.keypoints_visible`` is not 0 count.
            Defaults to True.
        auc (tuple): First and last threshold in px, their number and, unless it is 'trapz', the rule of
            :class:`AucRule`. Defaults to (0, 30, 20), as in Zimmermann and Brox.
        joint_table (bool): Whether to log a table of each joint's errors. Defaults to False.
        dump (str, optional): ``.npz`` file for the predictions, for plots. Defaults to None.
        collect_device (str): As in MMEngine. Defaults to 'cpu'.
        prefix (str, optional): Put before each number's name, which begins with its protocol. Defaults to None.

    Raises:
        ValueError: If a joint or the AUC's numbers are invalid.
    """

    def __init__(
        self,
        joints: Sequence[str] | None = None,
        visible_only: bool = True,
        auc: tuple = (0, 30, 20),
        joint_table: bool = False,
        dump: str | None = None,
        collect_device: str = 'cpu',
        prefix: str | None = None,
    ) -> None:
        super().__init__((AucRule(*auc),), joint_table, dump, collect_device, prefix)
        self.counted = None if joints is None else tuple(joints)
        self.visible_only = visible_only
        self.protocol  # noqa: B018 (raises where a joint is wrong)

    @property
    def protocol(self) -> Protocol:
        """The protocol on the data set at hand: the joints that count.

        Raises:
            ValueError: If one does not exist there, such as the wrist if joint 0 is the palm's centre.
        """
        return Protocol(
            'absolute', joints=(self.joint0, *JOINTS[1:]), counted=self.counted, visible_only=self.visible_only
        )

    @property
    def protocol_name(self) -> str:
        """Name of the protocol, with 'px' in place of an alignment."""
        return self.protocol.name.replace('abs_', PIXELS, 1)

    def compare(self, sample: dict, protocol: Protocol) -> dict[str, np.ndarray]:
        """Convert a sample's joints to pixels of the original image; see :meth:`JointMetric.compare`.

        Raises:
            ValueError: If the sample lacks something or its prediction is not finite.
        """
        warp = np.asarray(sample.get('warp_matrix', np.eye(3)))
        pred, target = self.read_prediction(sample, 'keypoints'), self.read_truth(sample, 'keypoints')
        _, counts = self.find_joints(sample, protocol)
        return dict(pred=original_pixels(pred[0], warp), target=original_pixels(target[0], warp), valid=counts[0])
