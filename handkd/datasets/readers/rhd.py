"""Reader of the Rendered Hand Pose data set (RHD; Zimmermann and Brox, 2017) in its original form."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from tqdm import tqdm
from typing_extensions import Unpack

from handkd.geometry import project
from handkd.geometry.camera import check_camera
from handkd.hand import FINGERS, JOINT_INDEX, JOINTS, NUM_JOINTS, PALM_PARTS, SIDES, finger_joints
from handkd.hints import check_choice
from handkd.image_files import ImageReadError, read_raster
from handkd.registry import DATASETS

from ..file_dataset import CommonArguments, HandFileDataset
from ..label_checks import compare_images
from ..records import hand_record
from .depth_files import DepthFormat
from .unpickling import load_arrays

RHD_JOINTS: tuple[str, ...] = ('wrist', *(JOINTS[j] for finger in FINGERS for j in reversed(finger_joints(finger))))
"""One hand's joints in the file's order: the wrist, then each finger from its tip to the palm."""

_ORDER = [RHD_JOINTS.index(name) for name in JOINTS]
_FILE_NAMES = [f'{side} {name}' for side in SIDES for name in RHD_JOINTS]  # 0 to 20 left, 21 to 41 right
_SHAPES = {'xyz': (42, 3), 'uv_vis': (42, 3), 'K': (3, 3)}
_DEPTH = DepthFormat('RG', unit=5000 / 65535)  # 65535 counts are 5 m
_SIZE = (320, 320)

_FIRST_CLASS = {'left': 2, 'right': 18}
"""Mask class of each hand's thumb tip; 16 classes in all: three per finger, from tip to palm, and last the palm."""
_CLASSES = 34  # 0 is background, 1 the person


def _part_table(side: str) -> np.ndarray:
    """Return part numbers by mask class, shape (34,), uint8; the palm, which is several parts, is 0."""
    table = np.zeros(_CLASSES, np.uint8)
    for f, finger in enumerate(FINGERS):
        first = _FIRST_CLASS[side] + 3 * f
        table[first : first + 3] = finger_joints(finger)[:0:-1]
    return table


_PART_OF_CLASS = {side: _part_table(side) for side in SIDES}


@DATASETS.register_module()
class RHDDataset(HandFileDataset):
    """Rendered people with both hands labelled: 41258 training and 2728 evaluation images, 320 x 320.

    The tree is ``training/`` and ``evaluation/``, each with ``anno_*.pickle``, ``color/``, ``depth/`` and ``mask/``.
    ``keypoints`` are the file's, which agree with projected joints to a tenth of a pixel. ``keypoints_visible`` is
    the file's flag: not occluded, not only inside the image. The masks have no palm bones, so the part of a palm pixel
    in ``part_seg`` is that of the nearest of the five lines between wrist and finger bases in the image.

    The other arguments are those of :class:`~handkd.datasets.HandFileDataset`: ``modalities`` ('rgb', 'depth', 'mask',
    'parts'; the default is ('rgb',)), ``pipeline``, and ``on_corrupt`` (missing or damaged images, and damaged labels
    of a sample; a mask that selects the hand is always an error if it is damaged).

    Args:
        data_root (str): The folder with ``training`` and ``evaluation``.
        split (str): 'training' or 'evaluation'.
        hand (str): The hand of an image that is the sample. 'mask': the one with more pixels in the mask, the right one
            if they are equal, as in the authors' code and most others. 'keypoints': the one with more visible joints,
            else the right one, as in Minimal-Hand. 'both': each hand that has a visible joint is a sample.
            Defaults to 'mask'.
        joint0 (str): Joint 0. 'wrist': as labelled. 'palm': half way from there to the base of the middle
            finger, as in all experiments of Zimmermann and Brox and near STB's; visible if one of the two is.
            Defaults to 'wrist'.

    Raises:
        FileNotFoundError: If the tree is missing; names what was expected and where.
        ValueError: If an argument or label is wrong; names the file, the sample and the joint.
    """

    METAINFO: dict = {'dataset_name': 'rhd', 'joint_names': JOINTS}
    SPLITS = ('training', 'evaluation')
    MODALITIES = ('rgb', 'depth', 'mask', 'parts')
    SIGNATURE = ('training/anno_training.pickle', 'evaluation/anno_evaluation.pickle')
    PUBLISHED = {'training': 41258, 'evaluation': 2728}

    def __init__(
        self,
        data_root: str,
        split: str,
        *,
        hand: str = 'mask',
        joint0: str = 'wrist',
        **common: Unpack[CommonArguments],
    ) -> None:
        check_choice(hand, ('mask', 'keypoints', 'both'), 'RHDDataset(hand=...)')
        check_choice(joint0, ('wrist', 'palm'), 'RHDDataset(joint0=...)')
        self.hand, self.joint0 = hand, joint0
        if hand == 'both':
            self.PUBLISHED = {}  # no published number of visible hands
        super().__init__(data_root, split, **common)

    @property
    def _annotation(self) -> Path:
        return self.data_root / self.split / f'anno_{self.split}.pickle'

    def _folders(self) -> list[str]:
        """Return the needed image folders."""
        mask = self.hand == 'mask' or {'mask', 'parts'} & set(self.modalities)
        return ['color'] + ['depth'] * ('depth' in self.modalities) + ['mask'] * bool(mask)

    def sources(self) -> list[str]:
        """Return the label file and the needed image folders."""
        return [f'{self.split}/{name}' for name in (self._annotation.name, *self._folders())]

    def index_settings(self) -> dict:
        """Return the rule that selects hands, and the checked folders."""
        return dict(hand=self.hand, folders=self._folders())

    def build_index(self) -> dict[str, np.ndarray]:
        """Read the label file, and count the hands' pixels in the masks if the rule needs it."""
        labels = load_arrays(self._annotation)
        numbers = _check_numbers(labels, self._annotation)
        mismatches = [
            compare_images(self.data_root / self.split / folder, numbers, self._annotation, '{:05d}.png')
            for folder in self._folders()
        ]
        frames = []
        for number in numbers:
            with self.damage.guard(self._annotation):
                _check_shapes(labels[number], number, self._annotation)
                frames.append(number)
        if not frames:
            raise ValueError(f'{str(self._annotation)!r} has no labels')
        xyz, uv_vis, intrinsics = (np.stack([labels[i][key] for i in frames]).astype(np.float64) for key in _SHAPES)
        xyz *= 1000.0
        named = ((xyz, _FILE_NAMES), (uv_vis, _FILE_NAMES))
        sound = np.logical_and.reduce([self.damage.sound(v, names, frames, self._annotation) for v, names in named])
        for row, frame in enumerate(frames):
            sound[row] &= self._is_camera(intrinsics[row], frame)
        frames, xyz, uv_vis, intrinsics = np.array(frames)[sound], xyz[sound], uv_vis[sound], intrinsics[sound]
        xyz = xyz.reshape(-1, 2, NUM_JOINTS, 3)[:, :, _ORDER]
        uv_vis = uv_vis.reshape(-1, 2, NUM_JOINTS, 3)[:, :, _ORDER]
        row, side = self._choose(frames, uv_vis[..., 2] > 0)
        return {
            'sample': frames.astype(np.int32)[row],
            'side': side.astype(np.int8),
            'xyz': xyz[row, side].astype(np.float32),
            'uv': uv_vis[row, side, :, :2].astype(np.float32),
            'visible': uv_vis[row, side, :, 2] > 0,
            'K': intrinsics[row],
            'mismatches': np.array([text for text in mismatches if text], str),
        }

    def _is_camera(self, intrinsics: np.ndarray, frame: int) -> bool:
        """Return whether a frame's K (3, 3) is a matrix of intrinsics; False if not, and it may be skipped."""
        with self.damage.guard(self._annotation):
            check_camera(dict(K=intrinsics), f'{str(self._annotation)!r}: sample {frame}')
            return True
        return False

    def _choose(self, frames: Sequence[int], visible: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return rows and sides (0 left, 1 right) of the samples, from the joints' flags of shape (N, 2, 21)."""
        if self.hand == 'both':
            return np.nonzero(visible.any(-1))
        if self.hand == 'keypoints':
            size = visible.sum(-1)
        else:
            bar = tqdm(frames, desc='choosing hands by their masks, once', disable=len(frames) <= 1000)
            size = np.array([self._mask_sizes(frame) for frame in bar])
        return np.arange(len(frames)), np.where(size[:, 0] > size[:, 1], 0, 1)

    def _mask_sizes(self, frame: int) -> tuple[int, int]:
        """Return the numbers of pixels of the left and the right hand."""
        count = np.bincount(_read_classes(self._file('mask', frame)).reshape(-1), minlength=_CLASSES)
        return tuple(int(count[_FIRST_CLASS[side] : _FIRST_CLASS[side] + 16].sum()) for side in SIDES)

    def _file(self, folder: str, frame: int) -> str:
        return f'{self.data_root}/{self.split}/{folder}/{frame:05d}.png'

    def get_record(self, index: int) -> dict:
        """Return sample ``index`` without its images."""
        frame, columns = int(self.index['sample'][index]), self.index
        joints = np.array(columns['xyz'][index], np.float64)
        keypoints = np.array(columns['uv'][index], np.float64)
        visible = np.array(columns['visible'][index])
        camera = {'K': np.array(columns['K'][index])}
        if self.joint0 == 'palm':
            middle = JOINT_INDEX['middle_mcp']
            joints[0] = (joints[0] + joints[middle]) / 2
            keypoints[0] = project(joints[0], camera)
            visible[0] |= visible[middle]
        side = SIDES[columns['side'][index]]
        record = hand_record(joints, camera, side, _SIZE, visible=visible, keypoints=keypoints)
        record['img_id'] = index
        record['img_path'] = self._file('color', frame)
        record['depth_path'] = self._file('depth', frame)
        record['mask_path'] = self._file('mask', frame)
        return record

    def load_depth(self, record: dict) -> np.ndarray:
        """Return the depth map of a record, shape (320, 320), float32, mm: of the whole scene."""
        return _DEPTH.read(record['depth_path'])

    def load_mask(self, record: dict) -> np.ndarray:
        """Return the mask of the record's hand, shape (320, 320), bool."""
        classes = _read_classes(record['mask_path'])
        first = _FIRST_CLASS[record['hand_side']]
        return (classes >= first) & (classes < first + 16)

    def load_parts(self, record: dict) -> np.ndarray:
        """Return the part map of the record's hand, shape (320, 320), uint8."""
        classes, side = _read_classes(record['mask_path']), record['hand_side']
        parts = _PART_OF_CLASS[side][classes]
        palm = classes == _FIRST_CLASS[side] + 15
        rows, columns = np.nonzero(palm)
        # The labelled wrist; joint 0 of the record may be the palm.
        keypoints = np.array(self.index['uv'][record['img_id']], np.float64)
        parts[palm] = nearest_palm_part(np.stack([columns, rows], -1), keypoints)
        return parts


def nearest_palm_part(pixels: np.ndarray, keypoints: np.ndarray) -> np.ndarray:
    """Return the palm part whose bone is nearest in the image.

    Args:
        pixels: Shape (M, 2), px.
        keypoints: The joints in the image, shape (21, 2), px, in handkd's order with the wrist first.

    Returns:
        Part numbers, shape (M,), uint8.
    """
    start, along = keypoints[0], keypoints[list(PALM_PARTS)] - keypoints[0]
    offset = pixels - start
    # Of each line from the wrist, the nearest point, as a share of its length.
    share = np.clip(offset @ along.T / np.maximum((along**2).sum(-1), 1e-12), 0, 1)
    distance = np.linalg.norm(offset[:, None] - share[..., None] * along, axis=-1)
    return np.asarray(PALM_PARTS, np.uint8)[distance.argmin(-1)]


def _read_classes(path: str) -> np.ndarray:
    """Read a mask (320, 320), uint8, and refuse classes that RHD lacks."""
    classes = read_raster(path, np.uint8, 1)
    if classes.max() >= _CLASSES:
        raise ImageReadError(f'{path!r} has class {classes.max()}, expected 0 to {_CLASSES - 1}: not a mask of RHD')
    return classes


def _check_numbers(labels: object, path: Path) -> list[int]:
    """Return the sample numbers in the label file's content, in order, or raise a ValueError."""
    if not isinstance(labels, dict) or not labels:
        raise ValueError(f'{str(path)!r} must hold a dict of samples, found {type(labels).__name__}')
    for number in labels:
        if not isinstance(number, (int, np.integer)):
            raise ValueError(f'{str(path)!r}: samples must be numbered, found {number!r}')
    return sorted(labels)


def _check_shapes(sample: object, number: int, path: Path) -> None:
    """Raise a ValueError if an array of a sample is missing, or has another shape."""
    for key, shape in _SHAPES.items():
        value = np.asarray(sample[key]) if isinstance(sample, dict) and key in sample else None
        if value is None or value.shape != shape or value.dtype.kind not in 'iuf':
            found = 'nothing' if value is None else value.shape
            raise ValueError(f'{str(path)!r}: sample {number!r}, {key!r} must have shape {shape}, found {found}')
