"""The last transform: from the sample dict to what a model takes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from mmcv.transforms import BaseTransform
from mmengine.structures import BaseDataElement, InstanceData, PixelData
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
    'keypoints_native': 'keypoints_native',
    'keypoints_cam_native': 'keypoints_cam_native',
    'bbox': 'bboxes',
}
"""Name under ``gt_instances`` of each label; MMPose's where it has one."""


@TRANSFORMS.register_module()
class PackHandInputs(BaseTransform):
    """Packs a sample into network inputs and one ``PoseDataSample``.

    ``gt_instances`` gets the labels that are there, as float32 arrays with a leading dimension of 1: ``keypoints``,
    ``keypoints_cam``, ``keypoints_visible`` (seen in the image), ``keypoints_valid`` (labelled at all; coordinates of
    the others are 0, see :func:`handkd.datasets.transforms.check_sample`), ``bboxes``; and of a data set with other
    joints than the 21 those as labelled, ``keypoints_native`` (1, K, 2) and ``keypoints_cam_native`` (1, K, 3).

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
        labels = _filled(
            InstanceData(), {n: results[k] for k, n in _INSTANCE_KEYS.items() if results.get(k) is not None}
        )
        data_sample = _filled(PoseDataSample(), dict(_gt_instances=labels))
        _filled(data_sample, {key: results[key] for key in self.meta_keys if key in results}, '_metainfo_fields')
        if self.fields:
            maps = {key: torch.from_numpy(np.ascontiguousarray(results[key])[None]) for key in self.fields}
            _filled(data_sample, dict(_gt_fields=_filled(PixelData(), maps)))
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


def _filled(element: BaseDataElement, values: dict, names: str = '_data_fields') -> BaseDataElement:
    """Put values into one of MMEngine's data elements, as its ``set_field`` does one by one.

    ``set_field`` compares lengths and copies and checks again what has just been checked here: half of the time.
    """
    vars(element).update(values)
    vars(element)[names].update(values)
    vars(element)[names].update(key[1:] for key in values if key[0] == '_')  # a property stands under both names
    return element
