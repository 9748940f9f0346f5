"""MMPose's own data sets of hands, in front of handkd's transforms."""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping, Sequence

import numpy as np

from handkd.hand import FINGERS, JOINTS, NUM_JOINTS, SIDES, finger_joints
from handkd.hints import ConfigError
from handkd.image_files import image_size, read_image
from handkd.reading import shown
from handkd.registry import DATASETS

from .base import ReproducibleDataset
from .records import flat_record

_FINGERS = {'forefinger': 'index', 'middle_finger': 'middle', 'ring_finger': 'ring', 'pinky_finger': 'little'}


@DATASETS.register_module()
class MMPoseHandDataset(ReproducibleDataset):
    """A data set of MMPose whose samples are hands in 2D, as input of handkd's transforms.

    MMPose's classes keep their plain names and arguments::

        dataset=dict(
            type='MMPoseHandDataset',
            dataset=dict(type='OneHand10KDataset', data_root='data/onehand10k', ann_file='annotations/train.json'),
            pipeline=[dict(type='HandCrop', rule='box'), dict(type='WarpCrop', size=256), dict(type='PackHandInputs')],
        )

    It may be FreiHandDataset, OneHand10KDataset, Rhd2DDataset, PanopticHand2DDataset, CocoWholeBodyHandDataset, or any
    other with one hand of 21 joints per sample, named as in these. Samples have ``img``, ``keypoints`` in handkd's
    order, ``keypoints_valid`` and ``keypoints_visible`` (0 where MMPose's visibility is 0), ``bbox``, and ``hand_side``
    if the annotation has a ``hand_type``; no 3D joints and no camera. Unlike alone, the set is augmented reproducibly,
    and can be checked and packed.

    Args:
        dataset (dict): Config of the set, without a pipeline.
        pipeline (Sequence[dict]): Transforms. Defaults to ().

    Raises:
        ConfigError: If the set is none of MMPose's, has a pipeline of its own, or its joints are not the 21.
    """

    def __init__(self, dataset: dict, pipeline: Sequence[dict] = ()) -> None:
        super().__init__(pipeline)
        if dataset.get('pipeline'):
            raise ConfigError(f'MMPoseHandDataset: {dataset["type"]} must have no pipeline; give it to the wrapper')
        with warnings.catch_warnings():
            warnings.filterwarnings(
                'ignore', message='The metainfo config file'
            )  # it finds its own, and warns each time
            self.dataset = DATASETS.build(dict(dataset))
        names = (getattr(self.dataset, 'metainfo', None) or {}).get('keypoint_id2name')
        if not isinstance(names, Mapping):
            raise ConfigError(
                f'MMPoseHandDataset: {dataset["type"]} is no data set of MMPose: use it without the wrapper'
            )
        self._order = _order(names, str(dataset['type']))

    @property
    def metainfo(self) -> dict:
        """The set's name, and the names of the 21 joints."""
        return {'dataset_name': self.dataset.metainfo['dataset_name'], 'joint_names': JOINTS}

    def __len__(self) -> int:
        return len(self.dataset)

    def get_labels(self, index: int) -> dict:
        """Return sample ``index`` without its image; only its size is read.

        Raises:
            IndexError: If ``index`` is out of range.
            OSError: If its image is missing or damaged.
            ValueError: If it has not one hand of 21 joints; names the set and the sample.
        """
        if not 0 <= index < len(self):
            raise IndexError(f'MMPoseHandDataset has {len(self)} samples, found index {index}')
        said = self.dataset.get_data_info(int(index))
        joints, visible = np.asarray(said['keypoints'], np.float64), np.asarray(said['keypoints_visible'])
        if joints.shape != (1, NUM_JOINTS, 2) or visible.shape[:2] != (1, NUM_JOINTS):
            raise ValueError(
                f'{self.metainfo["dataset_name"]}, sample {index}: keypoints must have shape {(1, NUM_JOINTS, 2)}, '
                f"found {joints.shape}; data_mode must be 'topdown'"
            )
        valid = visible.reshape(NUM_JOINTS, -1)[self._order, 0] > 0
        side = (said.get('raw_ann_info') or {}).get('hand_type')
        size = image_size(said['img_path'])
        record = flat_record(joints[0, self._order], valid, size, side if side in SIDES else None)
        if said.get('bbox') is not None:
            record['bbox'] = np.array(said['bbox'], np.float32)
        return record | {'img_id': int(index), 'img_path': str(said['img_path'])}

    def get_data_info(self, index: int) -> dict:
        """Return sample ``index`` with its image.

        Raises:
            IndexError: If ``index`` is out of range.
            OSError: If its image is missing or damaged.
            ValueError: If it has not one hand of 21 joints; names the set and the sample.
        """
        record = self.get_labels(index)
        return record | {'img': read_image(record['img_path'])}


def unpacked(settings: Mapping) -> Mapping:
    """Return the config of a data set whose samples can be looked at: one of MMPose's in :class:`MMPoseHandDataset`.

    Args:
        settings: Config of any data set; it is not changed.
    """
    from mmpose.datasets.datasets.base import BaseCocoStyleDataset  # imports all of MMPose's sets

    if not issubclass(DATASETS.get(settings['type']), BaseCocoStyleDataset):
        return settings
    return dict(type='MMPoseHandDataset', dataset=dict(settings, pipeline=[]))


def _order(names: Mapping[int, str], kind: str) -> list[int]:
    """Return the place of each of handkd's joints among a set's."""
    places = {_joint_of(name): place for place, name in names.items()}
    if len(names) != NUM_JOINTS or set(places) != set(JOINTS):
        strange = [name for name in names.values() if _joint_of(name) is None]
        found = f'{shown(strange[0])} among them' if strange else f'{len(names)} of them'
        raise ConfigError(
            f"MMPoseHandDataset: the joints of {kind} must be a hand's 21, named 'wrist', 'thumb1', 'forefinger1' and "
            f'so on, found {found}'
        )
    return [places[name] for name in JOINTS]


def _joint_of(name: str) -> str | None:
    """Return handkd's name of a joint of MMPose's, such as 'index_mcp' for 'forefinger1'; None if it is no hand's."""
    if name in JOINTS:
        return name
    parts = re.fullmatch('([a-z_]+)([1-4])', name)
    finger = parts and _FINGERS.get(parts[1], parts[1])
    return JOINTS[finger_joints(finger)[int(parts[2]) - 1]] if finger in FINGERS else None
