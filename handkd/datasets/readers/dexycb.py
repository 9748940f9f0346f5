"""Reader of DexYCB (Chao et al., CVPR 2021) in its original form."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from functools import cached_property, partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
from mmengine.logging import MMLogger
from typing_extensions import Unpack

from handkd.array_files import ArrayFileError
from handkd.hand import JOINTS, SIDES
from handkd.hints import check_choice
from handkd.image_files import ImageReadError
from handkd.registry import DATASETS
from handkd.units import FARTHEST

from ..file_dataset import CommonArguments, HandFileDataset
from ..records import hand_record
from ..scanning import scan
from ..views import Captures, group_views, number_rows
from .dexycb_files import (
    EXTRINSICS,
    SEQUENCES,
    SERIALS,
    SETUPS,
    SPLITS,
    SUBJECTS,
    Meta,
    extrinsics_file,
    intrinsics_file,
    list_sequences,
    read_extrinsics,
    read_intrinsics,
    read_meta,
    select,
)
from .dexycb_labels import DEPTH, HAND, NAMES, SIZE, read_labels, read_seg


class _Folder(NamedTuple):
    """A camera's recording of a sequence.

    ``first`` is the owners' number of its first frame: they count all frames of a split, by sequence, camera and frame.
    """

    subject: int
    sequence: int
    camera: int
    path: str
    meta: Meta
    first: int


@DATASETS.register_module()
class DexYCBDataset(HandFileDataset):
    """Ten people who grasp objects, seen by eight synchronised RGB-D cameras, 640 x 480: 582,000 frames.

    The tree is ``20200709-subject-01/20200709_141754/`` and so on, each with ``meta.yml`` and, per camera,
    ``836212060125/color_000000.jpg``, ``aligned_depth_to_color_000000.png`` and ``labels_000000.npz``; and
    ``calibration/intrinsics`` and ``calibration/extrinsics_*``. Depth is in the colour camera's pixels. Each sequence
    shows one hand. Frames whose joints are all -1, where no hand is visible, are left out: :attr:`unlabelled` counts
    them.

    ``img_id`` is the owners' number of the frame, by which their scripts evaluate: its place among all frames of the
    split, those without a hand included (of ``subjects``, if these are given).

    ``keypoints`` are the file's. The set has no visibility: ``keypoints_visible`` is derived from depth and
    segmentation at the joint's pixel, see ``visibility``. The world (``camera['R']``, ``['T']``) is the frame of the
    sequence's master camera.

    The label files are read once, in several processes, with progress and resumable. ``visibility='depth'`` also reads
    every depth map then, which takes several times as long as 'seg', and 'inside' is faster still.

    The other arguments are those of :class:`~handkd.datasets.HandFileDataset`: ``modalities`` ('rgb', 'depth', 'mask';
    the default is ('rgb',)), ``pipeline``, and ``on_corrupt`` (missing or damaged files of a frame; a damaged
    ``meta.yml`` or calibration is always an error).

    Args:
        data_root (str): The folder with the subjects' folders and ``calibration``.
        split (str): 'train', 'val' or 'test'.
        setup (str): The owners' setup. 's0': by sequence. 's1': unseen subjects. 's2': unseen cameras. 's3': unseen
            objects. Defaults to 's0'.
        sides (Sequence[str]): Sides of the hands; many papers use ('right',). Defaults to ('left', 'right').
        subjects (Sequence[int] | None): Which of the subjects 1 to 10 to use, such as those on disk; None is all that
            the split needs. Defaults to None.
        cameras (Sequence[str] | None): Serial numbers of the cameras; None is all of the split. Defaults to None.
        visibility (str): When a joint inside the image is visible. 'depth': its pixel belongs to the hand by ``seg``,
            and no surface there is nearer than the joint by more than ``visible_within``, so neither an object nor
            a finger hides it; without a depth reading ``seg`` decides. 'seg': its pixel belongs to the hand. 'inside':
            always. Defaults to 'depth'.
        visible_within (float): Largest distance of a visible joint behind the surface at its pixel, mm: joints lie
            inside the hand. Defaults to 25.0.
        extrinsics (str): Direction of the matrices in ``extrinsics.yml``: 'camera_to_master', or 'master_to_camera'.
            Defaults to 'camera_to_master'.

    Raises:
        FileNotFoundError: If the tree is missing; names what was expected and where.
        ValueError: If an argument or label is wrong, or files are missing; names the file and the key.

    Attributes:
        unlabelled (int): Number of frames left out because they have no label.
    """

    METAINFO: dict = {'dataset_name': 'dexycb', 'joint_names': JOINTS}
    SPLITS = SPLITS
    MODALITIES = ('rgb', 'depth', 'mask')
    SIGNATURE = ('20[0-9]*-subject-[0-9]*/20*/meta.yml', 'calibration/intrinsics/*_640x480.yml')
    PUBLISHED = {'train': 465504, 'val': 23200, 'test': 93302}

    def __init__(
        self,
        data_root: str,
        split: str,
        *,
        setup: str = 's0',
        sides: Sequence[str] = SIDES,
        subjects: Sequence[int] | None = None,
        cameras: Sequence[str] | None = None,
        visibility: str = 'depth',
        visible_within: float = 25.0,
        extrinsics: str = 'camera_to_master',
        **common: Unpack[CommonArguments],
    ) -> None:
        check_choice(split, self.SPLITS, 'DexYCBDataset(split=...)')
        check_choice(setup, SETUPS, 'DexYCBDataset(setup=...)')
        check_choice(visibility, ('depth', 'seg', 'inside'), 'DexYCBDataset(visibility=...)')
        check_choice(extrinsics, EXTRINSICS, 'DexYCBDataset(extrinsics=...)')
        numbers = range(1, len(SUBJECTS) + 1)
        _check_some('sides', sides, SIDES)
        _check_some('subjects', numbers if subjects is None else subjects, numbers)
        _check_some('cameras', SERIALS if cameras is None else cameras, SERIALS)
        if not 0 < visible_within <= FARTHEST:
            raise ValueError(f'DexYCBDataset(visible_within=...) must be a length above 0 mm, found {visible_within!r}')
        self.setup, self.sides, self.extrinsics = setup, tuple(sides), extrinsics
        self.subjects = tuple(numbers) if subjects is None else tuple(sorted(subjects))
        in_split = select(setup, split, 1).cameras
        self.cameras = tuple(i for i in in_split if cameras is None or SERIALS[i] in cameras)
        if not self.cameras:
            raise ValueError(
                f'DexYCBDataset: none of cameras={tuple(cameras)} is in split {split!r} of setup {setup!r}, which has '
                f'{[SERIALS[i] for i in in_split]}'
            )
        self.visibility, self.visible_within = visibility, float(visible_within)
        if setup != 's0' or subjects is not None or cameras is not None or set(sides) != set(SIDES):
            self.PUBLISHED = {}
        super().__init__(data_root, split, **common)
        self.unlabelled = int(self.index['unlabelled'])
        if self.unlabelled:
            MMLogger.get_current_instance().info(
                f'{data_root}: {self.unlabelled} frames without a visible hand (joints of -1) are left out'
            )

    @property
    def _in_split(self) -> list[int]:
        """Return the subjects of whom the split has sequences, also if none of these is on disk."""
        return [subject for subject in self.subjects if select(self.setup, self.split, subject).sequences]

    @cached_property
    def _sequences(self) -> list[tuple[int, str]]:
        """Return the subject and the folder of each sequence of the split."""
        found = []
        for subject in self._in_split:
            names = list_sequences(self._expect_subject(subject))
            places = select(self.setup, self.split, subject).sequences
            found += [(subject, f'{SUBJECTS[subject - 1]}/{names[i]}') for i in places if i < len(names)]
        if not found:
            raise ValueError(
                f'{str(self.data_root)!r}: no sequence of subjects {self.subjects} is in split {self.split!r} of setup '
                f'{self.setup!r}; choose others'
            )
        return found

    def _expect_subject(self, subject: int) -> Path:
        """Return the folder of a subject, which must exist."""
        try:
            return self.expect(SUBJECTS[subject - 1])
        except FileNotFoundError as error:
            there = [i for i, name in enumerate(SUBJECTS, 1) if (self.data_root / name).is_dir()]
            if not there:
                raise
            raise FileNotFoundError(f'{error}; download the rest, or choose subjects={there}') from None

    def sources(self) -> list[str]:
        """Return the folders of subjects, sequences and cameras, the sequences' descriptions and the calibrations."""
        folders = [path for _, path in self._sequences]
        wanted = {SERIALS[camera] for camera in self.cameras}
        return [
            *(SUBJECTS[subject - 1] for subject in self._in_split),
            *(f'{path}/meta.yml' for path in folders),
            *(f'{path}/{name}' for path in folders for name in sorted(wanted.intersection(self._list(path)))),
            *map(intrinsics_file, self.cameras),
            *sorted(
                f'calibration/{path.parent.name}/{path.name}' for path in self.data_root.glob(extrinsics_file('*'))
            ),
        ]

    def _list(self, path: str) -> list[str]:
        return os.listdir(self.data_root / path)

    def index_settings(self) -> dict:
        """Return the settings that select the samples and decide visibility."""
        return dict(
            setup=self.setup,
            sides=self.sides,
            subjects=self.subjects,
            cameras=self.cameras,
            visibility=[self.visibility, self.visible_within],
            extrinsics=self.extrinsics,
            files=self._needed(),
        )

    def _needed(self) -> list[str]:
        """Return the kinds of files that every frame must have."""
        depth = 'depth' in self.modalities or self.visibility == 'depth'
        return ['labels'] + ['rgb'] * ('rgb' in self.modalities) + ['depth'] * depth

    def build_index(self) -> dict[str, np.ndarray]:
        """Read the sequences' descriptions, the calibrations and the label files, and compare the files' names."""
        folders, mismatches = list(self._folders()), self._count_sequences()
        which, frames, absent = self._list_frames(folders)
        mismatches += absent
        if not len(frames):
            files = ', '.join(NAMES[kind].format(0) for kind in self._needed())
            raise ValueError(
                f'{str(self.data_root)!r} has no frame of split {self.split!r} of setup {self.setup!r} with hands '
                f'{self.sides} of subjects {self.subjects} and the files {files}, ...; {_first(mismatches)}'
            )
        paths = [str(self.data_root / folder.path) for folder in folders]
        read = partial(read_labels, paths, which, frames, self.visibility, self.visible_within)
        rows = scan(read, len(frames), self.scratch, partial(self._fail, paths, which, frames))
        labelled = rows['labelled'] if len(rows['row']) else np.zeros(0, bool)
        kept = rows.pop('row')[labelled]
        if not len(kept):
            raise ValueError(f'{str(self.data_root)!r}: none of {len(frames)} frames of {self.split!r} has a label')
        rows = {name: column[labelled] for name, column in rows.items() if name != 'labelled'}
        return {
            'sample': frames[kept],
            'folder': which[kept],
            **rows,
            **self._describe(folders),
            'unlabelled': np.array((~labelled).sum()),
            'mismatches': np.array(mismatches, str),
        }

    def _folders(self) -> Iterator[_Folder]:
        """Yield the cameras' recordings of the split, sequence by sequence."""
        first, in_split = 0, select(self.setup, self.split, 1).cameras
        for number, (subject, path) in enumerate(self._sequences):
            meta = read_meta(self.data_root / path / 'meta.yml')
            for camera in in_split:
                if meta.side in self.sides and meta.frames and camera in self.cameras:
                    yield _Folder(subject, number, camera, f'{path}/{SERIALS[camera]}', meta, first)
                first += meta.frames

    def _count_sequences(self) -> list[str]:
        """Describe the subjects with another number of sequences: their places would decide wrong splits."""
        found = []
        for subject in self._in_split:
            count = len(list_sequences(self.data_root / SUBJECTS[subject - 1]))
            if count != SEQUENCES:
                found.append(
                    f'{str(self.data_root / SUBJECTS[subject - 1])!r} has {count} sequences, expected {SEQUENCES}, '
                    'whose places decide the split'
                )
        return found

    def _list_frames(self, folders: Sequence[_Folder]) -> tuple[np.ndarray, np.ndarray, list[str]]:
        """List the frames that have all needed files.

        Returns:
            Number of the folder and of the frame, each shape (N,), int32, by sequence, frame and
            camera; and a description of the missing files, if any.
        """
        patterns, rows, absent = [NAMES[kind] for kind in self._needed()], [], []
        for number, folder in enumerate(folders):
            path = self.data_root / folder.path
            there = set(os.listdir(path)) if path.is_dir() else set()
            for frame in range(folder.meta.frames):
                lacking = [name for name in (pattern.format(frame) for pattern in patterns) if name not in there]
                if lacking:
                    absent.append(f'{folder.path}/{lacking[0]}')
                else:
                    rows.append((folder.sequence, frame, folder.camera, number))
        rows = np.array(sorted(rows), np.int32).reshape(-1, 4)
        if absent:
            absent = [f"{str(self.data_root)!r} lacks files of {len(absent)} frames that 'num_frames' in meta.yml "
                      f'counts, first {absent[0]!r}']  # fmt: skip
        return rows[:, 3], rows[:, 1], absent

    def _fail(self, paths: Sequence[str], which: np.ndarray, frames: np.ndarray, row: int, error: Exception) -> None:
        """Take the error of a frame's labels."""
        with self.damage.guard(f'{paths[which[row]]}/{NAMES["labels"].format(frames[row])}'):
            raise error

    def _describe(self, folders: Sequence[_Folder]) -> dict[str, np.ndarray]:
        """Return the columns of the F folders: origin, side and camera."""
        matrices = {camera: read_intrinsics(self.data_root / intrinsics_file(camera)) for camera in self.cameras}
        rigs = {
            name: read_extrinsics(self.expect(extrinsics_file(name)), self.cameras, self.extrinsics)
            for name in sorted({folder.meta.extrinsics for folder in folders})
        }
        poses = [rigs[folder.meta.extrinsics][folder.camera] for folder in folders]
        return {
            'folders': np.array([folder.path for folder in folders]),
            'subject': np.array([folder.subject for folder in folders], np.int8),
            'sequence': np.array([folder.sequence for folder in folders], np.int32),
            'camera': np.array([folder.camera for folder in folders], np.int8),
            'side': np.array([SIDES.index(folder.meta.side) for folder in folders], np.int8),
            'first': np.array([folder.first for folder in folders], np.int64),
            'K': np.stack([matrices[folder.camera] for folder in folders]),
            'R': np.stack([rotation for rotation, _ in poses]),
            'T': np.stack([translation for _, translation in poses]),
        }

    def view_groups(self) -> np.ndarray:
        """Return the samples that show the same hand at the same time.

        Returns:
            Shape (G, V), int64, one column per camera of ``cameras`` (all 8 by default); -1 for a view that is not in
            the set.
        """
        captures, column = self.captures(), np.full(len(SERIALS), -1)
        column[list(self.cameras)] = np.arange(len(self.cameras))
        moments = number_rows(captures.sequence, captures.frame)
        return group_views(moments, column[captures.view], len(self.cameras))

    def captures(self) -> Captures:
        """Return person, sequence, frame and camera of all samples; a sequence has one hand."""
        folder = np.asarray(self.index['folder'])
        subject, sequence, view = (
            np.asarray(self.index[key], np.int64)[folder] for key in ('subject', 'sequence', 'camera')
        )
        names = tuple(path for _, path in self._sequences)
        return Captures(subject, sequence, np.asarray(self.index['sample'], np.int64), view, sequence, names)

    def get_record(self, index: int) -> dict:
        """Return sample ``index`` without its images."""
        frame, folder = int(self.index['sample'][index]), int(self.index['folder'][index])
        camera = {key: np.array(self.index[key][folder]) for key in ('K', 'R', 'T')}
        joints, keypoints, visible = (np.array(self.index[key][index]) for key in ('joints', 'keypoints', 'visible'))
        side = SIDES[self.index['side'][folder]]
        record = hand_record(
            joints.astype(np.float64), camera, side, SIZE, visible=visible, keypoints=keypoints.astype(np.float64)
        )
        path = str(self.index['folders'][folder])
        record |= dict(subject=int(self.index['subject'][folder]), sequence=path.rpartition('/')[0], frame=frame)
        record['view'] = int(self.index['camera'][folder])
        record['img_id'] = int(self.index['first'][folder]) + frame
        record['img_path'], record['depth_path'], record['mask_path'] = (
            f'{self.data_root}/{path}/{NAMES[kind].format(frame)}' for kind in ('rgb', 'depth', 'labels')
        )
        return record

    def load_depth(self, record: dict) -> np.ndarray:
        """Return the depth map of a record, shape (480, 640), float32, mm: of the whole scene."""
        return DEPTH.read(record['depth_path'])

    def load_mask(self, record: dict) -> np.ndarray:
        """Return the mask of the record's hand, shape (480, 640), bool."""
        try:
            return read_seg(record['mask_path']) == HAND
        except ArrayFileError as error:
            raise ImageReadError(str(error)) from error


def _first(mismatches: Sequence[str]) -> str:
    return mismatches[0] if mismatches else 'choose another split, other sides or subjects'


def _check_some(what: str, chosen: Sequence, known: Sequence) -> None:
    """Raise a ValueError unless a choice is some of the known values, each once."""
    if isinstance(chosen, str) or not chosen or len(set(chosen)) < len(chosen) or not set(chosen) <= set(known):
        raise ValueError(f'DexYCBDataset({what}=...) must be some of {tuple(known)}, each once, found {chosen!r}')
