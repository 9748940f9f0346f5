"""Reader of HO-3D (Hampali et al., CVPR 2020), versions 2 and 3, in its original form."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import cached_property, partial

import numpy as np
from mmengine.logging import MMLogger
from typing_extensions import Unpack

from handkd.hand import JOINTS
from handkd.hints import check_choice
from handkd.registry import DATASETS

from ..file_dataset import CommonArguments, HandFileDataset
from ..records import hand_record
from ..scanning import scan
from ..views import Captures, group_views, number_rows
from .depth_files import DepthFormat
from .ho3d_files import EXTRINSICS, ORDERS, VIEWS, calibration_folder, read_list, read_meta, read_pose, read_truth

_SIZE = (640, 480)
_DEPTH = DepthFormat('GR', unit=0.12498664727900177)
_SUFFIXES = {'v2': 'png', 'v3': 'jpg'}
_PUBLISHED = {'v2': {'train': 66034, 'evaluation': 11524}, 'v3': {'train': 83325, 'evaluation': 20137}}
_TRUTH = 'evaluation_xyz.json'
_SAME_WRIST = 50.0
"""Largest distance of the wrists in a frame's own file and in the published truth, mm."""


@DATASETS.register_module()
class HO3DDataset(HandFileDataset):
    """Right hands of ten people who hold objects, seen by up to five RGB-D cameras, 640 x 480.

    The tree is ``train/ABF10/rgb/0000.jpg`` (version 2: ``.png``), ``depth/0000.png`` and ``meta/0000.pkl`` and so on,
    ``evaluation/`` alike, and ``train.txt`` and ``evaluation.txt``, whose lines 'ABF10/0000' are the samples, in their
    order. The last digit of a sequence is its camera if ``calibration/`` has the rest of its name: 'ABF10' to 'ABF14'
    are five views of the recording 'ABF1'. Their world is that of the calibration; of a single camera it is its frame.

    Frames whose labels are None are left out: :attr:`unlabelled` counts them. In the split 'evaluation', the files of
    the frames have the wrist and a box only. The other joints come from ``evaluation_xyz.json``, published in November
    2024; without it they have no label (``keypoints_valid`` is 0), so such samples can be predicted but not scored.
    ``bbox`` there is the file's in both cases. ``keypoints`` are projected joints, and ``keypoints_visible`` means
    inside the image: the set does not say which joints the object hides.

    The other arguments are those of :class:`~handkd.datasets.HandFileDataset`: ``modalities`` ('rgb', 'depth'; the
    default is ('rgb',)), ``pipeline``, and ``on_corrupt`` (missing or damaged files of a frame; a damaged list,
    calibration or ``evaluation_xyz.json`` is always an error).

    Args:
        data_root (str): The folder with ``train``, ``evaluation`` and the lists.
        split (str): 'train' or 'evaluation'.
        version (str): 'v2' or 'v3'. Defaults to 'v3'.
        truth (str): Joints of the split 'evaluation'. 'auto': of ``evaluation_xyz.json`` if it exists. 'file': of that
            file, which must exist. 'wrist': the wrist alone. Defaults to 'auto'.
        truth_order (str): Order of the joints in ``evaluation_xyz.json``: 'mano', as in the frames' files, or 'handkd'.
            Defaults to 'mano'.
        extrinsics (str): Direction of the matrices in ``calibration``: 'camera_to_world', or 'world_to_camera'.
            Defaults to 'camera_to_world'.

    Raises:
        FileNotFoundError: If the tree is missing; names what was expected and where.
        ValueError: If an argument or label is wrong, or files are missing; names the file and the key.

    Attributes:
        unlabelled (int): Number of frames left out because they have no label.
    """

    METAINFO: dict = {'dataset_name': 'ho3d', 'joint_names': JOINTS}
    SPLITS = ('train', 'evaluation')
    MODALITIES = ('rgb', 'depth')
    SIGNATURE = ('train/*/meta/*.pkl', 'evaluation/*/meta/*.pkl')
    PUBLISHED = _PUBLISHED['v3']

    def __init__(
        self,
        data_root: str,
        split: str,
        *,
        version: str = 'v3',
        truth: str = 'auto',
        truth_order: str = 'mano',
        extrinsics: str = 'camera_to_world',
        **common: Unpack[CommonArguments],
    ) -> None:
        check_choice(version, tuple(_SUFFIXES), 'HO3DDataset(version=...)')
        check_choice(truth, ('auto', 'file', 'wrist'), 'HO3DDataset(truth=...)')
        check_choice(truth_order, tuple(ORDERS), 'HO3DDataset(truth_order=...)')
        check_choice(extrinsics, EXTRINSICS, 'HO3DDataset(extrinsics=...)')
        self.version, self.truth, self.truth_order, self.extrinsics = version, truth, truth_order, extrinsics
        self.PUBLISHED = _PUBLISHED[version]
        super().__init__(data_root, split, **common)
        self.unlabelled = int(self.index['unlabelled'])
        log = MMLogger.get_current_instance()
        if self.unlabelled:
            log.info(f'{data_root}: {self.unlabelled} frames whose labels are None are left out')
        for text in self.limits:
            log.warning(text)

    @property
    def limits(self) -> list[str]:
        """Says that the evaluation split has no truth, and where to get it."""
        if self.split != 'evaluation' or self._has_truth:
            return []
        cause = f"truth='wrist' is set: leave it out, with {_TRUTH} in the folder"
        if not (self.data_root / _TRUTH).exists():
            cause = f'{_TRUTH} is missing: download it from the page of HO-3D and put it into this folder'
        return [
            f'{self.data_root}: only wrists are labelled: predict with this split, but take no figures from it, since '
            f'{cause}'
        ]

    @cached_property
    def _has_truth(self) -> bool:
        """Whether the joints of the evaluation split are read from the published file."""
        if self.split != 'evaluation' or self.truth == 'wrist':
            return False
        return self.truth == 'file' or (self.data_root / _TRUTH).exists()

    @cached_property
    def _frames(self) -> list[tuple[str, str]]:
        """Return the listed frames: sequence and frame, as written."""
        return read_list(self.expect(f'{self.split}.txt'))

    @cached_property
    def _sequences(self) -> list[str]:
        """Return the sequences of the split, sorted."""
        return sorted({sequence for sequence, _ in self._frames})

    def _kinds(self) -> dict[str, str]:
        """Return the folders of a sequence that every frame must have a file in, and the files' suffixes."""
        images = {'rgb': {'rgb': _SUFFIXES[self.version]}, 'depth': {'depth': 'png'}}
        return {'meta': 'pkl'} | {k: v for modality in self.modalities for k, v in images[modality].items()}

    def sources(self) -> list[str]:
        """Return the list, the folders of the sequences, the calibrations that there are, and the truth."""
        split, kinds = self.expect(self.split).name, self._kinds()
        calibrations = sorted(map(calibration_folder, self._calibrated))
        return [
            f'{split}.txt',
            *(f'{split}/{name}/{kind}' for name in self._sequences for kind in kinds),
            *sorted(set(calibrations)),
            *[_TRUTH] * self._has_truth,
        ]

    @cached_property
    def _calibrated(self) -> list[str]:
        """Return the sequences with a calibration: those of several cameras."""
        there = {folder for name in self._sequences if (self.data_root / (folder := calibration_folder(name))).is_dir()}
        return [name for name in self._sequences if calibration_folder(name) in there and name[-1].isdigit()]

    def index_settings(self) -> dict:
        """Return the version, the source of the evaluation's joints, and the checked folders."""
        return dict(
            version=self.version,
            truth=self.truth_order if self._has_truth else None,
            extrinsics=self.extrinsics,
            folders=sorted(self._kinds()),
        )

    def build_index(self) -> dict[str, np.ndarray]:
        """Read the list, the frames' labels and the calibrations, and compare the files' names."""
        listed, mismatches = self._compare()
        if not len(listed):
            raise ValueError(
                f'{str(self.data_root)!r}: {self.split}.txt lists no frame with its files; {mismatches[0]}'
            )
        files = [self._file(*self._frames[i], 'meta') for i in listed]
        read = partial(read_meta, files, self.split == 'evaluation')
        rows = scan(read, len(files), self.scratch, partial(self._fail, files))
        labelled = rows['labelled'] if len(rows['row']) else np.zeros(0, bool)
        kept = listed[rows['row'][labelled]]
        if not len(kept):
            raise ValueError(f'{str(self.data_root)!r}: none of {len(files)} frames of {self.split!r} has a label')
        joints, valid = rows['joints'][labelled], np.ones((len(kept), len(JOINTS)), bool)
        if self._has_truth:
            joints = self._merge_truth(joints[:, 0], kept)
        elif self.split == 'evaluation':
            valid[:, 1:] = False
        numbers = {name: number for number, name in enumerate(self._sequences)}
        return {
            'sample': kept.astype(np.int32),
            'sequence': np.array([numbers[self._frames[i][0]] for i in kept], np.int32),
            'frame': np.array([self._frames[i][1] for i in kept]),
            'joints': joints.astype(np.float32),
            'valid': valid,
            'K': rows['K'][labelled],
            'bbox': rows['bbox'][labelled],
            **self._read_poses(),
            'unlabelled': np.array((~labelled).sum()),
            'mismatches': np.array(mismatches, str),
        }

    def _file(self, sequence: str, frame: str, kind: str) -> str:
        """Return the path of a frame's file in one of its sequence's folders."""
        suffix = {'meta': 'pkl', 'rgb': _SUFFIXES[self.version], 'depth': 'png'}[kind]
        return f'{self.data_root}/{self.split}/{sequence}/{kind}/{frame}.{suffix}'

    def _compare(self) -> tuple[np.ndarray, list[str]]:
        """Return the places in the list of the frames that have all needed files, and describe the others."""
        kinds = self._kinds()
        there = {
            (name, kind): set(os.listdir(self.data_root / self.split / name / kind))
            for name in self._sequences
            for kind in kinds
        }
        kept, absent = [], []
        for place, (name, frame) in enumerate(self._frames):
            lacking = [kind for kind, suffix in kinds.items() if f'{frame}.{suffix}' not in there[name, kind]]
            kept += [] if lacking else [place]
            absent += [(name, frame, lacking[0])] if lacking else []
        if not absent:
            return np.array(kept), []
        other = self._other_version(there)
        first = self._file(*absent[0])
        return np.array(kept, int), [
            f'{str(self.data_root)!r} lacks files of {len(absent)} of the {len(self._frames)} frames in '
            f'{self.split}.txt, first {first!r}{other}'
        ]

    def _other_version(self, there: dict[tuple[str, str], set[str]]) -> str:
        """Return a hint if the images are those of the other version."""
        (other,) = set(_SUFFIXES) - {self.version}
        images = set().union(*(names for (_, kind), names in there.items() if kind == 'rgb'))
        if images and all(name.endswith(_SUFFIXES[other]) for name in images):
            return f'; the images are .{_SUFFIXES[other]}, as in version={other!r}'
        return ''

    def _fail(self, files: Sequence[str], row: int, error: Exception) -> None:
        """Take the error of a frame's labels."""
        with self.damage.guard(files[row]):
            raise error

    def _merge_truth(self, wrists: np.ndarray, kept: np.ndarray) -> np.ndarray:
        """Return the published joints (N, 21, 3), mm, of the kept frames; their wrists (N, 3) must be near them."""
        path = self.data_root / _TRUTH
        joints = read_truth(path, len(self._frames), self.truth_order)[kept]
        away = np.linalg.norm(joints[:, 0] - wrists, axis=-1)
        if (away > _SAME_WRIST).any():
            row = int(np.argmax(away))
            name = '/'.join(self._frames[kept[row]])
            raise ValueError(
                f'{str(path)!r}: entry {kept[row]}, of {name} by evaluation.txt, has the wrist {away[row]:.0f} mm from '
                f'that in the meta file of {name}: the list and the truth are not of the same version'
            )
        return joints

    def _read_poses(self) -> dict[str, np.ndarray]:
        """Return by sequence R (S, 3, 3) and T (S, 3), mm, world to camera, and view (S,), -1 without a calibration."""
        poses = {'R': np.tile(np.eye(3), (len(self._sequences), 1, 1)), 'T': np.zeros((len(self._sequences), 3))}
        views = np.full(len(self._sequences), -1, np.int8)
        for name in self._calibrated:
            number, view = self._sequences.index(name), int(name[-1])
            folder = self.data_root / calibration_folder(name)
            if view >= VIEWS:
                raise ValueError(f'{str(folder)!r}: {name!r} has camera {view}, expected 0 to {VIEWS - 1}')
            poses['R'][number], poses['T'][number] = read_pose(folder, view, self.extrinsics)
            views[number] = view
        return {**poses, 'view': views}

    def view_groups(self) -> np.ndarray:
        """Return the samples that show the same hand at the same time.

        Returns:
            Shape (G, 5), int64, one column per camera; -1 for a view that is not in the set. Samples of recordings
            with a single camera, which have no calibration, are alone in the first column.
        """
        captures = self.captures()
        return group_views(number_rows(captures.sequence, captures.frame), captures.view, VIEWS)

    def captures(self) -> Captures:
        """Return recording, frame and camera of all samples.

        The files do not name the people: a subject is the person of one recording.
        """
        row, view = np.asarray(self.index['sequence']), np.asarray(self.index['view'], np.int64)
        of_sequence = [name if v < 0 else name[:-1] for name, v in zip(self._sequences, view)]
        numbers = np.array([self._recordings.index(name) for name in of_sequence])[row]
        frames = np.asarray(self.index['frame']).astype(np.int64)
        return Captures(numbers, numbers, frames, np.maximum(view, 0)[row], numbers, tuple(self._recordings))

    @cached_property
    def _recordings(self) -> list[str]:
        """Return the recordings, sorted: sequences, those of several cameras without the camera's digit."""
        return sorted({name if v < 0 else name[:-1] for name, v in zip(self._sequences, self.index['view'])})

    def get_record(self, index: int) -> dict:
        """Return sample ``index`` without its images."""
        number, frame = int(self.index['sequence'][index]), str(self.index['frame'][index])
        view, name = int(self.index['view'][number]), self._sequences[number]
        camera = {'K': np.array(self.index['K'][index]), **{k: np.array(self.index[k][number]) for k in ('R', 'T')}}
        joints, valid = np.array(self.index['joints'][index], np.float64), np.array(self.index['valid'][index])
        record = hand_record(joints, camera, 'right', _SIZE, valid=valid)
        if self.split == 'evaluation':
            record['bbox'] = np.array(self.index['bbox'][index])[None]
        recording = name if view < 0 else name[:-1]
        subject = self._recordings.index(recording)
        record |= dict(subject=subject, sequence=recording, frame=int(frame), view=max(view, 0))
        record['img_id'] = index
        record['img_path'], record['depth_path'] = (self._file(name, frame, kind) for kind in ('rgb', 'depth'))
        return record

    def load_depth(self, record: dict) -> np.ndarray:
        """Return the depth map of a record, shape (480, 640), float32, mm: of the whole scene."""
        return _DEPTH.read(record['depth_path'])
