"""Reader of the Stereo Hand Pose Tracking Benchmark (STB; Zhang et al., 2016) in its original form."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from typing_extensions import Unpack

from handkd.geometry import axis_angle_to_matrix, register_depth, register_image
from handkd.hand import FINGERS, JOINT_INDEX, JOINTS, NUM_JOINTS, finger_joints
from handkd.hints import check_choice
from handkd.registry import DATASETS

from ..file_dataset import CommonArguments, HandFileDataset
from ..label_checks import compare_images
from ..records import hand_record
from ..views import group_views
from .depth_files import DepthFormat
from .matlab_files import load_mat

STB_JOINTS: tuple[str, ...] = ('palm', *(JOINTS[j] for finger in reversed(FINGERS) for j in finger_joints(finger)))
"""The joints in the file's order: the middle of the palm, then little finger to thumb, each from palm to tip."""

_ORDER = [STB_JOINTS.index('palm' if name == 'wrist' else name) for name in JOINTS]
_NAMES = [STB_JOINTS[i] for i in _ORDER]

SEQUENCES: tuple[str, ...] = tuple(f'B{i}{kind}' for i in range(1, 7) for kind in ('Counting', 'Random'))
"""The twelve sequences, of 1500 frames each; the first two are the published test set."""

_SPLITS = {'train': SEQUENCES[2:], 'test': SEQUENCES[:2]}
_FRAMES = 1500
_SIZE = (640, 480)
_DEPTH = DepthFormat('GR')  # the low byte is red, unlike RHD

_BB = np.array([[822.79041, 0.0, 318.47345], [0.0, 822.79041, 250.31296], [0.0, 0.0, 1.0]])
_SK_COLOR = np.array([[607.92271, 0.0, 314.78337], [0.0, 607.88192, 236.42484], [0.0, 0.0, 1.0]])
_SK_DEPTH = np.array([[475.62768, 0.0, 336.41179], [0.0, 474.77709, 238.77962], [0.0, 0.0, 1.0]])
# As published, x_depth = R x_color + t.
_R_DEPTH_COLOR = axis_angle_to_matrix([0.00531, -0.01196, 0.00301])
_T_DEPTH_COLOR = np.array([-24.0381, -0.4563, -1.2326])

_HERE = {'R': np.eye(3), 'T': np.zeros(3)}  # the camera whose frame the labels are in
_CAMERAS = {
    'BB_left': {'K': _BB, **_HERE},
    'BB_right': {'K': _BB, 'R': np.eye(3), 'T': np.array([-120.054, 0.0, 0.0])},
    'SK_depth': {'K': _SK_DEPTH, **_HERE},
    'SK_color': {'K': _SK_COLOR, 'R': _R_DEPTH_COLOR.T, 'T': -_R_DEPTH_COLOR.T @ _T_DEPTH_COLOR},
}
_CHOICES = {**{name: (name,) for name in _CAMERAS}, 'BB': ('BB_left', 'BB_right')}
_WRISTS = {
    'wrist_ring2.0': (('ring_mcp',), 2.0),
    'wrist_middle2.2': (('middle_mcp',), 2.2),
    'wrist_mean2.25': (tuple(f'{finger}_mcp' for finger in FINGERS[1:]), 2.25),
}
"""Rules for a wrist from the palm's middle p: finger bases with mean m, and the factor in m + factor (p - m)."""


@DATASETS.register_module()
class STBDataset(HandFileDataset):
    """One left hand with six backgrounds: 15000 training and 3000 test frames, 640 x 480.

    The tree is ``images/B1Counting/SK_color_0.png`` and so on, and ``labels/B1Counting_SK.mat``. Images in a second
    folder of the sequence's name inside the first are found too: some of the archives contain a folder, some do not.

    Two devices recorded each frame: a stereo pair (BB) without depth, and a depth sensor (SK), whose colour camera is
    24 mm from its depth camera. Image and depth of a sample are always in one view. With camera 'SK_color', the
    depth map is registered to it; with 'SK_depth', the image is, black where there is no depth, and
    ``img_path`` names the original file. All joints are labelled in all frames; ``keypoints`` are their
    projection.

    The other arguments are those of :class:`~handkd.datasets.HandFileDataset`: ``modalities`` ('rgb', 'depth'; the
    default is ('rgb',)), ``pipeline``, and ``on_corrupt`` (a missing or damaged image, and labels of a frame that are
    not numbers).

    Args:
        data_root (str): The folder with ``images`` and ``labels``.
        split (str): 'train': the ten sequences B2Counting to B6Random. 'test': B1Counting and B1Random.
        camera (str): View of a sample: 'SK_color', as in most papers that use depth; 'SK_depth'; 'BB_left';
            'BB_right'; or 'BB', both of the stereo pair as separate samples (30000 and 6000), as Zimmermann and
            Brox count. Defaults to 'SK_color'.
        joint0 (str): Joint 0. 'palm': the middle of the palm, as labelled. The others are wrists on the
            line from a finger base m through the palm's middle p, at m + factor (p - m): 'wrist_ring2.0' from the ring
            finger (Zimmermann and Brox, Ge et al.), 'wrist_middle2.2' from the middle finger (BiHand),
            'wrist_mean2.25' from the mean of the four (Minimal-Hand). Defaults to 'palm'.
        sequences (Sequence[str] | None): Sequences of this split instead of the published ones.
            Defaults to None.

    Raises:
        FileNotFoundError: If the tree is missing; names what was expected and where.
        ValueError: If an argument or label is wrong; names the file, the frame and the joint.
    """

    METAINFO: dict = {'dataset_name': 'stb', 'joint_names': JOINTS}
    SPLITS = ('train', 'test')
    MODALITIES = ('rgb', 'depth')
    SIGNATURE = ('labels/B[1-6]*_SK.mat', 'labels/B[1-6]*_BB.mat', 'images/B[1-6]Counting', 'images/B[1-6]Random')
    PUBLISHED = {'train': 15000, 'test': 3000}

    def __init__(
        self,
        data_root: str,
        split: str,
        *,
        camera: str = 'SK_color',
        joint0: str = 'palm',
        sequences: Sequence[str] | None = None,
        **common: Unpack[CommonArguments],
    ) -> None:
        check_choice(split, self.SPLITS, 'STBDataset(split=...)')
        check_choice(camera, tuple(_CHOICES), 'STBDataset(camera=...)')
        check_choice(joint0, ('palm', *_WRISTS), 'STBDataset(joint0=...)')
        self.sequences = _SPLITS[split] if sequences is None else tuple(sequences)
        for name in self.sequences:
            check_choice(name, SEQUENCES, 'STBDataset(sequences=...)')
        self.camera, self.joint0 = camera, joint0
        self.views = _CHOICES[camera]
        self.PUBLISHED = {split: _FRAMES * len(self.sequences) * len(self.views)}
        super().__init__(data_root, split, **common)
        if camera.startswith('BB') and 'depth' in self.modalities:
            raise ValueError(
                f"STBDataset(camera={camera!r}): the stereo pair has no depth maps; leave 'depth' out of modalities, "
                "or choose camera='SK_color' or 'SK_depth'"
            )
        self._folders = {name: self._image_folder(name) for name in self.sequences}

    def _image_folder(self, sequence: str) -> str:
        """Return a sequence's folder below the root, which may be inside another one of the same name."""
        nested = f'images/{sequence}/{sequence}'
        return nested if (self.data_root / nested).is_dir() else f'images/{sequence}'

    def _label_file(self, sequence: str) -> str:
        return f'labels/{sequence}_{self.camera[:2]}.mat'

    def _needed(self) -> list[str]:
        """Return the prefixes of the names of the needed images."""
        if self.camera.startswith('BB'):
            return [f'{view}_' for view in self.views]
        depth = 'depth' in self.modalities or self.camera == 'SK_depth'
        return ['SK_color_'] * ('rgb' in self.modalities) + ['SK_depth_'] * depth

    @classmethod
    def offers(cls, settings: Mapping) -> tuple[str, ...]:
        """Return the modalities of the chosen camera; the stereo pair has no depth."""
        return ('rgb',) if settings.get('camera', '').startswith('BB') else cls.MODALITIES

    def sources(self) -> list[str]:
        """Return the label files and the sequences' folders."""
        return [path for name in self.sequences for path in (self._label_file(name), self._image_folder(name))]

    def index_settings(self) -> dict:
        """Return the sequences, the camera, and the prefixes of the checked images."""
        return dict(sequences=self.sequences, camera=self.camera, needed=self._needed())

    def build_index(self) -> dict[str, np.ndarray]:
        """Read the label files, and count the images."""
        joints, sound, mismatches = [], [], []
        for name in self.sequences:
            path = self.data_root / self._label_file(name)
            joints.append(_read_labels(path))
            sound.append(self.damage.sound(joints[-1], _NAMES, range(len(joints[-1])), path))
            for prefix in self._needed():
                folder, frames = self.data_root / self._image_folder(name), range(len(joints[-1]))
                mismatches.append(compare_images(folder, frames, path, prefix + '{}.png'))
        counts = [len(part) for part in joints]
        frames, views = np.flatnonzero(np.concatenate(sound)), len(self.views)
        return {
            'sample': np.repeat(frames.astype(np.int32), views),
            'view': np.tile(np.arange(views, dtype=np.int8), len(frames)),
            'sequence': np.repeat(np.arange(len(counts), dtype=np.int8), counts),
            'number': np.concatenate([np.arange(count, dtype=np.int32) for count in counts]),
            'joints': np.concatenate(joints).astype(np.float32),
            'mismatches': np.array([text for text in mismatches if text], str),
        }

    def view_groups(self) -> np.ndarray:
        """Return the samples that show the same hand at the same time.

        Returns:
            Shape (G, V), int64, one column per view of ``camera`` (left, right); -1 for a view that is not in the set.
        """
        return group_views(self.index['sample'], self.index['view'], len(self.views))

    def get_record(self, index: int) -> dict:
        """Return sample ``index`` without its images."""
        frame, view = int(self.index['sample'][index]), self.views[self.index['view'][index]]
        joints = np.array(self.index['joints'][frame], np.float64)
        if self.joint0 != 'palm':
            joints[0] = wrist_from_palm(joints, self.joint0)
        camera = {key: value.copy() for key, value in _CAMERAS[view].items()}
        record = hand_record(joints @ camera['R'].T + camera['T'], camera, 'left', _SIZE)
        sequence, number = self.sequences[self.index['sequence'][frame]], int(self.index['number'][frame])
        folder = f'{self.data_root}/{self._folders[sequence]}'
        record['img_id'] = index
        record['img_path'] = f'{folder}/{view.replace("depth", "color")}_{number}.png'
        if view.startswith('SK'):
            record['depth_path'] = f'{folder}/SK_depth_{number}.png'
        return record

    def load_rgb(self, record: dict) -> np.ndarray:
        """Return the image of a record in the view of its camera, shape (480, 640, 3), uint8, BGR."""
        image = super().load_rgb(record)
        if self.camera != 'SK_depth':
            return image
        return register_image(image, _CAMERAS['SK_color'], _DEPTH.read(record['depth_path']), _CAMERAS['SK_depth'])

    def load_depth(self, record: dict) -> np.ndarray:
        """Return the depth map of a record in the view of its camera, shape (480, 640), float32, mm."""
        depth = _DEPTH.read(record['depth_path'])
        if self.camera == 'SK_depth':
            return depth
        return register_depth(depth, _CAMERAS['SK_depth'], _CAMERAS['SK_color'], _SIZE)


def wrist_from_palm(joints: np.ndarray, rule: str) -> np.ndarray:
    """Estimate the wrist of a hand whose joint 0 is the middle of the palm.

    Args:
        joints: Shape (21, 3), any unit and frame, in handkd's order except joint 0.
        rule: 'wrist_ring2.0', 'wrist_middle2.2' or 'wrist_mean2.25', see :class:`STBDataset`.

    Returns:
        Shape (3,), unit and frame of ``joints``.
    """
    names, factor = _WRISTS[rule]
    base = joints[[JOINT_INDEX[name] for name in names]].mean(0)
    return base + factor * (joints[0] - base)


def _read_labels(path: Path) -> np.ndarray:
    """Read a label file.

    Returns:
        Joints in handkd's order, shape (N, 21, 3), mm, in the frame of the device's first camera (BB left, SK depth).
    """
    labels = load_mat(path, ['handPara'])['handPara']
    if labels.ndim != 3 or labels.shape[:2] != (3, NUM_JOINTS) or labels.dtype.kind not in 'iuf':
        raise ValueError(
            f"{str(path)!r}: 'handPara' must be numbers of shape (3, {NUM_JOINTS}, N), found {labels.dtype} "
            f'{labels.shape}'
        )
    return labels.transpose(2, 1, 0).astype(np.float64)[:, _ORDER]
