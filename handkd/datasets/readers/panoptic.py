"""Reader of the hands of the CMU Panoptic Studio, as unpacked by its toolbox, and of the MTC release."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property

import numpy as np
from mmengine.logging import MMLogger
from typing_extensions import Unpack

from handkd.geometry import project
from handkd.hand import JOINTS, NUM_JOINTS, SIDES
from handkd.hints import check_choice
from handkd.registry import DATASETS
from handkd.units import FARTHEST

from ..file_dataset import CommonArguments, HandFileDataset
from ..label_checks import check_finite
from ..records import hand_record
from ..views import Captures, group_views, number_rows
from .missing import warn_of_missing
from .panoptic_files import MM, NODES, SIZE, FullRelease, LabelledHand, MTCRelease, to_numbers
from .panoptic_people import People

PANOPTIC_JOINTS: tuple[str, ...] = JOINTS
"""The joints in the files' order, OpenPose's, which is also handkd's."""

_ORDER = [PANOPTIC_JOINTS.index(name) for name in JOINTS]
_CAMERA = {'K': (3, 3), 'R': (3, 3), 'T': (3,), 'dist': (5,)}
_PLACE = ('sequence', 'frame', 'subject', 'side')
_ROW = [
    ('sequence', np.int16),
    ('frame', np.int32),
    ('person', np.int32),
    ('side', np.int8),
    ('joints', np.float32, (NUM_JOINTS, 3)),
    ('valid', bool, (NUM_JOINTS,)),
]


@DATASETS.register_module()
class PanopticHandDataset(HandFileDataset):
    """People in a dome, both of their hands seen by 31 synchronised HD cameras, 1920 x 1080, without depth.

    A sample is one hand in one camera. In the full release, ``data_root`` holds sequences as the owners' toolbox
    unpacks them: ``171204_pose1/calibration_171204_pose1.json``, ``hdHand3d/handRecon3D_hd00000165.json`` and
    ``hdImgs/00_00/00_00_00000165.jpg`` or ``.png``. It comes with videos, from which the toolbox extracts the images;
    hands without one are left out, :attr:`missing` counts them, and a warning names the first. In the MTC release it
    contains ``annotation/annotation.pkl``, ``annotation/camera_data.pkl`` and
    ``hdImgs/171204_pose1/00000165/00_00_00000165.jpg``.

    The labels were triangulated from a detector's joints. They do not model occlusion: ``keypoints_visible`` means
    inside the image. Joints beyond the angle at which the lens model folds back (45 degrees off the axis) count as
    outside; those behind the camera have no label in it.

    The other arguments are those of :class:`~handkd.datasets.HandFileDataset`: ``modalities`` ('rgb' alone),
    ``pipeline``, and ``on_corrupt`` (a damaged image, and a damaged label of a hand or frame; a damaged calibration or
    ``annotation.pkl`` is always an error).

    Args:
        data_root (str): The folder with the sequences, or with ``annotation``.
        split (str): 'all', 'train' or 'test'. The full release has no official split, see ``test_sequences``; the MTC
            release has its own lists.
        release (str): 'full' or 'mtc'. Defaults to 'full'.
        sequences (Sequence[str] | None): Which sequences to use; None is all on disk. Defaults to None.
        test_sequences (Sequence[str]): Sequences of the full release's test set. The default is the
            MTC release's. Defaults to ('171204_pose5', '171204_pose6').
        cameras (Sequence[int] | None): Numbers (nodes) of the HD cameras; None is each of 0 to 30 that has images.
            Defaults to None.
        min_joints_inside (int): Number of labelled joints that must lie inside an image for it to be a sample; all of
            them if a hand has fewer. The default is the rule of MTC's authors, who also leave out occluded views.
            Defaults to 21.
        min_score (float): Hands with a lower mean ``averageScore`` are left out, if the files have one; the
            threshold is that of a public converter. Defaults to 0.001.
        use_validity (bool): Whether a joint whose ``validity`` is 0 counts as unlabelled. No source documents
            the field exactly. A hand without any labelled joint is left out. Defaults to False.
        every_nth_frame (int): Uses the first labelled frame of each sequence, and every n-th from there: at 30 frames
            per second neighbours are nearly equal. The files of the others are not read. Defaults to 1: all.
        people (Sequence[Sequence[tuple[str, int]]]): Identities: of each person the (sequence, id) pairs in the files,
            such as ``[[('171204_pose2', 0), ('171204_pose2', 4)], ...]``. The tracker may give a person a
            new id during a sequence, and does not recognise people across sequences. Person i of the list is subject i;
            ids in no list are further subjects after these, by sequence and id. If two ids of a
            person show the same hand in one frame, the first in its list is used. Sequences that
            exist but are not used may be named. Defaults to (): each id of a sequence is a different person.

    Raises:
        FileNotFoundError: If the tree is missing; names what was expected and where.
        ValueError: If an argument or label is wrong; names the file, the frame and the joint.

    Attributes:
        missing (int): Number of hands in cameras left out because their image is missing.
        doubled (int): Number of hands left out because their person has another one of that side in the frame.
    """

    METAINFO: dict = {'dataset_name': 'panoptic', 'joint_names': JOINTS}
    SPLITS = ('all', 'train', 'test')
    MODALITIES = ('rgb',)
    SIGNATURE = ('*/calibration_*.json', MTCRelease.CAMERAS)

    def __init__(
        self,
        data_root: str,
        split: str,
        *,
        release: str = 'full',
        sequences: Sequence[str] | None = None,
        test_sequences: Sequence[str] = ('171204_pose5', '171204_pose6'),
        cameras: Sequence[int] | None = None,
        min_joints_inside: int = NUM_JOINTS,
        min_score: float = 0.001,
        use_validity: bool = False,
        every_nth_frame: int = 1,
        people: Sequence[Sequence[tuple[str, int]]] = (),
        **common: Unpack[CommonArguments],
    ) -> None:
        check_choice(release, ('full', 'mtc'), 'PanopticHandDataset(release=...)')
        chosen = NODES if cameras is None else tuple(cameras)
        if not chosen or len(set(chosen)) < len(chosen) or not set(chosen) <= set(NODES):
            raise ValueError(f'PanopticHandDataset(cameras=...) must be some of 0 to 30, each once, found {cameras!r}')
        if type(every_nth_frame) is not int or every_nth_frame < 1:
            raise ValueError(
                f'PanopticHandDataset(every_nth_frame=...) must be a whole number from 1 on, found {every_nth_frame!r}'
            )
        self.every_nth_frame, self._people = every_nth_frame, People(people)
        self.release, self.sequences, self.test_sequences = release, sequences, tuple(test_sequences)
        self.cameras, self._chosen = chosen, cameras is not None
        self.min_joints_inside, self.min_score, self.use_validity = min_joints_inside, min_score, use_validity
        super().__init__(data_root, split, **common)
        absent = self.index['missing']
        self.missing = len(absent)
        warn_of_missing(data_root, self.missing, (self._image(int(row), int(node)) for row, node in absent))
        self.doubled = int(self.index['doubled'])
        if self.doubled:
            MMLogger.get_current_instance().warning(
                f'{data_root}: {self.doubled} hands are left out: their person has another of that side in the frame'
            )

    def index_settings(self) -> dict:
        """Return the settings that select the samples."""
        return dict(
            release=self.release,
            sequences=self.sequences,
            test_sequences=self.test_sequences,
            cameras=self.cameras,
            min_joints_inside=self.min_joints_inside,
            min_score=self.min_score,
            use_validity=self.use_validity,
            every_nth_frame=self.every_nth_frame,
            people=self._people.groups,
        )

    @cached_property
    def _files(self) -> FullRelease | MTCRelease:
        if self.release == 'full':
            return FullRelease(self.data_root, self.every_nth_frame)
        return MTCRelease(self.data_root, self.split, self.every_nth_frame)

    def sources(self) -> list[str]:
        """Return the calibrations and the folders or files with labels and images."""
        if self.release == 'mtc':
            return self._files.sources()
        names = self._names(self._files.sequences())
        return [path for name in names for path in self._files.sources(name, self._nodes(name))]

    def _names(self, found: list[str]) -> list[str]:
        """Return the sequences of the split among those found."""
        if not found and self.release == 'mtc':
            raise ValueError(f'{str(self.data_root)!r}: annotation.pkl has no hands of split {self.split!r}')
        if not found:
            self.expect('SEQUENCE/calibration_SEQUENCE.json')
        for name in self.sequences or ():
            check_choice(name, found, 'PanopticHandDataset(sequences=...)')
        names = found if self.sequences is None else list(self.sequences)
        if self.split != 'all' and self.release == 'full':
            names = [name for name in names if (name in self.test_sequences) == (self.split == 'test')]
        if not names:
            raise ValueError(
                f'{str(self.data_root)!r} has no sequence of split {self.split!r}, only {found}; there is no official '
                f'split, choose another by test_sequences, which is {self.test_sequences}'
            )
        return names

    def _nodes(self, name: str) -> list[int]:
        """Return the cameras of a sequence: the chosen ones, or those that have images."""
        there = self._files.nodes(name)
        return list(self.cameras) if self._chosen else there

    def build_index(self) -> dict[str, np.ndarray]:
        """Read the labels and calibrations; find the hands inside each image, and the existing images."""
        labels = self._files.labels(self.damage)
        names = self._names(sorted(labels))
        self._people.check_sequences(self._files.sequences())
        cameras = {key: np.zeros((len(names), len(NODES), *shape)) for key, shape in _CAMERA.items()}
        hands, samples, missing, kinds, doubled = [], [], [], [], 0
        for number, name in enumerate(names):
            first = sum(map(len, hands))
            read = self._read_hands(labels[name], number)
            doubles = self._people.find_doubles(name, read['frame'], read['person'], read['side'])
            hands.append(read[~doubles])
            doubled += doubles.sum()
            kind, images = self._files.images(name, self._nodes(name), np.unique(hands[-1]['frame']))
            kinds.append(kind)
            for node, camera in self._read_cameras(name).items():
                for key, value in camera.items():
                    cameras[key][number, node] = value
                inside = self._is_inside(hands[-1], camera)
                there = np.isin(hands[-1]['frame'], images[node])
                for rows, kept in ((inside & there, samples), (inside & ~there, missing)):
                    rows = first + np.flatnonzero(rows)
                    kept.append(np.stack([rows, np.full_like(rows, node)], -1))
        found, missing, hands = (np.concatenate(parts) for parts in (samples, missing, hands))
        if not len(found):
            raise ValueError(
                f'{str(self.data_root)!r}: no image shows one of the {len(hands)} labelled hands of split '
                f'{self.split!r}; {len(missing)} are missing, such as '
                f'{self._files.image(names[0], 0, 0, kinds[0])!r} (or .png in the full release)'
            )
        found = found[np.lexsort((found[:, 1], found[:, 0]))]
        return {
            'sample': found[:, 0].astype(np.int32),
            'camera': found[:, 1].astype(np.int8),
            'missing': missing.astype(np.int32),
            'doubled': np.array(doubled),
            'names': np.array(names),
            'kinds': np.array(kinds),
            'subject': self._number_subjects(names, hands, np.unique(found[:, 0])),
            **{key: hands[key] for key in hands.dtype.names},
            **cameras,
        }

    def _number_subjects(self, names: list[str], hands: np.ndarray, shown: np.ndarray) -> np.ndarray:
        """Return the subject of each hand; -1 for hands without a sample, which do not count."""
        subject = np.full(len(hands), -1, np.int32)
        subject[shown] = self._people.number(names, hands['sequence'][shown], hands['person'][shown])
        return subject

    def _read_hands(self, labels: Iterable[LabelledHand], number: int) -> np.ndarray:
        """Return the hands of a sequence, one row each."""
        rows = []
        for hand in labels:
            with self.damage.guard(hand.file):
                if _read_score(hand) >= self.min_score:
                    joints, valid = _read_joints(hand, self.use_validity)
                    rows.append((number, hand.frame, hand.person, SIDES.index(hand.side), joints, valid))
        return np.array(rows, _ROW)

    def _read_cameras(self, name: str) -> dict[int, dict]:
        """Return a sequence's cameras in handkd's form, in mm."""
        cameras = self._files.cameras(name)
        absent = set(self._nodes(name)) - set(cameras)
        if absent:
            raise ValueError(f'{name}: the calibration has no HD camera {min(absent)}, only {sorted(cameras)}')
        chosen = {node: cameras[node] for node in self._nodes(name)}
        return {
            node: {'K': camera['K'], 'R': camera['R'], 'T': camera['t'] * MM, 'dist': camera['distCoef']}
            for node, camera in chosen.items()
        }

    def _is_inside(self, rows: np.ndarray, camera: Mapping) -> np.ndarray:
        """Return which hands have enough labelled joints inside a camera's image."""
        joints = rows['joints'].astype(np.float64) @ camera['R'].T + camera['T']
        needed = rows['valid'].sum(-1).clip(1, self.min_joints_inside)
        return (_see(joints, camera)[1] & rows['valid']).sum(-1) >= needed

    def _image(self, row: int, node: int) -> str:
        name, kind = (str(self.index[key][self.index['sequence'][row]]) for key in ('names', 'kinds'))
        return self._files.image(name, int(self.index['frame'][row]), node, kind)

    def view_groups(self) -> np.ndarray:
        """Return the samples that show the same hand at the same time.

        Returns:
            Shape (G, V), int64, one column per camera of ``cameras`` (all 31 by default); -1 for a view that is not in
            the set.
        """
        column = np.full(len(NODES), -1)
        column[list(self.cameras)] = np.arange(len(self.cameras))
        return group_views(self.index['sample'], column[self.index['camera']], len(self.cameras))

    def captures(self) -> Captures:
        """Return person, sequence, frame and camera of all samples.

        The files identify people within a sequence only: without ``people``, a subject is a person of one sequence.
        """
        row = np.asarray(self.index['sample'])
        sequence, frame, subject, side = (np.asarray(self.index[key], np.int64)[row] for key in _PLACE)
        track = number_rows(sequence, subject, side)
        view, names = np.asarray(self.index['camera'], np.int64), tuple(map(str, self.index['names']))
        return Captures(subject, sequence, frame, view, track, names)

    def get_record(self, index: int) -> dict:
        """Return sample ``index`` without its image."""
        row, node = int(self.index['sample'][index]), int(self.index['camera'][index])
        sequence = int(self.index['sequence'][row])
        camera = {key: np.array(self.index[key][sequence, node]) for key in _CAMERA}
        joints = np.array(self.index['joints'][row], np.float64) @ camera['R'].T + camera['T']
        keypoints, inside = _see(joints, camera)
        valid, side = self.index['valid'][row] & (joints[:, 2] > 0), SIDES[self.index['side'][row]]
        record = hand_record(joints, camera, side, SIZE, valid=valid, visible=inside, keypoints=keypoints)
        name, frame = str(self.index['names'][sequence]), int(self.index['frame'][row])
        subject = int(self.index['subject'][row])
        record |= dict(subject=subject, sequence=name, frame=frame, view=node)
        record['img_id'] = index
        record['img_path'] = self._image(row, node)
        return record


def _see(joints_cam: np.ndarray, camera: Mapping) -> tuple[np.ndarray, np.ndarray]:
    """Return the pixels (..., 2) of joints (..., 3), mm, camera frame, and which are inside the image, (...) bool."""
    ahead = joints_cam[..., 2] > 0
    z = np.where(ahead, joints_cam[..., 2], 1.0)[..., None]
    points = np.concatenate([joints_cam[..., :2], z], -1)
    # Beyond the angle at which the lens model folds back, points far outside would project into the image again.
    straight = ((points[..., :2] / z) ** 2).sum(-1) < 1
    pixels = project(points, camera).clip(-FARTHEST, FARTHEST)  # the folded model's numbers have no bounds
    framed = (pixels > -0.5).all(-1) & (pixels < np.subtract(SIZE, 0.5)).all(-1)
    return pixels, ahead & straight & framed


def _place_of(hand: LabelledHand) -> str:
    return f'{str(hand.file)!r}: frame {hand.frame}, person {hand.person}, {hand.side} hand'


def _read_score(hand: LabelledHand) -> float:
    """Return a hand's mean score; infinity if the file has none."""
    if 'averageScore' not in hand.label:
        return np.inf
    scores = to_numbers(hand.label['averageScore'])
    if not scores.size or not np.isfinite(scores).all():
        raise ValueError(f"{_place_of(hand)}: 'averageScore' must be finite numbers")
    return float(scores.mean())


def _read_joints(hand: LabelledHand, use_validity: bool) -> tuple[np.ndarray, np.ndarray]:
    """Return a hand's joints (21, 3), mm, in the studio's frame, and which of them are labelled, (21,) bool."""
    where = _place_of(hand)
    landmarks = to_numbers(hand.label.get('landmarks'))
    if landmarks.size != 3 * NUM_JOINTS:
        raise ValueError(f"{where}: 'landmarks' must be {3 * NUM_JOINTS} numbers, found {landmarks.size}")
    joints = landmarks.reshape(NUM_JOINTS, 3) * MM
    check_finite(joints[None], PANOPTIC_JOINTS, [hand.frame], hand.file)
    valid = np.ones(NUM_JOINTS, bool)
    if use_validity:
        validity = to_numbers(hand.label.get('validity'))
        if validity.shape != (NUM_JOINTS,):
            raise ValueError(f"{where}: 'validity' must be {NUM_JOINTS} numbers, found {validity.size}")
        valid = validity > 0
    return joints[_ORDER], valid[_ORDER]
