"""The metric of hand joints that configs name."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from mmengine.evaluator import BaseMetric

from handkd.codecs import RootRelativeXYZ
from handkd.hand import JOINTS, NUM_JOINTS, joint_index
from handkd.registry import METRICS

from .functional import AucRule, auc, epe
from .predictions import HandPredictions

ZB_LEGACY = AucRule(0, 50, 20, 'zb_legacy')


@METRICS.register_module()
class HandKeypointMetric(BaseMetric):
    """Mean and median end-point error and area under the PCK curve of the 21 joints, in mm.

    Each number's name carries its protocol: ``rel-middle_mcp_gt-scale_21j/EPE_mean`` is relative to the middle
    finger's base, at the true scale, over all 21 joints. Mean and median are taken per joint and then averaged over the
    joints (Zimmermann and Brox). Joints whose ``gt_instances.keypoints_valid`` is 0 don't count.

    Args:
        root (str): Joint that is put on the true one. Defaults to 'middle_mcp'.
        scale (str): 'gt' takes the normalised prediction ``keypoints_xyz`` to mm with the true length of
            ``scale_bone``; the predicted root is not moved, so its error counts (PMD-Net, section 4.2). 'pred' takes
            the millimetres of ``keypoints_cam`` and shifts its root onto the true one. Defaults to 'gt'.
        scale_bone (tuple[str, str]): Bone whose length is the unit of ``keypoints_xyz``.
            Defaults to ('wrist', 'middle_mcp').
        auc (tuple[float, float, int]): First and last threshold in mm and their number. Defaults to (20, 50, 100).
        zb_legacy (bool): Whether to add the '20-50 mm' AUC of Z&B's published code, whose thresholds are in fact
            21.05 to 50 mm. Defaults to False.
        dump (str, optional): ``.npz`` file for the predictions, for plots. Defaults to None.
        collect_device (str): As in MMEngine. Defaults to 'cpu'.
        prefix (str, optional): Before each number's name. Defaults to None: the protocol's name.

    Raises:
        ValueError: If ``scale``, a joint or the AUC's numbers make no sense.
    """

    def __init__(
        self,
        root: str = 'middle_mcp',
        scale: str = 'gt',
        scale_bone: tuple[str, str] = ('wrist', 'middle_mcp'),
        auc: tuple[float, float, int] = (20, 50, 100),
        zb_legacy: bool = False,
        dump: str | None = None,
        collect_device: str = 'cpu',
        prefix: str | None = None,
    ) -> None:
        if scale not in ('gt', 'pred'):
            raise ValueError(f"HandKeypointMetric: scale must be 'gt' or 'pred', found {scale!r}")
        self.root, self.scale = joint_index(root), scale
        self.protocol = f'rel-{JOINTS[self.root]}_{scale}-scale_{NUM_JOINTS}j'
        super().__init__(collect_device, prefix or self.protocol)
        self.codec = RootRelativeXYZ(root=root, scale_bone=scale_bone)
        self.rules = [AucRule(*auc), *([ZB_LEGACY] if zb_legacy else [])]
        self.dump = None if dump is None else Path(dump)

    def process(self, data_batch: dict, data_samples: Sequence[dict]) -> None:
        """Align each prediction with its ground truth and keep both.

        Args:
            data_batch: Not used.
            data_samples: Samples as dicts, with ``pred_instances`` of :class:`HandPoseEstimator` and
                ``gt_instances.keypoints_cam`` (1, 21, 3) in mm.

        Raises:
            ValueError: If a sample lacks something or its prediction is not finite; names the sample.
        """
        for sample in data_samples:
            name = sample.get('img_path') or f'img_id {sample.get("img_id")}'
            gt = sample['gt_instances']
            target = np.asarray(_get(gt, 'keypoints_cam', f'{name}: the ground truth'), np.float64)
            key = 'keypoints_xyz' if self.scale == 'gt' else 'keypoints_cam'
            pred = np.asarray(_get(sample['pred_instances'], key, f'{name}: the prediction'), np.float64)
            if not np.isfinite(pred).all():
                raise ValueError(
                    f'{name}: the predicted {key} are not finite: the training diverged, so lower the learning rate, '
                    'or train without amp'
                )
            valid = np.asarray(gt.get('keypoints_valid', np.ones((1, NUM_JOINTS)))) > 0
            self.results.append(
                dict(
                    pred=self._place(pred, target, valid)[0],
                    target=target[0],
                    valid=valid[0],
                    img_ids=sample.get('img_id', -1),
                )
            )

    def _place(self, pred: np.ndarray, target: np.ndarray, valid: np.ndarray) -> np.ndarray:
        """Take predicted joints to mm with their root where the true one is."""
        if self.scale == 'gt':
            _, root, scale = self.codec.encode(target, valid)
            return self.codec.decode(pred, scale, root)
        return pred - pred[:, [self.root]] + target[:, [self.root]]

    def compute_metrics(self, results: list[dict]) -> dict[str, float]:
        """Return ``EPE_mean`` and ``EPE_median`` in mm, and each area under the PCK curve, from 0 to 1.

        Raises:
            ValueError: If there is no sample.
        """
        if not results:
            raise ValueError(
                'HandKeypointMetric has nothing to evaluate: the data set of this split is empty '
                '(check its length, its paths and its filters)'
            )
        arrays = {key: np.stack([result[key] for result in results]) for key in results[0]}
        predictions = HandPredictions(**arrays, protocol=self.protocol)
        if self.dump is not None:
            predictions.save(self.dump)
        errors = predictions.errors
        error = epe(errors)
        areas = {rule.name: auc(errors, rule) for rule in self.rules}
        return dict(EPE_mean=error.mean, EPE_median=error.median, **areas)


def _get(instances: dict, key: str, owner: str) -> np.ndarray:
    if key not in instances:
        raise ValueError(f'{owner} has no {key!r} among {sorted(instances)}: HandKeypointMetric needs it')
    return instances[key]
