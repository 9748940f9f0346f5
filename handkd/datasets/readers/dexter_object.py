"""Reader of Dexter+Object (Sridhar et al., 2016) in its original form."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from mmengine.logging import MMLogger
from typing_extensions import Unpack

from handkd.geometry import register_depth, register_image
from handkd.geometry.camera import check_camera
from handkd.hand import FINGERS, JOINT_INDEX, JOINTS, NUM_JOINTS, SIDES
from handkd.hints import check_choice
from handkd.registry import DATASETS

from ..damaged_labels import DamagedLabels
from ..file_dataset import CommonArguments, HandFileDataset
from ..label_checks import check_finite
from ..records import hand_record
from .depth_files import DepthFormat, check_depth_unit
from .text_lines import numbered_lines

DEXTER_JOINTS: tuple[str, ...] = tuple(f'{finger}_tip' for finger in FINGERS)
"""The labelled joints in the files' order: thumb, index, middle, ring and little finger's tips."""

_SLOTS = [JOINT_INDEX[name] for name in DEXTER_JOINTS]

_FRAMES = {'Grasp1': 356, 'Grasp2': 648, 'Occlusion': 354, 'Rigid': 531, 'Pinch': 458, 'Rotate': 798}
_SIZES = {'depth': (320, 240), 'color': (640, 480)}
_K_DEPTH = np.array([[224.502, 0.0, 160.0], [0.0, 230.494, 120.0], [0.0, 0.0, 1.0]])


@DATASETS.register_module()
class DexterObjectDataset(HandFileDataset):
    """Six short videos of a hand with a box, with labels of the fingertips: for testing only.

    The tree is ``data/Grasp1/color/Color_0001.bmp``, ``data/Grasp1/depth/``, ``data/Grasp1/annotations/Grasp12D.txt``
    and ``Grasp13D.txt``, and so on. Line n of the label files belongs to the n-th image, by number. Joints other than
    the five tips are not labelled (``keypoints_valid`` is 0), nor are tips without a depth measurement.
    Some published labels miss the hand.

    Image and depth map of a sample are in one view. With camera 'depth', the image is registered to it, black where
    there is no depth, and ``img_path`` names the original file; with 'color', the depth map is registered.

    The other arguments are those of :class:`~handkd.datasets.HandFileDataset`: ``modalities`` ('rgb', 'depth'; the
    default is ('rgb',)), ``pipeline``, and ``on_corrupt`` (a damaged image or line of labels).

    Args:
        data_root (str): The folder with ``data``.
        split (str): 'all', or the name of a video: 'Grasp1', 'Grasp2', 'Occlusion', 'Rigid', 'Pinch' or 'Rotate'.
        camera (str): View of a sample: 'color' (640 x 480), or 'depth' (320 x 240), the camera in which the tips
            were labelled. The transformation of the tips to the colour image is not published, and two sources differ
            by about 26 px; so compare figures in px in the depth view only. 'color' is the default since it is the only
            one with whole photographs, and 3D errors are the same up to a rotation of one degree. Defaults to 'color'.
        color_center (Sequence[float]): Principal point of the colour camera, px. The default belongs to the calibration
            used here (a public loader's); the sensor's factory value is (320, 240). Try it if projected tips
            miss those in the images. Defaults to (325.0, 249.0).
        color_focal (Sequence[float]): Focal lengths fx and fy of the colour camera, px, of the same calibration.
            Defaults to (587.45209, 600.67456).
        color_rotation (Sequence[Sequence[float]]): The rotation R, shape (3, 3), from the depth camera's frame
            to the colour camera's: x_color = R x_depth + t. Of the same calibration.
            Defaults to ((0.9999, 0.0034, 0.0161), (-0.0033, 1.0, -0.0079), (-0.0162, 0.0079, 0.9998)).
        color_translation (Sequence[float]): Its t, mm. Defaults to (19.0473, -1.8514, -4.7501).
        axes (Sequence[float]): Factors of x, y and z in the 3D label files, so that x points right, y down
            and z forward, in mm. The default is a public loader's; another loader keeps x and y and moves
            the projected points instead. The right factors project the 3D labels onto the 2D ones in the depth
            view. Defaults to (-1, -1, 1).
        invalid_z (float): The z in the 3D label files, and the count in depth maps, that means 'no measurement'.
            The default comes from one loader's edition of the labels. Tips whose z is 0 or behind
            the camera are not labelled either. Defaults to 32001.0.
        depth_files (str): Pattern of the depth maps' names in a video's folder; 16-bit PNGs of one channel are
            expected. No source documents their names or encoding. Defaults to 'depth/*.png'.
        depth_unit (float): Millimetres per count of the depth maps. The default is that of most sets; no source
            documents it for this one. Defaults to 1.0.
        side (str): Side of the hand; both known loaders assume a left one. Defaults to 'left'.
        min_tips (int): Frames with fewer labelled tips are left out: a crop needs two. :attr:`unlabelled` counts
            them. Defaults to 2.

    Raises:
        FileNotFoundError: If the tree is missing; names what was expected and where.
        ValueError: If an argument or label is wrong; names the file, the line and the joint.

    Attributes:
        unlabelled (int): Number of frames left out because too few tips are labelled.
    """

    METAINFO: dict = {'dataset_name': 'dexter_object', 'joint_names': JOINTS}
    SPLITS = ('all', *_FRAMES)
    MODALITIES = ('rgb', 'depth')
    SIGNATURE = ('data/*/annotations/*3D.txt',)
    PUBLISHED = {'all': sum(_FRAMES.values()), **_FRAMES}

    def __init__(
        self,
        data_root: str,
        split: str,
        *,
        camera: str = 'color',
        color_center: Sequence[float] = (325.0, 249.0),
        color_focal: Sequence[float] = (587.45209, 600.67456),
        color_rotation: Sequence[Sequence[float]] = (
            (0.9999, 0.0034, 0.0161),
            (-0.0033, 1.0, -0.0079),
            (-0.0162, 0.0079, 0.9998),
        ),
        color_translation: Sequence[float] = (19.0473, -1.8514, -4.7501),
        axes: Sequence[float] = (-1, -1, 1),
        invalid_z: float = 32001.0,
        depth_files: str = 'depth/*.png',
        depth_unit: float = 1.0,
        side: str = 'left',
        min_tips: int = 2,
        **common: Unpack[CommonArguments],
    ) -> None:
        check_choice(camera, tuple(_SIZES), 'DexterObjectDataset(camera=...)')
        check_choice(side, SIDES, 'DexterObjectDataset(side=...)')
        check_depth_unit(depth_unit, 'DexterObjectDataset(depth_unit=...)')
        self.camera, self.side, self.depth_files, self.min_tips = camera, side, depth_files, min_tips
        self.axes, self.invalid_z = _numbers('axes', axes, (3,)), invalid_z
        self._depth_format = DepthFormat(unit=depth_unit, nothing=(invalid_z,))
        (fx, fy), (cx, cy) = _numbers('color_focal', color_focal, (2,)), _numbers('color_center', color_center, (2,))
        self._cameras = {
            'depth': {'K': _K_DEPTH, 'R': np.eye(3), 'T': np.zeros(3)},
            'color': {
                'K': np.array([[fx, 0.0, cx], [0.0, fy, cy], [0.0, 0.0, 1.0]]),
                'R': _numbers('color_rotation', color_rotation, (3, 3)),
                'T': _numbers('color_translation', color_translation, (3,)),
            },
        }
        check_camera(self._cameras['color'], 'DexterObjectDataset(color_...=...)')
        super().__init__(data_root, split, **common)
        self.unlabelled = int(self.index['unlabelled'])
        if self.unlabelled:
            MMLogger.get_current_instance().warning(
                f'{data_root}: {self.unlabelled} frames with fewer than {min_tips} labelled tips are left out'
            )

    def _films(self) -> list[str]:
        return list(_FRAMES) if self.split == 'all' else [self.split]

    def _patterns(self) -> dict[str, str]:
        """Return the patterns of the needed images, by the index's column of their names."""
        depth = 'depth' in self.modalities or self.camera == 'depth'
        patterns = {'image': 'color/Color_*.*'} if 'rgb' in self.modalities or not depth else {}
        return {**patterns, 'depth': self.depth_files} if depth else patterns

    def sources(self) -> list[str]:
        """Return the label files and the needed image folders."""
        paths = [f'annotations/{{film}}{kind}.txt' for kind in ('2D', '3D')]
        paths += [str(Path(pattern).parent) for pattern in self._patterns().values()]
        return [f'data/{film}/{path.format(film=film)}' for film in self._films() for path in paths]

    def index_settings(self) -> dict:
        """Return the patterns of images, the axes and sentinel of the labels, and the minimum of labelled tips."""
        return dict(
            patterns=self._patterns(), axes=self.axes.tolist(), invalid_z=self.invalid_z, min_tips=self.min_tips
        )

    def build_index(self) -> dict[str, np.ndarray]:
        """Read the label files, and list the images."""
        columns = {key: [] for key in ('film', 'tips', 'pixels', 'valid', 'sound', *self._patterns())}
        for number, film in enumerate(self._films()):
            folder = self.data_root / 'data' / film
            tips = _read_labels(folder / f'annotations/{film}3D.txt', 3, self.damage)
            pixels = _read_labels(folder / f'annotations/{film}2D.txt', 2, self.damage)
            if len(tips) != len(pixels):
                raise ValueError(
                    f'{str(folder / "annotations")!r}: {film}3D.txt has labels for {len(tips)} frames, and '
                    f'{film}2D.txt for {len(pixels)}; unpack the archive again'
                )
            for key, pattern in self._patterns().items():
                columns[key].append(_list_images(folder, pattern, len(tips), film))
            columns['film'].append(np.full(len(tips), number, np.int8))
            moved = tips * self.axes
            columns['sound'].append(np.isfinite(tips).all((1, 2)) & np.isfinite(pixels).all((1, 2)))
            columns['valid'].append((tips[..., 2] != self.invalid_z) & (moved[..., 2] > 0))
            columns['tips'].append(moved.astype(np.float32))
            columns['pixels'].append(pixels.astype(np.float32))
        joined = {key: np.concatenate(parts) for key, parts in columns.items()}
        labelled, sound = joined['valid'].sum(-1) >= self.min_tips, joined.pop('sound')
        return {
            'sample': np.flatnonzero(labelled & sound).astype(np.int32),
            'unlabelled': np.array((~labelled & sound).sum()),
            **joined,
        }

    def get_record(self, index: int) -> dict:
        """Return sample ``index`` without its images."""
        row = int(self.index['sample'][index])
        camera = {key: value.copy() for key, value in self._cameras[self.camera].items()}
        joints, valid = np.zeros((NUM_JOINTS, 3)), np.zeros(NUM_JOINTS, bool)
        joints[_SLOTS] = self.index['tips'][row] @ camera['R'].T + camera['T']
        valid[_SLOTS] = self.index['valid'][row]
        keypoints = None
        if self.camera == 'depth':
            keypoints = np.zeros((NUM_JOINTS, 2))
            keypoints[_SLOTS] = self.index['pixels'][row]
        size = _SIZES[self.camera]
        record = hand_record(joints, camera, self.side, size, valid=valid, keypoints=keypoints)
        folder = f'{self.data_root}/data/{self._films()[self.index["film"][row]]}'
        record['img_id'] = index
        for key, column in (('img_path', 'image'), ('depth_path', 'depth')):
            if column in self.index:
                record[key] = f'{folder}/{self.index[column][row]}'
        return record

    def load_rgb(self, record: dict) -> np.ndarray:
        """Return the image of a record in the view of its camera, shape (H, W, 3), uint8, BGR."""
        image = super().load_rgb(record)
        if self.camera == 'color':
            return image
        depth = self._depth_format.read(record['depth_path'])
        return register_image(image, self._cameras['color'], depth, self._cameras['depth'])

    def load_depth(self, record: dict) -> np.ndarray:
        """Return the depth map of a record in the view of its camera, shape (H, W), float32, mm."""
        depth = self._depth_format.read(record['depth_path'])
        if self.camera == 'depth':
            return depth
        return register_depth(depth, self._cameras['depth'], self._cameras['color'], _SIZES['color'])


def _numbers(what: str, value: Sequence, shape: tuple[int, ...]) -> np.ndarray:
    """Return an argument as float64; raise a ValueError if it is not finite numbers of the shape."""
    numbers = np.array(value, np.float64)
    if numbers.shape != shape or not np.isfinite(numbers).all():
        raise ValueError(f'DexterObjectDataset({what}=...) must be numbers of shape {shape}, found {value!r}')
    return numbers


def _by_number(name: str) -> list:
    """Return a sort key by which x_2 comes before x_10."""
    return [int(part) if part.isdecimal() else part for part in re.split(r'(\d+)', name)]


def _list_images(folder: Path, pattern: str, labels: int, film: str) -> np.ndarray:
    """Return the names of a video's images relative to its folder, by number, one for each labelled frame."""
    names = sorted((path.relative_to(folder).as_posix() for path in folder.glob(pattern)), key=_by_number)
    if len(names) != labels:
        raise ValueError(
            f'{str(folder)!r} has {len(names)} images {pattern!r}, but annotations/{film}3D.txt has labels for '
            f'{labels}; unpack the whole archive again'
        )
    return np.array(names)


def _read_labels(path: Path, dimensions: int, damage: DamagedLabels) -> np.ndarray:
    """Read a label file: one line per frame, ';' after each tip, ',' between its numbers; the rest is not read.

    Returns:
        Shape (N, 5, dimensions), float64; NaN for damaged lines, which keep their place.
    """
    frames = []
    for number, _, line in numbered_lines(path):
        frames.append(np.full((len(DEXTER_JOINTS), dimensions), np.nan))
        with damage.guard(path):
            frames[-1] = _read_line(path, number, line, dimensions)
    if not frames:
        raise ValueError(f'{str(path)!r} has no labels')
    return np.array(frames)


def _read_line(path: Path, number: int, line: bytes, dimensions: int) -> np.ndarray:
    tips = [tip.split(b',') for tip in line.split(b';')[: len(DEXTER_JOINTS)]]
    try:
        labels = np.array(tips, np.float64).reshape(len(DEXTER_JOINTS), dimensions)
    except ValueError:
        raise ValueError(
            f'{str(path)!r}:{number}: expected {len(DEXTER_JOINTS)} tips of {dimensions} numbers, with a '
            f'semicolon after each, found {line[:200].decode(errors="replace").strip()!r}'
        ) from None
    check_finite(labels[None], DEXTER_JOINTS, [number], path)
    return labels
