"""Reader of BigHand2.2M (Yuan et al., 2017) and of the training set of its HANDS 2017 challenge."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from tqdm import tqdm
from typing_extensions import Unpack

from handkd.hand import JOINTS, NUM_JOINTS, SIDES
from handkd.hints import check_choice
from handkd.registry import DATASETS
from handkd.units import FARTHEST, is_sane

from ..damaged_labels import DamagedLabels
from ..file_dataset import CommonArguments, HandFileDataset
from ..label_checks import check_finite
from ..records import hand_record
from .depth_files import DepthFormat
from .missing import warn_of_missing
from .text_lines import MappedLines, numbered_lines

BIGHAND_JOINTS: tuple[str, ...] = (
    'wrist',
    'thumb_cmc', 'index_mcp', 'middle_mcp', 'ring_mcp', 'little_mcp',  # TMCP, IMCP, MMCP, RMCP, PMCP
    'thumb_mcp', 'thumb_ip', 'thumb_tip',  # TPIP, TDIP, TTIP
    'index_pip', 'index_dip', 'index_tip',
    'middle_pip', 'middle_dip', 'middle_tip',
    'ring_pip', 'ring_dip', 'ring_tip',
    'little_pip', 'little_dip', 'little_tip',
)  # fmt: skip
"""The joints in the file's order."""

_ORDER = [BIGHAND_JOINTS.index(name) for name in JOINTS]
_VALUES = 3 * NUM_JOINTS
_INTRINSICS = np.array([[475.065948, 0, 315.944855], [0, 475.065857, 245.287079], [0, 0, 1]])
_SIZE = (640, 480)
_DEPTH = DepthFormat()
_SUBJECTS = tuple(range(1, 13))
_HANDS17 = 'training/Training_Annotation.txt'
_NUMERALS = b'0123456789.+- \t\r\n'  # all characters of a plain number


@DATASETS.register_module()
class BigHandDataset(HandFileDataset):
    """2.2 million depth maps of ten persons with magnetic sensors on one hand; no colour.

    The tree is ``Subject_1/`` to ``Subject_12/`` with one folder of images per viewpoint (``1 75`` and so on), and
    ``full_annotation/Subject_*/`` with one text file per viewpoint. The challenge's tree is ``training/images/`` and
    ``training/Training_Annotation.txt``; its test frames have no joints and are no split. The owners' lists in
    ``train_test_annotation`` are not read; leave persons out instead.

    The annotations are known to name frames whose image is missing. These are left out; :attr:`missing` counts them,
    and a warning names the first. Labels are read line by line on demand: an index entry has 13 bytes.

    The other arguments are those of :class:`~handkd.datasets.HandFileDataset`: ``modalities`` ('depth' alone),
    ``pipeline``, and ``on_corrupt`` (a damaged image or line of labels).

    Args:
        data_root (str): The folder with ``full_annotation``; for 'hands17_train' the one with ``training``.
        split (str): 'full': all ``subjects``. 'train': those not in ``test_subjects``. 'test': those in
            ``test_subjects``. 'hands17_train'.
        subjects (Sequence[int]): Numbers of the ``Subject`` folders to use, of 1 to 12. Defaults to
            (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12).
        test_subjects (Sequence[int]): Subjects of the test set. The only convention is to hold one out; the
            first is an arbitrary choice. Defaults to (1,).
        side (str): Side of all hands. The owners do not state it; others assume 'right', so look at a contact
            sheet first if the side matters. Defaults to 'right'.
        annotation_suffix (str): Suffix after a viewpoint's name in the name of its text file. That of the egocentric
            folders (``... ego``) is not documented; a file with another suffix is an error that names it.
            Defaults to '_loc_shift_made_by_qi_20180112_v2.txt'.

    Raises:
        FileNotFoundError: If the tree is missing; names what was expected and where.
        ValueError: If an argument or label is wrong, or a folder has no image; names the file, the line and the
            joint.

    Attributes:
        missing (int): Number of labelled frames without an image.
    """

    METAINFO: dict = {'dataset_name': 'bighand', 'joint_names': JOINTS}
    SPLITS = ('full', 'train', 'test', 'hands17_train')
    MODALITIES = ('depth',)
    DEFAULT_MODALITIES = ('depth',)
    SIGNATURE = ('full_annotation/Subject_*', _HANDS17)
    PUBLISHED = {'hands17_train': 957032}

    def __init__(
        self,
        data_root: str,
        split: str,
        *,
        subjects: Sequence[int] = _SUBJECTS,
        test_subjects: Sequence[int] = (1,),
        side: str = 'right',
        annotation_suffix: str = '_loc_shift_made_by_qi_20180112_v2.txt',
        **common: Unpack[CommonArguments],
    ) -> None:
        check_choice(side, SIDES, 'BigHandDataset(side=...)')
        for name, numbers in (('subjects', subjects), ('test_subjects', test_subjects)):
            if not set(numbers) <= set(_SUBJECTS):
                raise ValueError(f'BigHandDataset({name}=...) must be numbers from 1 to 12, found {numbers!r}')
        chosen, held_out = set(subjects), set(test_subjects)
        self._subjects = sorted({'train': chosen - held_out, 'test': chosen & held_out}.get(split, chosen))
        if not self._subjects:
            raise ValueError(
                f'BigHandDataset: split {split!r} has no subject of {subjects!r}: change subjects or test_subjects'
            )
        self.side, self._suffix = side, annotation_suffix
        self._lines: dict[int, MappedLines] = {}
        super().__init__(data_root, split, **common)
        absent = self.index['missing_frame']
        self.missing = len(absent)
        names = (
            f'{self.pairs[folder][1]}/{_image_name(frame)}'
            for folder, frame in zip(self.index['missing_folder'], absent)
        )
        warn_of_missing(self.data_root, self.missing, names)

    def _pairs(self) -> list[tuple[str, str]]:
        """Return (annotation file, folder of its images) below the root, in a fixed order."""
        if self.split == 'hands17_train':
            return [(_HANDS17, 'training/images')]
        pairs = []
        for subject in self._subjects:
            folder = self.expect(f'full_annotation/Subject_{subject}')
            for file in sorted(folder.iterdir()):
                if file.name.startswith('README'):
                    continue
                view = file.name.removesuffix(self._suffix)
                if view == file.name:
                    raise ValueError(
                        f'{str(file)!r} does not end with {self._suffix!r}, so its folder of images is unknown; give '
                        'the right annotation_suffix, or remove the file from this folder'
                    )
                pairs.append((f'full_annotation/Subject_{subject}/{file.name}', f'Subject_{subject}/{view}'))
        return pairs

    def sources(self) -> list[str]:
        """Return the annotation files and the folders of the images."""
        self.pairs = self._pairs()
        return [path for pair in self.pairs for path in pair]

    def label_files(self) -> list[str]:
        """Return the annotation files: the index holds the offsets of lines, not their content."""
        return [file for file, _ in self.pairs]

    def index_settings(self) -> dict:
        """Return the annotation files; the index refers to them by position in this list."""
        return dict(pairs=self.pairs)

    def build_index(self) -> dict[str, np.ndarray]:
        """Record the offset of each frame's line, and the frames without an image."""
        if not self.pairs:
            raise ValueError(f'{str(self.data_root)!r}: full_annotation has no files for subjects {self._subjects}')
        columns = {name: [] for name in ('sample', 'frame', 'folder', 'missing_frame', 'missing_folder')}
        total = sum((self.data_root / file).stat().st_size for file, _ in self.pairs)
        with tqdm(total=total, unit='B', unit_scale=True, desc='reading annotations, once', disable=total < 1e7) as bar:
            for number, (file, folder) in enumerate(self.pairs):
                path = self.data_root / file
                frames, offsets = _read_frames(path, self.damage)
                there = np.isin(frames, _image_numbers(self.data_root / folder))
                if not there.any():
                    raise ValueError(
                        f'{str(self.data_root / folder)!r} holds none of the {len(frames)} images that '
                        f'{str(path)!r} names, such as {_image_name(frames[0])!r}'
                    )
                columns['sample'].append(offsets[there])
                columns['frame'].append(frames[there])
                columns['folder'].append(np.full(there.sum(), number, np.int8))
                columns['missing_frame'].append(frames[~there])
                columns['missing_folder'].append(np.full((~there).sum(), number, np.int8))
                bar.update(path.stat().st_size)
        return {name: np.concatenate(parts) for name, parts in columns.items()}

    def get_record(self, index: int) -> dict:
        """Return sample ``index`` without its image.

        Raises:
            ValueError: If its line contains anything but numbers.
        """
        number = int(self.index['folder'][index])
        file, folder = self.pairs[number]
        if number not in self._lines:
            self._lines[number] = MappedLines(self.data_root / file)
        words = self._lines[number].at(int(self.index['sample'][index])).split()[1 : 1 + _VALUES]
        try:
            joints = np.array(words, np.float64).reshape(NUM_JOINTS, 3)[_ORDER]
        except ValueError as error:
            frame = self.index['frame'][index]
            raise ValueError(f'{str(self.data_root / file)!r}: the line of frame {frame}: {error}') from None
        check_finite(joints[None], JOINTS, [int(self.index['frame'][index])], self.data_root / file)
        record = hand_record(joints, {'K': _INTRINSICS.copy()}, self.side, _SIZE)
        record['img_id'] = index
        record['depth_path'] = f'{self.data_root}/{folder}/{_image_name(self.index["frame"][index])}'
        return record

    def load_depth(self, record: dict) -> np.ndarray:
        """Return the depth map of a record, shape (480, 640), float32, mm along the camera's optical axis."""
        return _DEPTH.read(record['depth_path'])


def _image_name(frame: int) -> str:
    return f'image_D{frame:08d}.png'


def _image_numbers(folder: Path) -> np.ndarray:
    """Return the numbers of the images in a folder."""
    with os.scandir(folder) as entries:
        names = [entry.name for entry in entries]
    return np.array([int(n[7:-4]) for n in names if n[:7] == 'image_D' and n[-4:] == '.png' and n[7:-4].isdigit()], int)


def _read_frames(path: Path, damage: DamagedLabels) -> tuple[np.ndarray, np.ndarray]:
    """Return the frame number (int32) and the byte offset (int64) of each line of an annotation file.

    Raises:
        ValueError: If a line has too few numbers or anything else, and may not be skipped; names the line, the frame
            and the joint. Or if no line is left.
    """
    frames, offsets = [], []
    for number, offset, line in numbered_lines(path):
        with damage.guard(path):
            frames.append(_read_frame(path, number, line))
            offsets.append(offset)
    if not frames:
        raise ValueError(f'{str(path)!r} has no labels; copy or download it again')
    return np.array(frames, np.int32), np.array(offsets, np.int64)


def _read_frame(path: Path, number: int, line: bytes) -> int:
    """Return the frame number of a line, after checking that its labels are numbers."""
    words = line.split()
    # HANDS 2017 has the image's name where the full set has the frame's number.
    frame = words[0].removeprefix(b'image_D').removesuffix(b'.png')
    if not frame.isdigit() or len(frame) > 9 or len(words) < 1 + _VALUES:
        raise ValueError(
            f'{str(path)!r}, line {number}: expected a frame and {_VALUES} numbers, found {len(words) - 1} after '
            f'{words[0][:80].decode(errors="replace")!r}'
        )
    # Parsing 63 numbers takes ten times longer than checking that there are no letters, as in 'nan' and '1e39'; numbers
    # too large without a letter are found when the line is used.
    if line[len(words[0]) :].translate(None, _NUMERALS):
        _check_numbers(path, number, words)
    return int(frame)


def _check_numbers(path: Path, number: int, words: list[bytes]) -> None:
    """Raise a ValueError for the first word of a line, after the frame, that is no sane number."""
    for i, word in enumerate(words[1:]):
        try:
            sane = is_sane(float(word))
        except ValueError:
            sane = False
        if not sane:
            joint = BIGHAND_JOINTS[i // 3] if i < _VALUES else 'after the joints'
            raise ValueError(
                f'{str(path)!r}, line {number}: frame {words[0].decode(errors="replace")}, joint {joint!r}: '
                f'{word[:80].decode(errors="replace")!r} is no finite number up to {FARTHEST:g}'
            )
