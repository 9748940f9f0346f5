"""Reader of a user's own data in a plain form: images, and their labels as JSON lines."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import numpy as np
from mmengine.logging import MMLogger
from tqdm import tqdm
from typing_extensions import Unpack

from handkd.geometry import project
from handkd.hand import JOINTS, NUM_JOINTS, NUM_PARTS, PART_UNKNOWN
from handkd.image_files import ImageReadError, image_size, raster_size, read_raster
from handkd.registry import DATASETS

from ..file_dataset import KEYS, CommonArguments, HandFileDataset
from ..records import flat_record, hand_record
from ..views import Captures, group_captures
from .depth_files import DepthFormat
from .hand_folder_lines import FILES, parse_line, read_description, read_line
from .hand_folder_rig import PLACE, RigTable, read_captures
from .text_lines import MappedLines, numbered_lines

_PATHS = dict(zip(FILES, ('img_path', 'depth_path', 'mask_path', 'parts_path')))
_MIDDLE = JOINTS.index('middle_mcp')
_PLACES = {'camera': 'view', 'sequence': 'sequence', 'frame': 'frame', 'subject': 'subject'}
_NEEDED = {'rgb': 'image', 'depth': 'depth', 'mask': 'mask', 'parts': 'parts'}


@DATASETS.register_module()
class HandFolderDataset(HandFileDataset):
    """A user's own hands: a folder with one ``.jsonl`` file per split, one line per hand, and images.

    A line is a JSON object. Paths are relative to the folder; coordinates in 3D are mm in the camera's frame (x right,
    y down, z forward), in 2D px with pixel centres at whole numbers.

    - ``image``: 8-bit colour image; if EXIF rotates it, all coordinates are those of the upright image.
      ``depth``: 16-bit PNG of one channel in the same pixels, 0 without a measurement. One of the two is
      needed.
    - ``mask``: 8-bit PNG of one channel, not 0 on the hand. ``parts``: the same with handkd's part numbers.
    - ``joints_3d``: a list [x, y, z] per joint, null for a joint without a label; needs ``K``, the 3 x 3 intrinsics.
      ``joints_2d``: a list [u, v] per joint; by default the projection. A line with neither is unlabelled.
    - ``visible``: 0 or 1 per joint; by default 1 inside the image.
    - ``side``: 'left' or 'right'; needed.
    - ``dist``: OpenCV's five coefficients. ``R``, ``T``: from the world, in mm, to the camera.
    - ``box``: x1, y1, x2, y2. ``center``: [x, y, z], a point in the hand, such as a triangulated one, for
      ``HandCrop(center='hand')``, which needs no joints; needs ``K``. By default, in lines of a rig, the middle
      finger's base. ``id``: name of the line in errors. Keys that begin with ``x_`` are ignored.
    - ``camera``, ``frame``, ``subject``: whole numbers from 0, and ``sequence``, a name: which fixed camera of a rig
      took the image, at which time of which sequence, and the person. All lines of a file have all four, with ``K``,
      ``R`` and ``T``, or none. Samples with the same sequence, frame, subject and side in several cameras are views of
      one hand (:meth:`view_groups`).

    ``dataset.json`` in the folder may give the ``name`` of the set; ``joint_names``, the order of the lines' joints by
    handkd's names, any of the 21; ``depth_unit_mm``, the millimetres per count of the depth files (1.0); ``parts``, an
    object from the values of the part files to handkd's part numbers. A sample without 3D joints has no
    ``keypoints_cam``.

    The other arguments are those of :class:`~handkd.datasets.HandFileDataset`: ``modalities`` ('rgb', 'depth', 'mask',
    'parts', whose files each line must name; the default is ('rgb',)), ``pipeline``, and ``on_corrupt`` (a missing or
    damaged image, and a wrong line).

    Args:
        data_root (str): The folder.
        split (str): Name of one of its ``.jsonl`` files, without the suffix.
        allow_outside (bool): Whether paths in the lines may leave the folder (absolute ones, and those with '..'); the
            lines of a file from someone else could then name any file of yours. Symbolic links in the folder may lead
            anywhere. Defaults to False.
        keep_unlabelled (bool): Whether unlabelled lines are samples, with ``keypoints_valid`` 0, as for learning from
            views; else they are left out, and :attr:`unlabelled` counts them. Defaults to False.

    Raises:
        FileNotFoundError: If the file is missing; describes the folder.
        ValueError: If a line is wrong; names file, line and key, the expected and the found value.

    Attributes:
        unlabelled (int): Number of unlabelled lines left out.
    """

    MODALITIES = ('rgb', 'depth', 'mask', 'parts')
    SIGNATURE = ('*.jsonl',)

    def __init__(
        self,
        data_root: str,
        split: str,
        *,
        allow_outside: bool = False,
        keep_unlabelled: bool = False,
        **common: Unpack[CommonArguments],
    ) -> None:
        self.allow_outside, self.keep_unlabelled = allow_outside, keep_unlabelled
        # Without any such file, the error must be about the tree, not about the split.
        self.SPLITS = tuple(sorted(path.stem for path in Path(data_root).glob('*.jsonl'))) or (split,)
        self._description = read_description(Path(data_root))
        self._depth = DepthFormat(unit=self._description.depth_unit)
        super().__init__(data_root, split, **common)
        self._lines = MappedLines(self._path)
        self.unlabelled = int(self.index['unlabelled'])
        if self.unlabelled:
            MMLogger.get_current_instance().warning(
                f'{self._path}: {self.unlabelled} lines without joints are left out; keep_unlabelled=True keeps them'
            )

    @property
    def _path(self) -> Path:
        return self.data_root / f'{self.split}.jsonl'

    @property
    def metainfo(self) -> dict:
        """The data set's name, by ``dataset.json`` or the folder, and the joint names."""
        return {'dataset_name': self._description.name, 'joint_names': JOINTS}

    @classmethod
    def offers(cls, settings: Mapping) -> tuple[str, ...]:
        """Return the modalities whose files are named in the first undamaged line."""
        path = Path(settings['data_root']) / f'{settings["split"]}.jsonl'
        if not path.is_file():
            return cls.MODALITIES  # opening the set then reports the missing file
        named = _first_sound(path)
        found = tuple(modality for modality in cls.MODALITIES if _NEEDED[modality] in named)
        return found or cls.MODALITIES  # opening the set then reports the lines

    def sources(self) -> list[str]:
        """Return the text files."""
        described = (self.data_root / 'dataset.json').exists()
        return [f'{self.split}.jsonl', *['dataset.json'] * described]

    def label_files(self) -> list[str]:
        """Return all text files: the index holds the offsets of lines, not their content."""
        return self.sources()

    def index_settings(self) -> dict:
        """Return the settings of the check of the lines."""
        return dict(
            modalities=sorted(self.modalities),
            allow_outside=self.allow_outside,
            keep_unlabelled=self.keep_unlabelled,
        )

    def build_index(self) -> dict[str, np.ndarray]:
        """Check each line, and record its offset, whether it has joints, and its place in a rig."""
        path, rows, unlabelled, spatial = self._path, [], 0, False
        rig, size = RigTable(str(path)), path.stat().st_size
        with tqdm(total=size, unit='B', unit_scale=True, desc='checking lines, once', disable=size < 1e7) as bar:
            for number, offset, text in numbered_lines(path):
                with self.damage.guard(path):
                    line = self._read(text, number)
                    labelled, spatial = 'joints_3d' in line or 'joints_2d' in line, spatial or 'joints_3d' in line
                    if labelled or self.keep_unlabelled:
                        rig.add(line, number)
                        rows.append((offset, number, labelled))
                    unlabelled += not labelled and not self.keep_unlabelled
                bar.update(len(text))
        if not rows and not self.damage:
            remedy = (
                'all lines are without joints: keep_unlabelled=True reads them'
                if unlabelled
                else ('write one line per hand')
            )
            raise ValueError(f'{str(path)!r} has no labels; {remedy}')
        offsets, numbers, labelled = np.array(rows, np.int64).reshape(-1, 3).T
        columns = {'sample': offsets, 'line': numbers.astype(np.int32), 'labelled': labelled.astype(bool)}
        return {**columns, 'unlabelled': np.array(unlabelled), 'spatial': np.array(spatial), **rig.columns()}

    def _read(self, line: bytes, number: int) -> dict:
        files = [_NEEDED[modality] for modality in self.modalities]
        return read_line(line, f'{self._path}:{number}', self._description.joints, files, self.allow_outside)

    @property
    def labelled(self) -> np.ndarray:
        """Which samples have joints, shape (N,), bool; all unless ``keep_unlabelled``."""
        return self.index['labelled']

    def captures(self) -> Captures:
        """Return person, sequence, frame and camera of all samples.

        Raises:
            ValueError: If the lines do not give them.
        """
        return read_captures(self.index, str(self._path))

    def view_groups(self) -> np.ndarray:
        """Return the samples that show the same hand at the same time.

        Returns:
            Shape (G, V), int64, one column per camera, in the order of their numbers; -1 for a view that is not in the
            set.

        Raises:
            ValueError: If the lines do not give camera, sequence, frame and subject.
        """
        return group_captures(self.captures())

    def get_record(self, index: int) -> dict:
        """Return sample ``index`` without its images; only their size is read.

        Raises:
            OSError: If its image is missing or damaged.
        """
        line = self._read(self._lines.at(int(self.index['sample'][index])), int(self.index['line'][index]))
        paths = {_PATHS[key]: os.path.join(self.data_root, line[key]) for key in FILES if key in line}
        size = image_size(paths['img_path']) if 'img_path' in paths else raster_size(paths['depth_path'])
        record = _labels(line, size, bool(self.index['spatial']))
        record.update(paths, img_id=index)
        if 'box' in line:
            record['bbox'] = line['box'][None].astype(np.float32)
        if 'center' in line:
            record['hand_center'] = line['center'][None, None].astype(np.float32)
        elif 'camera' in line and 'joints_3d' in line and record['keypoints_valid'][0, _MIDDLE]:
            record['hand_center'] = record['keypoints_cam'][:, [_MIDDLE]]
        record.update({_PLACES[key]: line[key] for key in PLACE if key in line})
        return record

    def load(self, record: dict) -> None:
        """Read the images of ``modalities`` into a record.

        Raises:
            OSError: If one is missing, damaged, or of another size than the others; names it.
        """
        super().load(record)
        for modality in self.modalities:
            shape = record[KEYS[modality]].shape[:2]
            if shape != record['img_shape']:
                raise ImageReadError(
                    f'{record[_PATHS[_NEEDED[modality]]]!r} has shape {shape}, expected {record["img_shape"]} as the '
                    "line's other image"
                )

    def load_depth(self, record: dict) -> np.ndarray:
        """Return the depth map of a record, shape (H, W), float32, mm along the camera's optical axis."""
        return self._depth.read(record['depth_path'])

    def load_mask(self, record: dict) -> np.ndarray:
        """Return the mask of the hand, shape (H, W), bool."""
        return read_raster(record['mask_path'], np.uint8, 1) > 0

    def load_parts(self, record: dict) -> np.ndarray:
        """Return the part map of the hand, shape (H, W), uint8."""
        path, table = record['parts_path'], self._description.parts
        values = read_raster(path, np.uint8, 1)
        parts = values if table is None else table[values]
        wrong = (parts > NUM_PARTS) & (parts != PART_UNKNOWN)
        if wrong.any():
            known = f'0 to {NUM_PARTS} or {PART_UNKNOWN}' if table is None else "those of 'parts' in dataset.json"
            raise ImageReadError(f'{path!r} has value {values[wrong][0]}, expected {known}')
        return parts


def _first_sound(path: Path) -> dict:
    """Return the object of the first line that is JSON; the reader reports damaged ones."""
    for number, _, line in numbered_lines(path):
        with suppress(ValueError):
            return parse_line(line, f'{path}:{number}')
    return {}


def _labels(line: dict, size: tuple[int, int], spatial: bool) -> dict:
    """Return the labels of a parsed line; 2D joints are the labelled ones, else projections.

    Args:
        line: The parsed line.
        size: (width, height) of the image, px.
        spatial: Whether the set has 3D joints: an unlabelled line then has them, too, all invalid.
    """
    camera = {key: line[key] for key in ('K', 'R', 'T', 'dist') if key in line}
    flat = line.get('joints_2d')
    if 'joints_3d' in line:
        joints = line['joints_3d']
        if flat is not None and np.isnan(flat).any():
            flat = np.where(np.isnan(flat), project(joints, camera), flat)
        return hand_record(joints, camera, line['side'], size, ~np.isnan(joints[:, 0]), line.get('visible'), flat)
    pixels = np.full((NUM_JOINTS, 2), np.nan) if flat is None else flat
    record = flat_record(pixels, ~np.isnan(pixels[:, 0]), size, line['side'], line.get('visible'))
    if flat is None and spatial:
        record['keypoints_cam'] = np.zeros((1, NUM_JOINTS, 3), np.float32)
    if camera:
        record['camera'] = camera
    return record
