"""Reader of the Large-scale Multiview 3D Hand Pose data set (LM, MHP; Gomez-Donoso et al., 2017)."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from tqdm import tqdm
from typing_extensions import Unpack

from handkd.geometry import axis_angle_to_matrix
from handkd.hand import JOINT_INDEX, JOINTS, SIDES
from handkd.hints import check_choice
from handkd.reading import read_text
from handkd.registry import DATASETS
from handkd.units import FARTHEST, is_sane

from ..file_dataset import CommonArguments, HandFileDataset
from ..label_checks import check_finite
from ..records import hand_record
from ..views import group_views
from .missing import warn_of_missing
from .unpickling import load_arrays

_FINGERS = {'index': 'F4', 'middle': 'F3', 'ring': 'F2', 'little': 'F1', 'thumb': 'TH'}
_BONES = ('KNU1_B', 'KNU1_A', 'KNU2_A', 'KNU3_A')  # from the palm to the tip: B comes before A
_NAMES = {
    'wrist': 'PALM_POSITION',  # the set labels no wrist
    **{joint: f'{_FINGERS[joint.split("_")[0]]}_{_BONES[(i - 1) % 4]}' for i, joint in enumerate(JOINTS) if i},
}
"""handkd's joint -> its name in the file. The file's 22nd line, PALM_NORMAL, is a direction, not a joint."""

_SEQUENCES = tuple(range(1, 22))
_VIEWS = (1, 2, 3, 4)
_SIZE = (640, 480)
_K = np.array([[614.878, 0.0, 313.219], [0.0, 615.479, 231.288], [0.0, 0.0, 1.0]])
_DIST = np.array([0.092701, -0.175877, -0.0035687, -0.00302299, 0.0])
_FOLDERS = {'annotated': 'annotated_frames', 'augmented': 'augmented_samples'}


@DATASETS.register_module()
class LMDataset(HandFileDataset):
    """Right hands of nine people, seen by four cameras at once, with the labels of a Leap Motion sensor.

    The tree is ``annotated_frames/data_1/0_webcam_1.jpg`` and ``0_joints.txt`` and so on, ``calibrations/data_1/
    webcam_1/rvec.pkl`` and ``tvec.pkl``, and ``augmented_samples``. Images are 640 x 480. The labels are
    automatic and noisy; a joint may lie outside a view.

    The set has no official split. The four views of a frame are always in the same split. Missing images of
    labelled frames are left out: :attr:`missing` counts them, and a warning names the first.

    The other arguments are those of :class:`~handkd.datasets.HandFileDataset`: ``modalities`` ('rgb' alone),
    ``pipeline``, and ``on_corrupt`` (a missing or damaged image, and a damaged label file of a frame).

    Args:
        data_root (str): The folder with ``annotated_frames`` and ``calibrations``.
        split (str): 'train', 'test' or 'all'.
        split_by (str): 'sequence': ``test_sequences`` are the test set, since neighbouring frames of a sequence are
            nearly equal. 'frames': a fifth of all frames, naturally sorted, is. Defaults to 'sequence'.
        test_sequences (Sequence[int]): Sequences of the test set when split by sequence. The default is the
            common split of about 80/20; another one in use is (1, 10, 20). Defaults to (17, 18, 19, 20, 21).
        test_part (str): The fifth that is the test set when split by frames: 'first', as in EKD (Zhang et al.,
            2020), or 'last', as in other code. Defaults to 'first'.
        images (str): 'annotated': as photographed. 'augmented': with other backgrounds, for the same labels; the
            archive reportedly has none of sequences 10, 12, 13 and 20, and these count as missing.
            Defaults to 'annotated'.
        views (Sequence[int]): Which of the cameras 1 to 4. Defaults to (1, 2, 3, 4).
        distortion (bool): Whether cameras have the published lens distortion. The owners project with it; some other
            code ignores it, which moves joints by up to a few pixels. Defaults to True.
        joint0 (str): Joint 0, since the set labels no wrist. 'palm': the middle of the palm, as labelled.
            'thumb_base': the thumb's base, which lies near the wrist and is joint 1 too. Defaults to 'palm'.
        sequences (Sequence[int] | None): Which of the sequences 1 to 21 to use, such as those on disk; the split
            then consists of these. None is all that the split needs. When split by frames, give the same for
            'train' and 'test'. Defaults to None.
        side (str): Side of the hands. No label states it; images and other code show right ones. Defaults to 'right'.

    Raises:
        FileNotFoundError: If the tree is missing; names what was expected and where.
        ValueError: If an argument or label is wrong; names the file and the joint.

    Attributes:
        missing (int): Number of missing images of labelled frames.
    """

    METAINFO: dict = {'dataset_name': 'lm', 'joint_names': JOINTS}
    SPLITS = ('train', 'test', 'all')
    MODALITIES = ('rgb',)
    SIGNATURE = ('annotated_frames/data_*', 'calibrations/data_*/webcam_*')

    def __init__(
        self,
        data_root: str,
        split: str,
        *,
        split_by: str = 'sequence',
        test_sequences: Sequence[int] = (17, 18, 19, 20, 21),
        test_part: str = 'first',
        images: str = 'annotated',
        views: Sequence[int] = _VIEWS,
        distortion: bool = True,
        joint0: str = 'palm',
        sequences: Sequence[int] | None = None,
        side: str = 'right',
        **common: Unpack[CommonArguments],
    ) -> None:
        check_choice(split_by, ('sequence', 'frames'), 'LMDataset(split_by=...)')
        check_choice(test_part, ('first', 'last'), 'LMDataset(test_part=...)')
        check_choice(images, tuple(_FOLDERS), 'LMDataset(images=...)')
        check_choice(joint0, ('palm', 'thumb_base'), 'LMDataset(joint0=...)')
        check_choice(side, SIDES, 'LMDataset(side=...)')
        _check_numbers('sequences', _SEQUENCES if sequences is None else sequences, _SEQUENCES)
        _check_numbers('test_sequences', test_sequences, _SEQUENCES)
        _check_numbers('views', views, _VIEWS)
        self.split_by, self.test_part, self.images, self.joint0 = split_by, test_part, images, joint0
        self.test_sequences, self.views = tuple(test_sequences), tuple(views)
        self.sequences = _SEQUENCES if sequences is None else tuple(sorted(sequences))
        self.distortion, self.side = distortion, side
        super().__init__(data_root, split, **common)
        absent = self.index['missing']
        self.missing = len(absent)
        warn_of_missing(data_root, self.missing, (self._image(row, column) for row, column in absent))

    def _sequences(self) -> list[int]:
        """Return the chosen sequences that the split may use."""
        if self.split == 'all' or self.split_by == 'frames':
            return list(self.sequences)
        found = [s for s in self.sequences if (s in self.test_sequences) == (self.split == 'test')]
        if not found:
            raise ValueError(
                f'LMDataset: none of sequences={self.sequences} is in split {self.split!r}; change them or '
                f'test_sequences, which is {self.test_sequences}'
            )
        return found

    def _image_folders(self) -> dict[int, str]:
        """Return the folders with images; not every sequence has augmented ones."""
        folders = {s: f'{_FOLDERS[self.images]}/data_{s}' for s in self._sequences()}
        if self.images == 'annotated':
            return folders
        return {s: folder for s, folder in folders.items() if (self.data_root / folder).is_dir()}

    def sources(self) -> list[str]:
        """Return the folders with labels and images, and the calibrations."""
        return [
            *(f'{_FOLDERS["annotated"]}/data_{s}' for s in self._sequences()),
            _FOLDERS[self.images],
            *self._image_folders().values(),
            *(
                f'{self._calibration(s, view)}/{name}.pkl'
                for s in self._sequences()
                for view in self.views
                for name in ('rvec', 'tvec')
            ),
        ]

    @staticmethod
    def _calibration(sequence: int, view: int) -> str:
        return f'calibrations/data_{sequence}/webcam_{view}'

    def index_settings(self) -> dict:
        """Return the settings that select the samples."""
        return dict(
            sequences=self.sequences,
            split_by=self.split_by,
            test_sequences=self.test_sequences,
            test_part=self.test_part,
            images=self.images,
            views=self.views,
        )

    def build_index(self) -> dict[str, np.ndarray]:
        """Read the label files and calibrations, and list the existing images."""
        frames = self._frames()
        rows, columns = (grid.ravel() for grid in np.indices((len(frames), len(self.views)), np.int32))
        folders = self._image_folders()
        there = {(s, name) for s, folder in folders.items() for name in os.listdir(self.data_root / folder)}
        found = np.array([(frames[row][0], self._name(frames[row][1], c)) in there for row, c in zip(rows, columns)])
        if not found.any():
            raise ValueError(
                f'{str(self.data_root / _FOLDERS[self.images])!r} has no image of the {len(frames)} labelled frames '
                f"of split {self.split!r}; expected names such as 'data_1/0_webcam_1.jpg'"
            )
        bar = tqdm(frames, desc='reading labels, once', disable=len(frames) <= 1000)
        joints = np.full((len(frames), len(JOINTS), 3), np.nan, np.float32)
        for row, (sequence, number) in enumerate(bar):
            path = self.data_root / _FOLDERS['annotated'] / f'data_{sequence}' / f'{number}_joints.txt'
            with self.damage.guard(path):
                joints[row] = _read_joints(path, number)
        sound = np.isfinite(joints[rows, 0, 0])
        rotation, translation = self._poses()
        return {
            'sample': rows[found & sound],
            'view': columns[found & sound].astype(np.int8),
            'missing': np.stack([rows[~found & sound], columns[~found & sound]], -1),
            'sequence': np.array([s for s, _ in frames], np.int8),
            'number': np.array([k for _, k in frames], np.int32),
            'joints': joints,
            'R': rotation,
            'T': translation,
        }

    def _frames(self) -> list[tuple[int, int]]:
        """Return the labelled frames of the split, (sequence, number), in order."""
        frames = [(s, k) for s in self._sequences() for k in self._labelled(s)]
        if self.split_by == 'sequence' or self.split == 'all':
            return frames
        fifth = round(len(frames) / 5)
        cut = fifth if self.test_part == 'first' else len(frames) - fifth
        ahead = (self.split == 'test') == (self.test_part == 'first')
        return frames[:cut] if ahead else frames[cut:]

    def _labelled(self, sequence: int) -> list[int]:
        """Return the numbers of a sequence's labelled frames, in order."""
        names = os.listdir(self.data_root / _FOLDERS['annotated'] / f'data_{sequence}')
        found = (re.fullmatch(r'([0-9]{1,9})_joints\.txt', name) for name in names)
        return sorted(int(match[1]) for match in found if match)

    def _poses(self) -> tuple[np.ndarray, np.ndarray]:
        """Return rotations (22, V, 3, 3) and translations (22, V, 3), mm, by sequence and view, world to camera."""
        vectors = np.zeros((len(_SEQUENCES) + 1, len(self.views), 2, 3))
        for s in self._sequences():
            for c, view in enumerate(self.views):
                for i, name in enumerate(('rvec', 'tvec')):
                    vectors[s, c, i] = _read_vector(self.data_root / self._calibration(s, view) / f'{name}.pkl')
        return axis_angle_to_matrix(vectors[:, :, 0]), vectors[:, :, 1]

    def view_groups(self) -> np.ndarray:
        """Return the samples that show the same hand at the same time.

        Returns:
            Shape (G, V), int64, one column per camera of ``views``; -1 for a view that is not in the set.
        """
        return group_views(self.index['sample'], self.index['view'], len(self.views))

    def _name(self, number: int, column: int) -> str:
        return f'{number}_webcam_{self.views[column]}.jpg'

    def _image(self, row: int, column: int) -> str:
        """Return the path of a frame's image in a column of ``views``."""
        folder = f'{self.data_root}/{_FOLDERS[self.images]}/data_{self.index["sequence"][row]}'
        return f'{folder}/{self._name(self.index["number"][row], column)}'

    def get_record(self, index: int) -> dict:
        """Return sample ``index`` without its images."""
        row, column = int(self.index['sample'][index]), int(self.index['view'][index])
        sequence = int(self.index['sequence'][row])
        camera = {'K': _K.copy(), **{key: np.array(self.index[key][sequence, column]) for key in ('R', 'T')}}
        if self.distortion:
            camera['dist'] = _DIST.copy()
        joints = np.array(self.index['joints'][row], np.float64)
        if self.joint0 == 'thumb_base':
            joints[0] = joints[JOINT_INDEX['thumb_cmc']]
        record = hand_record(joints @ camera['R'].T + camera['T'], camera, self.side, _SIZE)
        record['img_id'] = index
        record['img_path'] = self._image(row, column)
        return record


def _read_joints(path: Path, number: int) -> np.ndarray:
    """Read the label file of a frame.

    Returns:
        Joints in handkd's order, the middle of the palm first, shape (21, 3), mm, Leap Motion's frame.
    """
    points = {}
    for row, line in enumerate(read_text(path).splitlines(), 1):
        if not line.strip():
            continue
        try:
            name, *point = line.split()
            points[name] = np.array(point, np.float64).reshape(3)
        except ValueError:
            raise ValueError(f"{str(path)!r}:{row}: expected 'NAME x y z', found {line[:80]!r}") from None
    absent = [name for name in _NAMES.values() if name not in points]
    if absent:
        raise ValueError(f'{str(path)!r} has no line for the joint {absent[0]!r}')
    joints = np.array([points[name] for name in _NAMES.values()])
    check_finite(joints[None], tuple(_NAMES.values()), [number], path)
    return joints


def _read_vector(path: Path) -> np.ndarray:
    """Read a pickled rotation or translation vector, shape (3,)."""
    vector = load_arrays(path)
    if not isinstance(vector, np.ndarray) or vector.size != 3 or vector.dtype.kind != 'f' or not is_sane(vector).all():
        found = f'shape {vector.shape} {vector.dtype}' if isinstance(vector, np.ndarray) else type(vector).__name__
        raise ValueError(f'{str(path)!r} must hold an array of three finite numbers up to {FARTHEST:g}, found {found}')
    return vector.reshape(3)


def _check_numbers(what: str, numbers: Sequence[int], known: Sequence[int]) -> None:
    """Raise a ValueError unless a choice of numbers is some of the known ones, each once."""
    if not numbers or len(set(numbers)) < len(numbers) or not set(numbers) <= set(known):
        raise ValueError(f'LMDataset({what}=...) must be some of {known}, each once, found {numbers!r}')
