"""Reader of a user's own data in a plain form: images, and their labels as JSON lines."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Unpack

import numpy as np
from tqdm import tqdm

from handkd.geometry import project
from handkd.hand import JOINTS, NUM_JOINTS, NUM_PARTS, PART_UNKNOWN
from handkd.registry import DATASETS

from ..file_dataset import KEYS, CommonArguments, HandFileDataset
from ..records import hand_record
from ..transforms import ImageReadError, image_size, raster_size, read_raster
from .depth_files import DepthFormat
from .hand_folder_lines import FILES, parse_line, read_description, read_line
from .text_lines import MappedLines, numbered_lines

_PATHS = dict(zip(FILES, ('img_path', 'depth_path', 'mask_path', 'parts_path')))
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
      ``joints_2d``: a list [u, v] per joint; by default the projection. One of the two is needed.
    - ``visible``: 0 or 1 per joint; by default 1 inside the image.
    - ``side``: 'left' or 'right'; needed.
    - ``dist``: OpenCV's five coefficients. ``R``, ``T``: from the world, in mm, to the camera.
    - ``box``: x1, y1, x2, y2. ``id``: name of the line in errors. Keys that begin with ``x_`` are ignored.

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

    Raises:
        FileNotFoundError: If the file is missing; describes the folder.
        ValueError: If a line is wrong; names file, line and key, the expected and the found value.
    """

    MODALITIES = ('rgb', 'depth', 'mask', 'parts')
    SIGNATURE = ('*.jsonl',)

    def __init__(
        self,
        data_root: str,
        split: str,
        *,
        allow_outside: bool = False,
        **common: Unpack[CommonArguments],
    ) -> None:
        self.allow_outside = allow_outside
        # Without any such file, the error must be about the tree, not about the split.
        self.SPLITS = tuple(sorted(path.stem for path in Path(data_root).glob('*.jsonl'))) or (split,)
        self._description = read_description(Path(data_root))
        self._depth = DepthFormat(unit=self._description.depth_unit)
        super().__init__(data_root, split, **common)
        self._lines = MappedLines(self.data_root / f'{split}.jsonl')

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
        return dict(modalities=sorted(self.modalities), allow_outside=self.allow_outside)

    def build_index(self) -> dict[str, np.ndarray]:
        """Check each line, and record its offset."""
        path, offsets, numbers = self.data_root / f'{self.split}.jsonl', [], []
        with tqdm(
            total=path.stat().st_size,
            unit='B',
            unit_scale=True,
            desc='checking lines, once',
            disable=path.stat().st_size < 1e7,
        ) as bar:
            for number, offset, line in numbered_lines(path):
                with self.damage.guard(path):
                    self._read(line, number)
                    offsets.append(offset)
                    numbers.append(number)
                bar.update(len(line))
        if not offsets and not self.damage:
            raise ValueError(f'{str(path)!r} has no labels; write one line per hand')
        return {'sample': np.array(offsets, np.int64), 'line': np.array(numbers, np.int32)}

    def _read(self, line: bytes, number: int) -> dict:
        files = [_NEEDED[modality] for modality in self.modalities]
        where = f'{self.data_root / self.split}.jsonl:{number}'
        return read_line(line, where, self._description.joints, files, self.allow_outside)

    def get_record(self, index: int) -> dict:
        """Return sample ``index`` without its images; only their size is read.

        Raises:
            OSError: If its image is missing or damaged.
        """
        line = self._read(self._lines.at(int(self.index['sample'][index])), int(self.index['line'][index]))
        paths = {_PATHS[key]: os.path.join(self.data_root, line[key]) for key in FILES if key in line}
        size = image_size(paths['img_path']) if 'img_path' in paths else raster_size(paths['depth_path'])
        record = _labels(line, size)
        record.update(paths, img_id=index)
        if 'box' in line:
            record['bbox'] = line['box'][None].astype(np.float32)
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


def _labels(line: dict, size: tuple[int, int]) -> dict:
    """Return the labels of a parsed line; 2D joints are the labelled ones, else projections."""
    camera = {key: line[key] for key in ('K', 'R', 'T', 'dist') if key in line}
    flat = line.get('joints_2d')
    if 'joints_3d' not in line:
        # Any points in front of the camera: the 2D joints replace their projections.
        record = hand_record(
            np.ones((NUM_JOINTS, 3)), camera, line['side'], size, ~np.isnan(flat[:, 0]), line.get('visible'), flat
        )
        del record['keypoints_cam']
        if not camera:
            del record['camera']
        return record
    joints = line['joints_3d']
    if flat is not None and np.isnan(flat).any():
        flat = np.where(np.isnan(flat), project(joints, camera), flat)
    return hand_record(joints, camera, line['side'], size, ~np.isnan(joints[:, 0]), line.get('visible'), flat)
