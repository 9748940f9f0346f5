"""Writes rendered hands as LM/MHP, the Large-scale Multiview 3D Hand Pose Dataset: four webcams and a Leap Motion.

The world is the Leap Motion's frame, in mm: x to the right, y up and z towards the user, the sensor at the origin.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np

from handkd.hand import JOINT_INDEX

from .frames import save_image, spread
from .photograph import Camera, photograph
from .python2 import pickle_as_python2
from .rig import look_at

_K = np.array([[614.878, 0, 313.219], [0, 615.479, 231.288], [0, 0, 1]])
_DIST = np.array([0.092701, -0.175877, -0.0035687, -0.00302299, 0.0])

_FINGERS = {'F4': 'index', 'F3': 'middle', 'F1': 'little', 'F2': 'ring', 'TH': 'thumb'}
"""The Leap Motion's names of the fingers, in the order of the rows."""
_BONES = {'KNU1_A': 1, 'KNU1_B': 0, 'KNU2_A': 2, 'KNU3_A': 3}
"""Its names of a finger's joints, in the order of the rows -> position counted from the palm."""
_KNUCKLES = {'thumb': ('cmc', 'mcp', 'ip', 'tip')}
_ROWS = {
    f'{short}_{bone}': JOINT_INDEX[f'{finger}_{_KNUCKLES.get(finger, ("mcp", "pip", "dip", "tip"))[place]}']
    for short, finger in _FINGERS.items()
    for bone, place in _BONES.items()
}
"""Names of rows 0 to 19 of a label file -> handkd's joints."""

_SPLITS = {'train': range(1, 17), 'test': range(17, 22)}
"""Sequences; there is no official split, this one is that of a public loader."""
_AUGMENTED = (1, 2, 17)
"""Sequences that also have other backgrounds; of the real ones 10, 12, 13 and 20 do not."""
_CAMERA_PLACES = ((-330, 430, 180), (-120, 520, 330), (140, 480, 360), (340, 380, 150))
"""Positions of the webcams, mm."""
_REACH = ((-40.0, 170.0, -40.0), (40.0, 230.0, 40.0))
"""Corners of the box (mm) of hand positions."""


def write_lm(out: Path, num: int, seed: int) -> Iterator[dict]:
    """Write ``annotated_frames/``, ``augmented_samples/`` and ``calibrations/`` of 21 sequences: right hands.

    The labels have no wrist: PALM_POSITION is the middle between wrist and middle finger's MCP joint, and
    PALM_NORMAL a unit vector out of the palm. Images are lossy (JPEG), labels have six digits.

    Args:
        out: Folder to write into.
        num: Moments in each split, of which each sequence gets at least one; a moment is four images.
        seed: Seed of the studio.

    Yields:
        One image's truth; ``split`` is 'train' for sequences 1 to 16, 'test' for 17 to 21, and 'augmented' for images
        in ``augmented_samples``. Beyond the usual keys: ``palm`` (3,), mm, in the image's camera frame, ``sequence``,
        ``frame`` and ``view`` (1 to 4).

    Raises:
        OSError: If a file can't be written.
    """
    for split, sequences in _SPLITS.items():
        first = 0
        for sequence, count in zip(sequences, spread(num, len(sequences))):
            yield from _write_sequence(out, split, sequence, range(first, first + count), seed)
            first += count


def _write_sequence(out: Path, split: str, sequence: int, indices: Sequence[int], seed: int) -> Iterator[dict]:
    """Write a sequence's calibration, images and labels."""
    cameras = _cameras(np.random.default_rng((seed, sequence)))
    for view, camera in enumerate(cameras, 1):
        folder = out / f'calibrations/data_{sequence}/webcam_{view}'
        folder.mkdir(parents=True)
        (folder / 'rvec.pkl').write_bytes(pickle_as_python2(cv2.Rodrigues(camera.R)[0]))
        (folder / 'tvec.pkl').write_bytes(pickle_as_python2(camera.T[:, None]))
    for frame, index in enumerate(indices):
        center = np.random.default_rng((seed, sequence, frame)).uniform(*_REACH)
        stages = {'annotated_frames': (split, indices[0])}
        if sequence in _AUGMENTED:
            stages['augmented_samples'] = ('augmented', index + 1000)
        for folder, (name, scenery) in stages.items():
            photos = photograph(index, seed, split, 'right', cameras, center, scenery=scenery)
            for view, photo in enumerate(photos, 1):
                path = save_image(out, f'{folder}/data_{sequence}/{frame}_webcam_{view}.jpg', photo.image)
                extra = {'palm': _palm(photo.keypoints_cam), 'sequence': sequence, 'frame': frame, 'view': view}
                yield photo.truth(name, img_path=path) | extra
        joints = (photos[0].keypoints_cam - cameras[0].T) @ cameras[0].R
        (out / f'annotated_frames/data_{sequence}/{frame}_joints.txt').write_text(_label(joints))


def _cameras(rng: np.random.Generator) -> list[Camera]:
    """Place the four webcams slightly differently for each sequence; all look at the space above the sensor."""
    cameras = []
    for place in _CAMERA_PLACES:
        rotation, translation = look_at(place + rng.normal(0, 15, 3), (0, 200, 0) + rng.normal(0, 10, 3), (0, -1, 0))
        cameras.append(Camera(_K, (640, 480), rotation, translation, _DIST))
    return cameras


def _palm(joints: np.ndarray) -> np.ndarray:
    """Return the palm's centre (3,)."""
    return 0.5 * (joints[JOINT_INDEX['wrist']] + joints[JOINT_INDEX['middle_mcp']])


def _label(joints: np.ndarray) -> str:
    """Return the text of a label file from joints (21, 3) in the world, mm."""
    wrist, index, middle, little = (joints[JOINT_INDEX[k]] for k in ('wrist', 'index_mcp', 'middle_mcp', 'little_mcp'))
    normal = np.cross(middle - wrist, little - index)  # on a right hand: out of the palm
    rows = {name: joints[joint] for name, joint in _ROWS.items()}
    rows |= {'PALM_POSITION': _palm(joints), 'PALM_NORMAL': normal / np.linalg.norm(normal)}
    return ''.join(f'{name} {x:.6g} {y:.6g} {z:.6g}\n' for name, (x, y, z) in rows.items())
