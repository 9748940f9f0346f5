"""Reader of the NYU hand pose data set (version 2; Tompson et al., 2014) in its original form."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from typing_extensions import Unpack

from handkd.geometry.camera import check_camera
from handkd.hand import FINGERS, JOINTS, NUM_PARTS, PART_UNKNOWN, SIDES
from handkd.hints import check_choice
from handkd.image_files import ImageReadError, read_raster
from handkd.reading import reading, shown
from handkd.registry import DATASETS

from ..file_dataset import CommonArguments, HandFileDataset
from ..label_checks import compare_images
from ..records import hand_record
from .depth_files import DepthFormat
from .matlab_files import load_mat

_SEGMENTS = ('KNU3_A', 'KNU3_B', 'KNU2_A', 'KNU2_B', 'KNU1_A', 'KNU1_B')
_PREFIX = {'little': 'F1', 'ring': 'F2', 'middle': 'F3', 'index': 'F4', 'thumb': 'TH'}

NYU_JOINTS: tuple[str, ...] = (
    *(f'{prefix}_{segment}' for prefix in _PREFIX.values() for segment in _SEGMENTS),
    *(f'PALM_{i}' for i in range(1, 7)),
)
"""The 36 joints in the file's order, by its names: five fingers from the little one on, each from tip to base,
then six points of the palm (1 and 2 the wrist's ulnar and radial side, 3 palm, 4 ulnar palm, 5 mid palm, 6 mid
wrist)."""

_EVALUATION_JOINTS = (
    *(f'{_PREFIX[finger]}_{segment}' for finger in _PREFIX if finger != 'thumb' for segment in ('KNU3_A', 'KNU2_B')),
    'TH_KNU3_A', 'TH_KNU3_B', 'TH_KNU2_B', 'PALM_1', 'PALM_2', 'PALM_3',
)  # fmt: skip
NYU_EVALUATION: tuple[int, ...] = tuple(NYU_JOINTS.index(name) for name in _EVALUATION_JOINTS)
"""Indices of the 14 joints of all published figures."""

_PALM_TO_TIP = ('KNU1_A', 'KNU2_B', 'KNU3_B', 'KNU3_A')
NYU_NAMES: dict[str, str] = {'wrist': 'PALM_3'} | {
    JOINTS[1 + 4 * f + i]: f'{_PREFIX[finger]}_{segment}'
    for f, finger in enumerate(FINGERS)
    for i, segment in enumerate(_PALM_TO_TIP)
}
"""handkd's joint name -> its name in the file."""

_ORDER = [NYU_JOINTS.index(NYU_NAMES[name]) for name in JOINTS]
_ROOTS = {'palm_3': NYU_JOINTS.index('PALM_3'), 'palm_6': NYU_JOINTS.index('PALM_6')}

_SIZE = (640, 480)
_CENTER = (320.0, 240.0)
_DEPTH = DepthFormat('GB', nothing=(2001,))  # value of pixels without a measurement


@DATASETS.register_module()
class NYUDataset(HandFileDataset):
    """A hand seen by three Kinects: 72757 training frames of one person; 8252 test frames of this and another one.

    The tree is ``train/`` and ``test/``, each with ``joint_data.mat`` and the images ``rgb_1_0000001.png``,
    ``depth_1_0000001.png``, ``synthdepth_1_0000001.png`` of cameras 1 to 3. The colour image is warped into the depth
    camera's view and black where there is no depth, so joints and depth fit both.

    The set has no part labels. If you have drawn or rendered some, put them next to the images, as
    ``parts_1_0000001.png``: 8 bit, one channel, 0 background, 1 to 20 handkd's parts, 255 unknown.

    The set does not label handkd's 21 joints. Joint 0 and the finger joints are the nearest of its 36: of each finger
    ``KNU1_A``, ``KNU2_B``, ``KNU3_B`` and ``KNU3_A`` from palm to tip. All 36 are in ``keypoints_cam_native``
    (1, 36, 3) mm and ``keypoints_native`` (1, 36, 2) px, which are transformed with the image as the others are;
    ``metainfo['native_joint_names']`` names them, and ``metainfo['native_evaluation']`` has the indices of the 14 of
    published figures. 2D joints are the file's; 3D joints are the file's with y pointing down.

    The other arguments are those of :class:`~handkd.datasets.HandFileDataset`: ``modalities`` ('rgb', 'depth', 'parts';
    the default is ('depth',)), ``pipeline``, and ``on_corrupt`` (a missing or damaged image, and labels of a frame that
    are not numbers).

    Args:
        data_root (str): The folder with ``train`` and ``test``.
        split (str): 'train', 'test', or one of the two test persons: 'test_1', the training person, or 'test_2',
            another one.
        views (Sequence[int]): Which cameras, of 1, 2, 3; samples of one frame are consecutive. Published figures
            use the first, the front view. Defaults to (1,).
        depth_source (str): 'depth', the sensor's, or 'synthdepth', rendered from the fitted hand. Defaults to 'depth'.
        joint0 (str): Joint 0: 'palm_3' (``PALM_3``, one of the 14 evaluated joints), or 'palm_6' (``PALM_6``,
            the middle of the wrist, nearer to the labels of other sets). Defaults to 'palm_3'.
        side (str): The hand's side in the images. They are mirrored: the person's left hand appears, and is labelled,
            as a right one. Defaults to 'right'.
        subject_boundary (int): First test frame, from 0, of the second person; bone lengths jump there. Defaults to
            2440.
        focal (Sequence[float]): Focal lengths fx and fy, px. The default is that of the set's own program; most papers
            have (588.03, 587.07). Defaults to (588.036865, 587.075073).

    Raises:
        FileNotFoundError: If the tree is missing; names what was expected and where.
        ValueError: If an argument or label is wrong; names the file, the frame and the joint.
    """

    METAINFO: dict = {
        'dataset_name': 'nyu',
        'joint_names': JOINTS,
        'native_joint_names': NYU_JOINTS,
        'native_evaluation': NYU_EVALUATION,
    }
    SPLITS = ('train', 'test', 'test_1', 'test_2')
    MODALITIES = ('rgb', 'depth', 'parts')
    DEFAULT_MODALITIES = ('depth',)
    SIGNATURE = ('train/joint_data.mat', 'test/joint_data.mat')
    PUBLISHED = {'train': 72757, 'test': 8252, 'test_1': 2440, 'test_2': 5812}

    def __init__(
        self,
        data_root: str,
        split: str,
        *,
        views: Sequence[int] = (1,),
        depth_source: str = 'depth',
        joint0: str = 'palm_3',
        side: str = 'right',
        subject_boundary: int = 2440,
        focal: Sequence[float] = (588.036865, 587.075073),
        **common: Unpack[CommonArguments],
    ) -> None:
        check_choice(depth_source, ('depth', 'synthdepth'), 'NYUDataset(depth_source=...)')
        check_choice(joint0, tuple(_ROOTS), 'NYUDataset(joint0=...)')
        check_choice(side, SIDES, 'NYUDataset(side=...)')
        self.views = tuple(views)
        if not self.views or len(set(self.views)) < len(self.views) or not set(self.views) <= {1, 2, 3}:
            raise ValueError(f'NYUDataset(views=...) must be some of 1, 2, 3, found {views!r}')
        if subject_boundary < 1:
            raise ValueError(f'NYUDataset(subject_boundary=...) must be at least 1, found {subject_boundary!r}')
        self.depth_source, self.joint0, self.side, self.boundary = depth_source, joint0, side, subject_boundary
        last = self.PUBLISHED['test'] - subject_boundary
        frames = {**self.PUBLISHED, 'test_1': subject_boundary, 'test_2': last}
        self.PUBLISHED = {name: count * len(self.views) for name, count in frames.items()}
        self._order = [_ROOTS[joint0], *_ORDER[1:]]
        self._intrinsics = np.array([[focal[0], 0, _CENTER[0]], [0, focal[1], _CENTER[1]], [0, 0, 1]], np.float64)
        check_camera(dict(K=self._intrinsics), 'NYUDataset(focal=...)')
        super().__init__(data_root, split, **common)

    @classmethod
    def offers(cls, settings: Mapping) -> tuple[str, ...]:
        """Return the modalities of the archive, and 'parts' if ``settings`` request them."""
        return cls.MODALITIES if 'parts' in settings.get('modalities', ()) else ('rgb', 'depth')

    @property
    def _folder(self) -> str:
        return self.split.split('_')[0]

    def _kinds(self) -> list[str]:
        """Return the prefixes of the names of the needed images."""
        kinds = {'rgb': 'rgb', 'depth': self.depth_source}
        needed = sorted(set(self.modalities) & set(kinds))
        return [f'{kinds[modality]}_{view}_' for modality in needed for view in self.views]

    def sources(self) -> list[str]:
        """Return the label file, and the folder with the images."""
        return [f'{self._folder}/joint_data.mat', self._folder]

    def index_settings(self) -> dict:
        """Return the views, the boundary between the test persons, and the prefixes of the checked images."""
        return dict(views=self.views, boundary=self.boundary, images=self._kinds())

    def build_index(self) -> dict[str, np.ndarray]:
        """Read the label file: the 36 joints of the split's frames and views."""
        path = self.data_root / self._folder / 'joint_data.mat'
        uvd, xyz = read_joint_data(path)
        frames = range(1, xyz.shape[1] + 1)
        mismatches = [compare_images(path.parent, frames, path, kind + '{:07d}.png') for kind in self._kinds()]
        start = self.boundary if self.split == 'test_2' else 0
        stop = self.boundary if self.split == 'test_1' else xyz.shape[1]
        if start >= xyz.shape[1]:
            raise ValueError(
                f'{str(path)!r} has {xyz.shape[1]} frames, but test_2 begins at frame {start}; set subject_boundary to '
                'the first frame of the second person'
            )
        rows = np.asarray(self.views) - 1
        # Samples of a frame are consecutive; y points up in the file.
        xyz = xyz[rows, start:stop].swapaxes(0, 1).reshape(-1, 36, 3) * (1.0, -1.0, 1.0)
        uv = uvd[rows, start:stop].swapaxes(0, 1).reshape(-1, 36, 3)[..., :2]
        frames = np.repeat(np.arange(start, start + len(xyz) // len(rows)) + 1, len(rows))
        sound = np.logical_and(*(self.damage.sound(values, NYU_JOINTS, frames, path) for values in (xyz, uv)))
        kept = np.repeat(sound.reshape(-1, len(rows)).all(1), len(rows))  # all views of a frame, or none
        return {
            'sample': frames[kept].astype(np.int32),
            'xyz': xyz[kept].astype(np.float32),
            'uv': uv[kept].astype(np.float32),
            'mismatches': np.array([text for text in mismatches if text], str),
        }

    def view_groups(self) -> np.ndarray:
        """Return the samples that show the same hand at the same time.

        Returns:
            Shape (G, V), int64, one column per camera in the order of ``views``; every frame has all views.
        """
        return np.arange(len(self)).reshape(-1, len(self.views))

    def get_record(self, index: int) -> dict:
        """Return sample ``index`` without its images."""
        native = np.array(self.index['xyz'][index])
        native_uv = np.array(self.index['uv'][index])
        camera = {'K': self._intrinsics.copy()}
        record = hand_record(native[self._order], camera, self.side, _SIZE, keypoints=native_uv[self._order])
        record['keypoints_cam_native'], record['keypoints_native'] = native[None], native_uv[None]
        view, frame = self.views[index % len(self.views)], int(self.index['sample'][index])
        stem = f'{self.data_root}/{self._folder}/{{}}_{view}_{frame:07d}.png'
        record['img_id'] = index
        record['img_path'] = stem.format('rgb')
        record['depth_path'] = stem.format(self.depth_source)
        if 'parts' in self.modalities:
            record['parts_path'] = stem.format('parts')
        return record

    def load_depth(self, record: dict) -> np.ndarray:
        """Return the depth map of a record, shape (480, 640), float32, mm: of the whole scene."""
        return _DEPTH.read(record['depth_path'])

    def load_parts(self, record: dict) -> np.ndarray:
        """Return the part map of a record's hand, shape (480, 640), uint8.

        Raises:
            OSError: If the file is missing, or has another form, size or value; names it.
        """
        path = record['parts_path']
        try:
            parts = read_raster(path, np.uint8, 1)
        except FileNotFoundError:
            raise FileNotFoundError(
                f'no part labels {path!r}: the archive has none; draw or render them for each frame, or '
                "leave 'parts' out of the modalities"
            ) from None
        if parts.shape != _SIZE[::-1]:
            raise ImageReadError(f'{path!r} has shape {parts.shape}, expected {_SIZE[::-1]} as the depth image')
        wrong = (parts > NUM_PARTS) & (parts != PART_UNKNOWN)
        if wrong.any():
            raise ImageReadError(f'{path!r} has value {parts[wrong][0]}, expected 0 to {NUM_PARTS} or {PART_UNKNOWN}')
        return parts


def read_joint_data(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Read a ``joint_data.mat``.

    Args:
        path: The file.

    Returns:
        ``joint_uvd`` in px, px, mm, and ``joint_xyz`` in mm, camera frame with y up, each (3 cameras, N frames, 36, 3).

    Raises:
        ValueError: If it is damaged, a MATLAB file of version 7.3, or has other joints or shapes; names it.
    """
    data = load_mat(path, ('joint_names', 'joint_uvd', 'joint_xyz'))
    with reading(path):
        names = tuple(str(np.ravel(name)[0]) for name in np.ravel(data['joint_names']))
    if names != NYU_JOINTS:
        raise ValueError(f"{str(path)!r}: 'joint_names' must be {NYU_JOINTS}, found {shown(names)}")
    uvd, xyz = data['joint_uvd'], data['joint_xyz']
    if uvd.shape != xyz.shape or uvd.shape[:1] + uvd.shape[2:] != (3, len(NYU_JOINTS), 3):
        raise ValueError(
            f"{str(path)!r}: 'joint_uvd' and 'joint_xyz' must have shape (3, N, 36, 3), "
            f'found {uvd.shape} and {xyz.shape}'
        )
    if uvd.dtype.kind not in 'iuf' or xyz.dtype.kind not in 'iuf':
        raise ValueError(f'{str(path)!r}: labels must be numbers, found {uvd.dtype} and {xyz.dtype}')
    return uvd, xyz
