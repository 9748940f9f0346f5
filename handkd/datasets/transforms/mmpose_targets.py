"""Labels of handkd's samples in the form that MMPose's heads and metrics need."""

from __future__ import annotations

import numpy as np
from mmcv.transforms import BaseTransform
from mmengine.structures import InstanceData, PixelData
from mmpose.structures import PoseDataSample

from handkd.hand import NUM_JOINTS
from handkd.hints import ConfigError
from handkd.registry import TRANSFORMS

from .sample import check_sample, require, sample_name

_TABLES = ('label_mapping_table', 'field_mapping_table')
"""Keys under which MMPose's GenerateTarget leaves the names of a codec's labels and maps, as in PackPoseInputs."""


@TRANSFORMS.register_module()
class HandTargets(BaseTransform):
    """Targets of a head of MMPose by its codec, made by MMPose's ``GenerateTarget`` from the 21 joints.

    Put it after WarpCrop, and ``PackHandInputs(mmpose=True)`` at the end. The joints that count are the labelled ones
    (``keypoints_valid``), whether visible or not: MMPose's own data sets have 0 in ``keypoints_visible`` for joints
    without a label alone, handkd's also for hidden ones.

    Args:
        encoder (dict): Config of MMPose's codec, as the head's ``decoder``.
    """

    cache_effect = 'labels'

    def __init__(self, encoder: dict) -> None:
        self._generate = TRANSFORMS.build(dict(type='GenerateTarget', encoder=dict(encoder)))

    def transform(self, results: dict) -> dict:
        """Add the codec's targets of a sample, joints in px of the crop.

        Raises:
            ValueError: If the joints are missing or malformed, or the image has not the codec's ``input_size``.
        """
        require(results, self, 'keypoints')
        check_sample(results)
        size, shape = getattr(self._generate.encoder, 'input_size', None), results.get('img_shape')
        if size is not None and shape is not None and tuple(size) != tuple(shape[::-1]):
            raise ConfigError(
                f'{sample_name(results)}: the image is {shape[1]} x {shape[0]} px, but the encoder of HandTargets has '
                f'input_size {size[0]} x {size[1]}: give both the same size, and put HandTargets after WarpCrop'
            )
        visible = results.get('keypoints_visible')
        results = self._generate.transform(dict(results, keypoints_visible=results['keypoints_valid']))
        return dict(results, keypoints_visible=visible)


def pack_for_mmpose(data_sample: PoseDataSample, results: dict, size: tuple[int, int]) -> None:
    """Add to a packed sample what MMPose's estimators and metrics read.

    Predicted joints stay in px of the network's input, as those of handkd's heads: ``input_size``, ``input_center`` and
    ``input_scale`` are those of the crop itself, for which MMPose's conversion to the image changes nothing. So the
    numbers of MMPose's metrics are in px of the crop, and those of ``HandPixelMetric`` in px of the original image.

    Args:
        data_sample: The sample, changed in place: its meta information; ``bboxes`` (1, 4), px of the crop, the crop
            itself if there is no box, and ``bbox_scores`` (1,) in ``gt_instances``; the targets of HandTargets, if any.
        results: The sample's dict after the pipeline.
        size: (width, height) of the crop, px.
    """
    width, height = size
    scale = np.array(size, np.float32)
    data_sample.set_metainfo(
        dict(input_size=size, input_center=scale / 2, input_scale=scale, flip_indices=list(range(NUM_JOINTS)))
    )
    labels = data_sample.gt_instances
    if 'bboxes' not in labels:
        labels.bboxes = np.array([[0, 0, width, height]], np.float32)
    labels.bbox_scores = np.ones(1, np.float32)
    if 'keypoints_visible' not in labels and 'keypoints_valid' in labels:
        labels.keypoints_visible = labels.keypoints_valid
    targets, maps = (_named(results, table) for table in _TABLES)
    if targets:
        data_sample.gt_instance_labels = InstanceData(**targets).to_tensor()
    if maps:
        own = dict(data_sample.gt_fields.items()) if 'gt_fields' in data_sample else {}
        data_sample.gt_fields = _unequal(own | dict(PixelData(**maps).to_tensor().items()))


def _named(results: dict, table: str) -> dict[str, np.ndarray]:
    """Return a codec's results under their names in packed samples."""
    names = results.get(table) or getattr(TRANSFORMS.get('PackPoseInputs'), table)
    return {packed: results[key] for key, packed in names.items() if key in results}


def _unequal(maps: dict) -> PixelData:
    """Return maps of different sizes together, which ``PixelData`` itself refuses: masks of the crop, heat maps."""
    fields = PixelData()
    vars(fields).update(maps)
    fields._data_fields.update(maps)
    return fields
