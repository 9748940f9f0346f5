"""The last transform: from the sample dict to what a model takes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from mmcv.transforms import BaseTransform
from mmengine.structures import InstanceData, PixelData
from mmpose.structures import PoseDataSample

from handkd.registry import TRANSFORMS

from .sample import check_choice, check_sample, require, sample_name

_KEYS = {'rgb': 'img', 'depth': 'depth'}
"""Key in the sample of each modality."""
_FIELDS = ('hand_mask', 'part_seg')
_INSTANCE_KEYS = {
    'keypoints': 'keypoints',
    'keypoints_visible': 'keypoints_visible',
    'keypoints_valid': 'keypoints_valid',
    'keypoints_cam': 'keypoints_cam',
    'bbox': 'bboxes',
}
"""Name under ``gt_instances`` of each label; MMPose's where it has one."""


@TRANSFORMS.register_module()
class PackHandInputs(BaseTransform):
    """Packs a sample into network inputs and one ``PoseDataSample``.

    ``gt_instances`` gets the labels that are there, as float32 arrays with a leading dimension of 1: ``keypoints``,
    ``keypoints_cam``, ``keypoints_visible`` (seen in the image), ``keypoints_valid`` (labelled at all; coordinates of
    the others are 0, see :func:`handkd.datasets.transforms.check_sample`), ``bboxes``.

    Args:
        modalities (Sequence[str]): What the network gets: 'rgb', 'depth' or both. Defaults to ('rgb',).
        fields (Sequence[str]): Which of 'hand_mask' and 'part_seg' go to ``gt_fields``. Defaults to ().
        meta_keys (Sequence[str]): Which keys go to the meta information where they are there. Defaults to
            ``PackHandInputs.META_KEYS``.

    Raises:
        ValueError: If there is no such modality or field, or no modality.
    """

    META_KEYS = ('img_id', 'img_path', 'hand_side', 'camera', 'img_shape', 'ori_shape', 'warp_matrix', 'depth_cube')

    def __init__(
        self,
        modalities: Sequence[str] = ('rgb',),
        fields: Sequence[str] = (),
        meta_keys: Sequence[str] = META_KEYS,
    ) -> None:
        if isinstance(modalities, str) or not modalities:
            raise ValueError(f"PackHandInputs: modalities must be a tuple such as ('rgb',), found {modalities!r}")
        for name in modalities:
            check_choice('PackHandInputs(modalities=...)', name, tuple(_KEYS))
        for name in fields:
            check_choice('PackHandInputs(fields=...)', name, _FIELDS)
        self.modalities, self.fields, self.meta_keys = tuple(modalities), tuple(fields), tuple(meta_keys)

    def transform(self, results: dict) -> dict:
        """Pack a sample.

        Returns:
            ``inputs``: modality -> tensor, 'rgb' uint8 (3, H, W), BGR, a view of the image; 'depth' float32 (1, H, W).
            ``data_samples``: the PoseDataSample.

        Raises:
            ValueError: If an input is missing or has a wrong type or shape, a label is malformed (check_sample), or a
                chosen crop was never cut; names the sample.
        """
        if 'crop' in results:
            raise ValueError('PackHandInputs: HandCrop chose a crop that nothing has cut; put WarpCrop behind it')
        require(results, self, *(_KEYS[name] for name in self.modalities), *self.fields)
        check_sample(results)
        data_sample = PoseDataSample()
        # set_field, and not set_metainfo or plain attributes, which copy deeply and check lengths: 60 us a sample.
        for key in self.meta_keys:
            if key in results:
                data_sample.set_field(results[key], key, field_type='metainfo')
        labels = InstanceData()
        for key, name in _INSTANCE_KEYS.items():
            if results.get(key) is not None:
                labels.set_field(results[key], name)
        data_sample.gt_instances = labels
        if self.fields:
            data_sample.gt_fields = PixelData(
                **{key: torch.from_numpy(np.ascontiguousarray(results[key])[None]) for key in self.fields}
            )
        return dict(inputs={name: self._tensor(results, name) for name in self.modalities}, data_samples=data_sample)

    @staticmethod
    def _tensor(results: dict, modality: str) -> torch.Tensor:
        pixels = results[_KEYS[modality]]
        dtype, ndim = (np.uint8, 3) if modality == 'rgb' else (np.float32, 2)
        if pixels.dtype != dtype or pixels.ndim != ndim or (ndim == 3 and pixels.shape[2] != 3):
            wanted = '(H, W, 3) uint8' if modality == 'rgb' else '(H, W) float32'
            raise ValueError(
                f'{sample_name(results)}: {_KEYS[modality]!r} must be {wanted}, found {pixels.shape} {pixels.dtype}'
            )
        tensor = torch.from_numpy(np.ascontiguousarray(pixels))
        return tensor.permute(2, 0, 1) if modality == 'rgb' else tensor[None]
