"""The last transform: from the sample dict to the inputs of a model."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from mmengine.structures import BaseDataElement, InstanceData, PixelData
from mmpose.structures import PoseDataSample

from handkd.hints import check_choice
from handkd.registry import TRANSFORMS

from .batch import BatchTransform, SampleBatch
from .mmpose_targets import pack_for_mmpose
from .sample import PICTURE_KEYS, sample_name

_KEYS = {'rgb': 'img', 'depth': 'depth', 'background': 'background'}
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
class PackHandInputs(BatchTransform):
    """Packs a sample into network inputs and one ``PoseDataSample``.

    ``gt_instances`` gets the available labels, as float32 arrays with a leading dimension of 1: ``keypoints``,
    ``keypoints_cam``, ``keypoints_visible`` (visible in the image), ``keypoints_valid`` (labelled; coordinates of
    the others are 0, see :func:`handkd.datasets.transforms.check_sample`), ``bboxes``; and of a data set with other
    joints than the 21 also these, ``keypoints_native`` (1, K, 2) and ``keypoints_cam_native`` (1, K, 3).

    Args:
        modalities (Sequence[str]): Inputs of the network, some of 'rgb', 'depth' and 'background' (of
            LoadBackground). Defaults to ('rgb',).
        fields (Sequence[str]): Which of 'hand_mask' and 'part_seg' go to ``gt_fields``. Defaults to ().
        meta_keys (Sequence[str]): Keys of the meta information; absent ones are left out. Defaults to
            ``PackHandInputs.META_KEYS``.
        mmpose (bool): Whether to add what an estimator of MMPose and its metrics need: the targets of HandTargets, and
            the crop's place (:func:`~handkd.datasets.transforms.mmpose_targets.pack_for_mmpose`). Defaults to False.

    Raises:
        ValueError: If a modality or field is unknown, or there is no modality.
    """

    is_last = True
    cache_effect = 'labels'
    META_KEYS = (
        'img_id', 'img_path', 'hand_side', 'skin_tone', 'camera', 'img_shape', 'ori_shape', 'warp_matrix', 'depth_cube',
        'subject', 'sequence', 'frame', 'view', 'hand_type', 'flip', 'flip_direction',
    )  # fmt: skip

    def __init__(
        self,
        modalities: Sequence[str] = ('rgb',),
        fields: Sequence[str] = (),
        meta_keys: Sequence[str] = META_KEYS,
        mmpose: bool = False,
    ) -> None:
        if isinstance(modalities, str) or not modalities:
            raise ValueError(f"PackHandInputs: modalities must be a tuple such as ('rgb',), found {modalities!r}")
        for name in modalities:
            check_choice(name, tuple(_KEYS), 'PackHandInputs(modalities=...)')
        for name in fields:
            check_choice(name, _FIELDS, 'PackHandInputs(fields=...)')
        self.modalities, self.fields, self.meta_keys = tuple(modalities), tuple(fields), tuple(meta_keys)
        self.mmpose = mmpose

    def transform_batch(self, batch: SampleBatch, draws: np.ndarray) -> list[dict]:
        """Pack samples.

        Returns:
            One dict per sample. ``inputs``: modality -> tensor, 'rgb' and 'background' uint8 (3, H, W), BGR, views;
            'depth' float32 (1, H, W). ``data_samples``: the PoseDataSample.

        Raises:
            ValueError: If an input is missing or has a wrong type or shape, a label is malformed (check_sample), or a
                chosen crop was never cut; names the sample.
        """
        if 'crop' in batch:
            raise ValueError('PackHandInputs: the crop of HandCrop was not cut; put WarpCrop after it')
        batch.require(self, *(_KEYS[name] for name in self.modalities), *self.fields)
        batch.check()
        inputs = [(name, self._tensors(batch, name)) for name in self.modalities]
        labels = [(name, batch[key]) for key, name in _INSTANCE_KEYS.items() if key in batch]
        meta = [(key, batch.column(key)) for key in self.meta_keys if key in batch]
        maps = [(key, _maps(batch[key])) for key in self.fields]
        packed = []
        for i in range(batch.size):
            instances = _filled(InstanceData(), {name: rows[i : i + 1] for name, rows in labels})
            data_sample = _filled(PoseDataSample(), dict(_gt_instances=instances))
            _filled(data_sample, {key: column[i] for key, column in meta}, '_metainfo_fields')
            if maps:
                fields = _filled(PixelData(), {key: column[i] for key, column in maps})
                _filled(data_sample, dict(_gt_fields=fields))
            if self.mmpose:
                height, width = inputs[0][1][i].shape[1:]
                pack_for_mmpose(data_sample, batch.sample(i), (width, height))
            packed.append(dict(inputs={name: column[i] for name, column in inputs}, data_samples=data_sample))
        return packed

    @staticmethod
    def _tensors(batch: SampleBatch, modality: str) -> Sequence[torch.Tensor]:
        """Return the inputs of all samples; views, if one array holds the whole batch."""
        pixels = batch[_KEYS[modality]]
        dtype, ndim = (np.uint8, 3) if _KEYS[modality] in PICTURE_KEYS else (np.float32, 2)
        for i, picture in enumerate(pixels):
            if picture.dtype != dtype or picture.ndim != ndim or (ndim == 3 and picture.shape[2] != 3):
                wanted = '(H, W, 3) uint8' if ndim == 3 else '(H, W) float32'
                raise ValueError(
                    f'{sample_name(batch.sample(i))}: {_KEYS[modality]!r} must be {wanted}, '
                    f'found {picture.shape} {picture.dtype}'
                )
        if modality == 'depth':
            return _maps(pixels)
        if isinstance(pixels, np.ndarray):
            return torch.from_numpy(pixels).permute(0, 3, 1, 2).unbind()
        return [torch.from_numpy(np.ascontiguousarray(picture)).permute(2, 0, 1) for picture in pixels]


def _maps(planes: np.ndarray | Sequence[np.ndarray]) -> Sequence[torch.Tensor]:
    """Return planes (H, W) as tensors (1, H, W)."""
    if isinstance(planes, np.ndarray):
        return torch.from_numpy(planes)[:, None].unbind()
    return [torch.from_numpy(np.ascontiguousarray(plane)[None]) for plane in planes]


def _filled(element: BaseDataElement, values: dict, names: str = '_data_fields') -> BaseDataElement:
    """Set values of one of MMEngine's data elements, as its ``set_field`` does one by one.

    ``set_field`` repeats the checks made here and copies: half of the time.
    """
    vars(element).update(values)
    vars(element)[names].update(values)
    vars(element)[names].update(key[1:] for key in values if key[0] == '_')  # a property has both names
    return element
