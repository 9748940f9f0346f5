"""Reader of FreiHAND (Zimmermann et al., 2019), version 2, in its original form."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from typing_extensions import Unpack

from handkd.geometry.camera import check_camera
from handkd.hand import JOINTS, NUM_JOINTS
from handkd.hints import check_choice
from handkd.image_files import read_image
from handkd.reading import read_json, shown
from handkd.registry import DATASETS

from ..file_dataset import CommonArguments, HandFileDataset
from ..label_checks import compare_images
from ..records import hand_record

FREIHAND_JOINTS: tuple[str, ...] = JOINTS
"""The joints in the files' order, which is also handkd's."""

VERSIONS: tuple[str, ...] = ('gs', 'hom', 'sample', 'auto')
"""The copies of the training images in the files' order: in front of a green screen, then three recoloured ones."""

_ORDER = [FREIHAND_JOINTS.index(name) for name in JOINTS]
_SHAPES = {'K': (3, 3), 'xyz': (NUM_JOINTS, 3), 'scale': ()}
_SIZE = (224, 224)
_HANDS = {'training': 32560, 'evaluation': 3960}
_WHITE = 128
"""Pixels of a mask from this value on are the hand: masks are JPEG files."""


@DATASETS.register_module()
class FreiHANDDataset(HandFileDataset):
    """Right hands in 224 x 224 crops: 32,560 for training, each in four copies, and 3,960 for evaluation, no depth.

    The tree is ``training/rgb/00000000.jpg``, ``training/mask/``, ``evaluation/rgb/`` and ``training_K.json``,
    ``training_xyz.json``, ``training_scale.json``, ``evaluation_...`` alike. With n hands in the label files, training
    images i, i + n, i + 2n and i + 3n show hand i: once as photographed in front of a green screen, and three times
    with another background and colours. Only the images of the chosen copies must exist.

    ``keypoints_visible`` is derived: inside the image. Records have ``bone_length``, the length of the middle finger's
    proximal phalanx, mm, if ``..._scale.json`` exists. Other files, such as ``..._mano.json``, are not used.

    The other arguments are those of :class:`~handkd.datasets.HandFileDataset`: ``modalities`` ('rgb', 'mask'),
    ``pipeline``, and ``on_corrupt`` (missing or damaged images, and damaged entries of the label files).

    Args:
        data_root (str): The folder with ``training`` and ``evaluation``.
        split (str): 'training' or 'evaluation'.
        versions (Sequence[str]): Copies of the training images to use: 'gs' (green screen), 'hom', 'sample' and
            'auto' (recoloured). Only 'gs' has masks. Evaluation images have one copy, whatever is chosen. Defaults to
            ('gs', 'hom', 'sample', 'auto').
        truth (bool): Whether the labels of the evaluation images are read. They were published after the challenge, as
            ``evaluation_xyz.json``; without that file, False gives these images with ``bbox`` around the whole image
            and no labelled joint. Defaults to True.

    Raises:
        FileNotFoundError: If the tree is missing; names what was expected and where.
        ValueError: If an argument or label is wrong; names the file, the entry and the joint.
    """

    METAINFO: dict = {'dataset_name': 'freihand', 'joint_names': JOINTS}
    SPLITS = ('training', 'evaluation')
    MODALITIES = ('rgb', 'mask')
    SIGNATURE = ('training_K.json', 'evaluation_K.json')
    PUBLISHED = {'training': len(VERSIONS) * _HANDS['training'], 'evaluation': _HANDS['evaluation']}

    def __init__(
        self,
        data_root: str,
        split: str,
        *,
        versions: Sequence[str] = VERSIONS,
        truth: bool = True,
        **common: Unpack[CommonArguments],
    ) -> None:
        if isinstance(versions, str) or not versions or len(set(versions)) < len(versions):
            raise ValueError(f"FreiHANDDataset(versions=...) must be names such as ('gs',), found {versions!r}")
        for version in versions:
            check_choice(version, VERSIONS, 'FreiHANDDataset(versions=...)')
        self.versions = tuple(version for version in VERSIONS if version in versions)
        if not truth and split == 'training':
            raise ValueError('FreiHANDDataset(truth=False) is for the evaluation images; training always has labels')
        self.truth = truth
        self.PUBLISHED = {**self.PUBLISHED, 'training': len(self.versions) * _HANDS['training']}
        super().__init__(data_root, split, **common)

    @classmethod
    def offers(cls, settings: Mapping) -> tuple[str, ...]:
        """Return 'rgb', and 'mask' if a config's ``settings`` select the first copy of the training images alone."""
        alone = tuple(settings.get('versions', VERSIONS)) == ('gs',) and settings.get('split') == 'training'
        return cls.MODALITIES if alone else ('rgb',)

    def _labels(self) -> list[str]:
        """Return the kinds of label files; 'scale' if it exists, as no joint depends on it."""
        scale = ['scale'] if (self.data_root / f'{self.split}_scale.json').exists() else []
        return ['K', *(['xyz'] if self.truth else []), *scale]

    def sources(self) -> list[str]:
        """Return the label files and the needed image folders.

        Raises:
            ValueError: If masks are wanted of images that have none.
        """
        if not set(self.modalities) <= set(self.offers(dict(versions=self.versions, split=self.split))):
            raise ValueError(
                "FreiHANDDataset: only the first copy of the training images has masks; modalities with 'mask' need "
                f"split='training' and versions=('gs',), found split={self.split!r} and versions={self.versions}"
            )
        masks = [f'{self.split}/mask'] if 'mask' in self.modalities else []
        return [*(f'{self.split}_{kind}.json' for kind in self._labels()), f'{self.split}/rgb', *masks]

    def index_settings(self) -> dict:
        """Return the copies, the kinds of labels, and whether masks are checked."""
        return dict(versions=self.versions, truth=self.truth, masks='mask' in self.modalities)

    def expect(self, path: str) -> Path:
        """Return a path below ``data_root`` that must exist; the absent evaluation labels have a remedy."""
        try:
            return super().expect(path)
        except FileNotFoundError as error:
            if path != 'evaluation_xyz.json' or not (self.data_root / 'evaluation_K.json').exists():
                raise
            raise FileNotFoundError(
                f'{error}; these labels were published after the challenge: download them from the '
                "owners' page, or read the images without labels by truth=False"
            ) from error

    def build_index(self) -> dict[str, np.ndarray]:
        """Read the label files and compare them with the images."""
        paths = {kind: self.data_root / f'{self.split}_{kind}.json' for kind in self._labels()}
        lists = {kind: _read_list(path) for kind, path in paths.items()}
        count = len(lists['K'])
        for kind, entries in lists.items():
            if len(entries) != count:
                raise ValueError(
                    f'{str(paths[kind])!r} has {len(entries)} entries, but {str(paths["K"])!r} has {count}: copy or '
                    'download them again'
                )
        mismatches = self._compare_images(count, paths['K'])
        hands, values = [], {kind: [] for kind in lists}
        for hand in range(count):
            with self.damage.guard(paths['K']):
                found = {kind: _read_numbers(entries[hand], kind, hand, paths[kind]) for kind, entries in lists.items()}
                check_camera(dict(K=found['K']), f'{str(paths["K"])!r}, entry {hand}')
                hands.append(hand)
                for kind, value in found.items():
                    values[kind].append(value)
        columns = {kind: np.array(value) for kind, value in values.items()}
        if self.truth and hands:
            sound = self.damage.sound(1000 * columns['xyz'], FREIHAND_JOINTS, hands, paths['xyz'])
            hands = np.array(hands)[sound]
            columns = {kind: value[sound] for kind, value in columns.items()}
        hand = np.array(hands, np.int32)
        return {
            'sample': np.concatenate([hand + count * copy for copy in self._copies()]),
            'row': np.tile(np.arange(len(hand), dtype=np.int32), len(self._copies())),
            'K': columns['K'],
            'bone_length': 1000.0 * columns.get('scale', np.zeros(0)),
            'xyz': (1000 * columns['xyz'][:, _ORDER]).astype(np.float32)
            if self.truth
            else np.zeros((0, NUM_JOINTS, 3)),
            'mismatches': np.array(mismatches, str),
        }

    def _copies(self) -> list[int]:
        """Return the numbers of the chosen copies of the split's images."""
        return [VERSIONS.index(version) for version in self.versions] if self.split == 'training' else [0]

    def _compare_images(self, count: int, labels: Path) -> list[str]:
        """Return how the files of the image folders differ from those of the chosen copies of ``count`` hands."""
        folder, name = self.data_root / self.split, '{:08d}.jpg'
        every = range(len(VERSIONS) * count if self.split == 'training' else count)
        chosen = [hand + count * copy for copy in self._copies() for hand in range(count)]
        found = [compare_images(folder / 'rgb', chosen, labels, name, ignored=set(every) - set(chosen))]
        if 'mask' in self.modalities:
            found.append(compare_images(folder / 'mask', range(count), labels, name))
        if any(found) and count != _HANDS[self.split]:
            found.append(f'{str(labels)!r} has labels of {count} hands, the published file of {_HANDS[self.split]}')
        return ['; '.join(filter(None, found))] if any(found) else []

    def _file(self, folder: str, number: int) -> str:
        return f'{self.data_root}/{self.split}/{folder}/{number:08d}.jpg'

    def get_record(self, index: int) -> dict:
        """Return sample ``index`` without its images."""
        columns, number, row = self.index, int(self.index['sample'][index]), int(self.index['row'][index])
        camera = {'K': np.array(columns['K'][row])}
        if self.truth:
            record = hand_record(np.array(columns['xyz'][row], np.float64), camera, 'right', _SIZE)
        else:
            nothing = np.zeros((NUM_JOINTS, 3))
            record = hand_record(nothing, camera, 'right', _SIZE, valid=np.zeros(NUM_JOINTS, bool))
            record['bbox'] = np.array([[0, 0, _SIZE[0] - 1, _SIZE[1] - 1]], np.float32)
        if len(columns['bone_length']):
            record['bone_length'] = float(columns['bone_length'][row])
        record['img_id'] = index
        record['img_path'] = self._file('rgb', number)
        if self.offers(dict(versions=self.versions, split=self.split)) != ('rgb',):
            record['mask_path'] = self._file('mask', number)
        return record

    def load_mask(self, record: dict) -> np.ndarray:
        """Return the mask of a record's hand, shape (224, 224), bool."""
        return read_image(record['mask_path'])[..., 0] >= _WHITE


def _read_list(path: Path) -> list:
    """Return the entries of a label file."""
    entries = read_json(path)
    if not isinstance(entries, list) or not entries:
        raise ValueError(f'{str(path)!r} must be a list with one entry per hand, found {shown(entries)}')
    return entries


def _read_numbers(entry: object, kind: str, hand: int, path: Path) -> np.ndarray:
    """Return an entry of a label file as an array of its kind's shape, float64."""
    try:
        found = np.array(entry)
    except (ValueError, OverflowError):
        found = np.array(None)  # lists of unequal lengths
    if kind == 'scale':
        found = found.reshape(()) if found.size == 1 else found
    if found.shape != _SHAPES[kind] or found.dtype.kind not in 'iuf':
        what = found.shape if found.shape else shown(entry)
        raise ValueError(f'{str(path)!r}, entry {hand}: expected numbers of shape {_SHAPES[kind]}, found {what}')
    if kind == 'scale' and not 0 < found < 1:
        raise ValueError(f'{str(path)!r}, entry {hand}: expected the length of a bone in metres, found {found}')
    return found.astype(np.float64)
