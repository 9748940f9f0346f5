"""Reader of InterHand2.6M (Moon et al., 2020) in its original form."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
from tqdm import tqdm
from typing_extensions import Unpack

from handkd.hand import JOINTS, SIDES
from handkd.hints import check_choice
from handkd.registry import DATASETS

from ..file_dataset import CommonArguments, HandFileDataset
from ..index import open_index
from ..records import hand_record
from ..views import Captures, group_views, number_rows
from .interhand_files import HAND_TYPES, KINDS, pack_flags, read_cameras, read_data, read_joints

_ANNOTATIONS = 'annotations/{split}/InterHand2.6M_{split}_{kind}.json'
_INTERACTING = HAND_TYPES.index('interacting')
_CAMERA = ('K', 'R', 'T')


@DATASETS.register_module()
class InterHand26MDataset(HandFileDataset):
    """One or two hands of a person, seen by 80 to 140 synchronised cameras, 334 x 512 or 512 x 334, without depth.

    The tree, ``InterHand2.6M_5fps_batch1`` or ``InterHand2.6M``, is ``images/train/Capture0/0000_neutral_relaxed/
    cam400002/image4295.jpg`` and ``annotations/train/InterHand2.6M_train_data.json``, ``..._camera.json`` and
    ``..._joint_3d.json``, ``val`` and ``test`` alike. A sample is one hand in one image, so an image of two hands gives
    two. Its record has ``hand_type``: 'left', 'right' or 'interacting'. Cameras stand still during a capture, so that a
    capture is a sequence, named after split and capture, such as 'train_Capture0'.

    A joint is labelled if ``joint_valid`` is 1 both in the image's annotation and in the frame's entry of
    ``_joint_3d.json``, and it is not behind the camera. The labels do not model occlusion: ``keypoints_visible`` means
    inside the image. ``hand_type_valid`` and ``bbox`` of the files, and the MANO parameters, are not used.

    The annotation files have gigabytes: each is read once, entry by entry, and what the reader needs of it is kept in
    the cache by itself, so that a killed process continues with the next file, and other arguments read no JSON again.

    The other arguments are those of :class:`~handkd.datasets.HandFileDataset`: ``modalities`` ('rgb' alone),
    ``pipeline``, and ``on_corrupt`` (a damaged or missing image, a damaged entry of a file; a damaged
    ``_camera.json``, or a file that is no valid JSON, is always an error).

    Args:
        data_root (str): The folder with ``images`` and ``annotations``.
        split (str): 'train', 'val' or 'test'.
        hands (str): 'all', 'single' (images of one hand) or 'interacting' (images of two). Defaults to 'all'.
        captures (Sequence[str] | None): Names of the captures (persons' recordings) to use, such as ('0', '1'); None is
            all. Defaults to None.
        cameras (Sequence[str] | None): Names of the cameras to use, such as ('400002', '400004'); None is all. A
            view's number is a place in the sorted names of all cameras in ``_camera.json``. Defaults to None.
        every_nth_frame (int): Uses the first frame of each sequence in the file, and every n-th of its frames from
            there, by their numbers. Defaults to 1: all.
        need_joints (Sequence[str]): Joints without which a hand is left out, such as root and scale bone of a codec;
            with (), a hand needs any labelled joint. The default is the owners' rule: their code treats all joints
            of a hand without wrist as unlabelled. Defaults to ('wrist',).
        annotations (str): Path of the annotation files below ``data_root``, with ``{kind}`` in place of 'data',
            'camera' and 'joint_3d', and ``{split}`` if it occurs. Defaults to
            'annotations/{split}/InterHand2.6M_{split}_{kind}.json'.
        images (str): Folder below ``data_root`` that the files' ``file_name`` starts from. Defaults to
            'images/{split}'.

    Raises:
        FileNotFoundError: If the tree is missing; names what was expected and where.
        ValueError: If an argument or label is wrong; names the file, the entry and the key.

    Attributes:
        unlabelled (int): Number of hands left out because ``need_joints`` have no label.
    """

    METAINFO: dict = {'dataset_name': 'interhand26m', 'joint_names': JOINTS}
    SPLITS = ('train', 'val', 'test')
    MODALITIES = ('rgb',)
    SIGNATURE = ('annotations/*/InterHand2.6M_*_data.json', 'annotations/*/InterHand2.6M_*_camera.json')

    def __init__(
        self,
        data_root: str,
        split: str,
        *,
        hands: str = 'all',
        captures: Sequence[str] | None = None,
        cameras: Sequence[str] | None = None,
        every_nth_frame: int = 1,
        need_joints: Sequence[str] = ('wrist',),
        annotations: str = _ANNOTATIONS,
        images: str = 'images/{split}',
        **common: Unpack[CommonArguments],
    ) -> None:
        check_choice(hands, ('all', 'single', 'interacting'), 'InterHand26MDataset(hands=...)')
        for name, chosen in (('captures', captures), ('cameras', cameras)):
            if chosen is not None and (isinstance(chosen, str) or not chosen or len(set(chosen)) < len(chosen)):
                raise ValueError(f'InterHand26MDataset({name}=...) must be names, each once, found {chosen!r}')
        if '{kind}' not in annotations:
            raise ValueError(f'InterHand26MDataset(annotations=...) must contain {{kind}}, found {annotations!r}')
        if type(every_nth_frame) is not int or every_nth_frame < 1:
            raise ValueError(
                f'InterHand26MDataset(every_nth_frame=...) must be a whole number from 1 on, found {every_nth_frame!r}'
            )
        for joint in need_joints:
            check_choice(joint, JOINTS, 'InterHand26MDataset(need_joints=...)')
        self.hands, self.every_nth_frame, self.need_joints = hands, every_nth_frame, tuple(need_joints)
        self.captured = None if captures is None else tuple(map(str, captures))
        self.cameras = None if cameras is None else tuple(map(str, cameras))
        self._annotations, self._images = annotations, images
        super().__init__(data_root, split, **common)
        self.unlabelled = int(self.index['unlabelled'])

    def _below(self, kind: str) -> str:
        """Return the path of an annotation file below the root."""
        return self._annotations.replace('{kind}', kind).replace('{split}', self.split)

    def _folder(self) -> str:
        return self._images.replace('{split}', self.split)

    def sources(self) -> list[str]:
        """Return the annotation files, and the folder of the images."""
        return [*map(self._below, KINDS), self._folder()]

    def index_settings(self) -> dict:
        """Return the settings that select the samples."""
        return dict(
            hands=self.hands,
            captures=self.captured,
            cameras=self.cameras,
            every_nth_frame=self.every_nth_frame,
            need_joints=self.need_joints,
            annotations=self._annotations,
            images=self._images,
        )

    def _read_once(self, kind: str, read: Callable[[Path], dict[str, np.ndarray]]) -> Mapping[str, np.ndarray]:
        """Return the content of an annotation file; it has an index of its own, as reading it takes minutes."""
        path = self.data_root / self._below(kind)
        settings = dict(annotation_file=os.path.realpath(path))
        content = open_index(type(self), settings, [path], lambda _scratch: read(path))
        for fault in content['faults'].tolist():
            with self.damage.guard(path):
                raise ValueError(fault)
        return content

    def build_index(self) -> dict[str, np.ndarray]:
        """Read the annotation files, and list the folders of the images."""
        data, joints = self._read_once('data', read_data), self._read_once('joint_3d', read_joints)
        cameras = read_cameras(self.data_root / self._below('camera'))
        image, annotation = self._match_images(data)
        chosen = self._select(data, image, annotation)
        image, annotation = image[chosen], annotation[chosen]
        frame = self._find_frames(data, joints, image)
        camera, calibrations = self._find_cameras(data, cameras, image[frame >= 0])
        image, annotation, frame = image[frame >= 0], annotation[frame >= 0], frame[frame >= 0]
        valid = data['valid'][annotation] & joints['valid'][frame]
        shown = np.stack([np.isin(data['hand_type'][annotation], (side, _INTERACTING)) for side in (0, 1)], 1)
        needed = pack_flags(JOINTS.index(joint) for joint in self.need_joints)
        labelled = shown & ((valid & needed) == needed).all(-1) & valid.any(-1)
        row, side = np.nonzero(labelled)
        if not len(row):
            what = ', '.join(self.need_joints) or 'joint'
            raise ValueError(
                f'{str(self.data_root / self._below("data"))!r}: none of the {int(shown.sum())} hands of split '
                f"{self.split!r} with hands={self.hands!r} has a labelled {what} ('joint_valid')"
            )
        there = self._have_images(data, image[row])
        row, side = row[there], side[there]
        image, annotation, frame, camera = image[row], annotation[row], frame[row], camera[row]
        used, frame = np.unique(frame, return_inverse=True)
        self._check_once(data, image, (frame * len(calibrations['K'][0]) + camera) * len(SIDES) + side)
        return {
            'sample': image.astype(np.int32),
            'side': side.astype(np.int8),
            'valid': valid[row, side],
            'hand_type': data['hand_type'][annotation],
            'camera': camera.astype(np.int32),
            'joints_row': frame.astype(np.int32),
            'joints': joints['joints'][used],
            'size': np.stack([data[key][image] for key in ('width', 'height')], 1).astype(np.int32),
            **{key: data[key][image].astype(np.int32) for key in ('subject', 'capture', 'frame', 'folder')},
            'name': data['name'][image],
            **{key: data[key] for key in ('captures', 'folders')},
            **calibrations,
            'unlabelled': np.array(int((shown & ~labelled).sum())),
        }

    def _check_once(self, data: Mapping[str, np.ndarray], image: np.ndarray, moments: np.ndarray) -> None:
        """Raise a ValueError if two samples have the same frame, camera and side, numbered in ``moments`` (N,)."""
        order = np.argsort(moments)
        twice = np.flatnonzero(np.diff(moments[order]) == 0)
        if len(twice):
            name = data['name'][image[order[twice[0]]]].decode()
            raise ValueError(
                f'{str(self.data_root / self._below("data"))!r} has two annotations of one hand in one camera at one '
                f'time, such as in {name!r}: was it joined from two files?'
            )

    def _match_images(self, data: Mapping[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        """Return image and annotation of each annotation whose image is listed, as rows of the two lists."""
        where = self.data_root / self._below('data')
        order = np.argsort(data['id'], kind='stable')
        ids = data['id'][order]
        twice = np.flatnonzero(ids[1:] == ids[:-1])
        if len(twice):
            raise ValueError(f"{str(where)!r}: 'images' has the id {ids[twice[0]]} twice")
        place = np.searchsorted(ids, data['image_id']).clip(max=len(ids) - 1)
        listed = ids[place] == data['image_id']
        if not listed.all():
            with self.damage.guard(where):
                first = data['image_id'][~listed][0]
                raise ValueError(
                    f"{str(where)!r}: {int((~listed).sum())} of {len(listed)} annotations have an 'image_id' that "
                    f"is not an 'id' of 'images', such as {first}"
                )
        return order[place[listed]], np.flatnonzero(listed)

    def _select(self, data: Mapping[str, np.ndarray], image: np.ndarray, annotation: np.ndarray) -> np.ndarray:
        """Return which annotations are of the chosen hands, captures and cameras, shape (N,), bool."""
        both = data['hand_type'][annotation] == _INTERACTING
        chosen = np.ones(len(image), bool) if self.hands == 'all' else both == (self.hands == 'interacting')
        if self.every_nth_frame > 1:
            chosen &= self._is_nth_frame(data)[image]
        for key, wanted in (('capture', self.captured), ('camera', self.cameras)):
            names = data[f'{key}s']
            for name in wanted or ():
                check_choice(name, names.tolist(), f'InterHand26MDataset({key}s=...)')
            if wanted is not None:
                chosen &= np.isin(names, wanted)[data[key][image]]
        if not chosen.any():
            raise ValueError(
                f'{str(self.data_root / self._below("data"))!r}: split {self.split!r} has no image with '
                f'hands={self.hands!r}, captures={self.captured!r} and cameras={self.cameras!r}'
            )
        return chosen

    def _is_nth_frame(self, data: Mapping[str, np.ndarray]) -> np.ndarray:
        """Return which images are of the first and every n-th frame of their sequence, shape (M,), bool."""
        sequences = data['capture'].astype(np.int64) * len(data['sequences']) + data['sequence']
        frames, number = np.unique(sequences << 32 | data['frame'], return_inverse=True)  # by sequence, then by frame
        new = np.diff(frames >> 32, prepend=-1) != 0
        rank = np.arange(len(frames)) - np.flatnonzero(new)[np.cumsum(new) - 1]
        return (rank % self.every_nth_frame == 0)[number]

    def _find_frames(
        self, data: Mapping[str, np.ndarray], joints: Mapping[str, np.ndarray], image: np.ndarray
    ) -> np.ndarray:
        """Return the row of each image's frame in the joints' file, (N,); -1 if it has none, and may be left out."""
        numbers = {name: number for number, name in enumerate(joints['captures'].tolist())}
        capture = np.array([numbers.get(name, -1) for name in data['captures'].tolist()])[data['capture'][image]]
        known = joints['capture'] << 32 | joints['frame']
        wanted = capture.astype(np.int64) << 32 | data['frame'][image]
        order = np.argsort(known)
        place = np.searchsorted(known[order], wanted).clip(max=len(known) - 1)
        row = np.where(known[order][place] == wanted, order[place], -1)
        if (row < 0).any():
            where = self.data_root / self._below('joint_3d')
            with self.damage.guard(where):
                first = image[row < 0][0]
                raise ValueError(
                    f'{str(where)!r} lacks the frames of {int((row < 0).sum())} images, such as capture '
                    f'{str(data["captures"][data["capture"][first]])!r}, frame {data["frame"][first]}'
                )
        return row

    def _find_cameras(
        self, data: Mapping[str, np.ndarray], cameras: Mapping[tuple[str, str], dict], image: np.ndarray
    ) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        """Return each image's camera, and the cameras: names, those to use, and calibrations by capture and name."""
        seen = data['cameras'].tolist()
        pairs, number = np.unique(
            data['capture'][image].astype(np.int64) * len(seen) + data['camera'][image], return_inverse=True
        )
        names = sorted({name for _, name in cameras})
        shapes = {'K': (3, 3), 'R': (3, 3), 'T': (3,)}
        tables = {key: np.zeros((len(data['captures']), len(names), *shape)) for key, shape in shapes.items()}
        place = []
        for capture, camera in zip(*np.divmod(pairs, len(seen))):
            who = str(data['captures'][capture]), seen[camera]
            if who not in cameras:
                raise ValueError(
                    f'{str(self.data_root / self._below("camera"))!r} has no camera {who[1]!r} of capture {who[0]!r}, '
                    f'which {self._below("data")!r} names'
                )
            place.append(names.index(who[1]))
            for key in _CAMERA:
                tables[key][capture, place[-1]] = cameras[who][key]
        used = [names.index(name) for name in self.cameras or names]
        return np.array(place)[number], {'views': np.array(used), **tables}

    def _have_images(self, data: Mapping[str, np.ndarray], image: np.ndarray) -> np.ndarray:
        """Return which images exist, shape (N,), bool, or raise a ValueError if missing ones may not be left out."""
        folders, names = data['folder'][image], data['name'][image]
        there = np.zeros(len(image), bool)
        order = np.argsort(folders, kind='stable')
        starts = np.flatnonzero(np.diff(folders[order], prepend=-1))
        groups = np.split(order, starts[1:])
        root = self.data_root / self._folder()
        for rows in tqdm(groups, desc='listing image folders, once', disable=len(groups) <= 1000):
            found = _list(root / str(data['folders'][folders[rows[0]]]))
            there[rows] = [name in found for name in names[rows].tolist()]
        if not there.all():
            first = image[~there][0]
            path = root / str(data['folders'][data['folder'][first]]) / data['name'][first].decode()
            with self.damage.guard(path):
                raise ValueError(
                    f'{str(root)!r}: the images of {int((~there).sum())} of {len(there)} hands in '
                    f'{self._below("data")!r} are missing, first {str(path)!r}: unpack the missing archives'
                )
        return there

    def view_groups(self) -> np.ndarray:
        """Return the samples that show the same hand at the same time.

        Returns:
            Shape (G, V), int64, one column per camera of ``cameras`` (all by default); -1 for a view that is not in
            the set.
        """
        moments = np.asarray(self.index['joints_row'], np.int64) * len(SIDES) + self.index['side']
        views = self.index['views']
        column = np.full(views.max() + 1, -1)
        column[views] = np.arange(len(views))
        return group_views(moments, column[self.index['camera']], len(views))

    def captures(self) -> Captures:
        """Return person, sequence (a capture), frame and camera of all samples."""
        keys = ('subject', 'frame', 'camera', 'side', 'capture')
        subject, frame, view, side, capture = (np.asarray(self.index[key], np.int64) for key in keys)
        names = tuple(map(self._sequence, range(len(self.index['captures']))))
        return Captures(subject, capture, frame, view, number_rows(capture, subject, side), names)

    def _sequence(self, capture: int) -> str:
        return f'{self.split}_Capture{self.index["captures"][capture]}'

    def get_record(self, index: int) -> dict:
        """Return sample ``index`` without its image."""
        columns = self.index
        capture, view, side = (int(columns[key][index]) for key in ('capture', 'camera', 'side'))
        camera = {key: np.array(columns[key][capture, view]) for key in _CAMERA}
        world = np.array(columns['joints'][columns['joints_row'][index], side], np.float64)
        joints = world @ camera['R'].T + camera['T']
        valid = np.unpackbits(columns['valid'][index], count=len(JOINTS)).astype(bool) & (joints[:, 2] > 0)
        size = tuple(map(int, columns['size'][index]))
        record = hand_record(joints, camera, SIDES[side], size, valid=valid)
        record |= dict(
            subject=int(columns['subject'][index]),
            sequence=self._sequence(capture),
            frame=int(columns['frame'][index]),
            view=view,
            hand_type=HAND_TYPES[columns['hand_type'][index]],
        )
        folder = str(columns['folders'][columns['folder'][index]])
        record['img_id'] = index
        record['img_path'] = os.path.join(self.data_root, self._folder(), folder, columns['name'][index].decode())
        return record


def _list(folder: Path) -> set[bytes]:
    """Return the names of a folder's files; none if it is missing."""
    try:
        with os.scandir(os.fsencode(folder)) as entries:
            return {entry.name for entry in entries}
    except (FileNotFoundError, NotADirectoryError):
        return set()
