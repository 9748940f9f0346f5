"""Writes rendered hands as DexYCB (Chao et al., CVPR 2021): eight RGB-D cameras around a table.

The world is the frame of the rig's master camera.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from handkd.hand import JOINT_INDEX

from .frames import save_image, spread
from .photograph import Camera, Photograph, photograph
from .rig import look_at

_DATES = (
    '20200709', '20200813', '20200820', '20200903', '20200908', '20200918', '20200928', '20201002', '20201015',
    '20201022',
)  # fmt: skip
_CAMERAS = {
    '836212060125': (614.5, 614.2, 313.3, 249.1),
    '839512060362': (615.7, 615.9, 325.6, 246.3),
    '840412060917': (612.4, 612.1, 321.2, 240.5),
    '841412060263': (617.4, 617.6, 318.9, 237.8),
    '932122060857': (613.9, 613.8, 323.5, 241.2),
    '932122060861': (616.2, 616.1, 317.4, 243.9),
    '932122061900': (614.9, 615.3, 319.7, 238.2),
    '932122062010': (618.1, 618.0, 315.8, 247.5),
}
"""Serial number -> fx, fy, ppx, ppy of the colour camera, px."""
_MASTER = '840412060917'
_RIGS = {'20200702_151821': range(1, 6), '20201014_124100': range(6, 11)}
"""Name of a rig's calibration -> subjects recorded with it."""
_PLACES = 100
"""Sequences of each subject."""
_RECORDED = {
    'train': {(2, 0): 'left', (8, 55): 'right', (10, 61): 'right'},
    'val': {(1, 19): 'right'},
    'test': {(7, 39): 'left', (9, 4): 'right'},
}
"""Split of setup s0 -> (subject, place of the sequence) -> side. Every split of every setup has some of them."""
_EMPTY = (1, 19)
"""The sequence whose first frame shows no hand."""

_FINGERS = ('thumb', 'index', 'middle', 'ring', 'little')
_JOINTS = dict.fromkeys(_FINGERS, ('mcp', 'pip', 'dip', 'tip')) | {'thumb': ('cmc', 'mcp', 'ip', 'tip')}
_ROWS = [JOINT_INDEX['wrist'], *(JOINT_INDEX[f'{finger}_{joint}'] for finger in _FINGERS for joint in _JOINTS[finger])]
_HAND, _OBJECTS = 255, (2, 5, 11)
_REACH = 60.0
"""Largest distance of the hand from the middle of the table along each axis, mm."""


def write_dexycb(out: Path, num: int, seed: int) -> Iterator[dict]:
    """Write all ten subjects with their 100 sequences, of which six are recorded, and ``calibration/``.

    The other sequences consist of a ``meta.yml`` with 0 frames: they give the recorded ones their places, which decide
    the splits. Each split of each setup has some of the recorded ones. One sequence begins with a frame without a hand,
    whose labels are -1. Objects are in the images, but not in ``seg``; MANO's parameters are 0.

    Args:
        out: Folder to write into.
        num: Moments in each split of setup s0, of which each recorded sequence gets at least one; a moment is eight
            images.
        seed: Seed of the studio.

    Yields:
        One image's truth; ``split`` is that of setup s0. Besides the usual keys: ``subject`` (1 to 10), ``place`` of
        the sequence (0 to 99), ``sequence``, its folder, ``frame`` and ``view`` (0 to 7).

    Raises:
        OSError: If a file can't be written.
    """
    rigs = {name: _rig(np.random.default_rng((seed, number))) for number, name in enumerate(_RIGS)}
    for name, cameras in rigs.items():
        _save_text(out / f'calibration/extrinsics_{name}/extrinsics.yml', _extrinsics(cameras))
    for serial, (fx, fy, cx, cy) in _CAMERAS.items():
        numbers = f'{{coeffs: [0.0, 0.0, 0.0, 0.0, 0.0], fx: {fx}, fy: {fy}, ppx: {cx}, ppy: {cy}}}'
        _save_text(out / f'calibration/intrinsics/{serial}_640x480.yml', f'color: {numbers}\ndepth: {numbers}\n')
    recorded = {place: side for places in _RECORDED.values() for place, side in places.items()}
    for subject in range(1, len(_DATES) + 1):
        for place in set(range(_PLACES)) - {place for who, place in recorded if who == subject}:
            _save_text(out / _folder(subject, place) / 'meta.yml', _meta(subject, 'right', 0))
    for split, places in _RECORDED.items():
        first = 0
        for (subject, place), count in zip(places, spread(num, len(places))):
            cameras = rigs[_rig_of(subject)]
            yield from _write_sequence(out, split, (subject, place), range(first, first + count), cameras, seed)
            first += count


def _folder(subject: int, place: int) -> str:
    """Return the folder of a sequence; names sort by place."""
    date = _DATES[subject - 1]
    return f'{date}-subject-{subject:02d}/{date}_{14 + place // 60}{place % 60:02d}{7 * place % 60:02d}'


def _rig_of(subject: int) -> str:
    return next(name for name, subjects in _RIGS.items() if subject in subjects)


def _rig(rng: np.random.Generator) -> dict[str, Camera]:
    """Place the cameras on an arc above the table; the result's world is the frame of the master camera."""
    poses = {}
    for number, serial in enumerate(_CAMERAS):
        around = np.radians(-150 + 300 * number / 7 + rng.uniform(-5, 5))
        eye = (720 * np.sin(around), -520 + rng.uniform(-120, 120), -720 * np.cos(around))
        poses[serial] = look_at(eye, rng.uniform(-20, 20, 3), (0, 1, 0))
    turn, move = poses[_MASTER]
    cameras = {}
    for serial, (rotation, translation) in poses.items():
        fx, fy, cx, cy = _CAMERAS[serial]
        rotation = rotation @ turn.T
        matrix = np.array([[fx, 0, cx], [0, fy, cy], [0, 0, 1]])
        cameras[serial] = Camera(matrix, (640, 480), rotation, translation - rotation @ move)
    return cameras


def _extrinsics(cameras: dict[str, Camera]) -> str:
    """Return the file of a rig's poses: rows of (3, 4) matrices from each camera to the master, metres."""
    lines = ['extrinsics:']
    for name, camera in [*cameras.items(), ('apriltag', cameras[_MASTER])]:
        pose = np.column_stack([camera.R.T, -camera.R.T @ camera.T / 1000])
        lines += [f"  '{name}':", *(f'  - {float(number)!r}' for number in pose.ravel())]
    return '\n'.join([*lines, f"master: '{_MASTER}'", ''])


def _meta(subject: int, side: str, frames: int) -> str:
    """Return the description of a sequence."""
    serials = '\n'.join(f"- '{serial}'" for serial in _CAMERAS)
    return (
        f"extrinsics: '{_rig_of(subject)}'\nmano_calib:\n- {_DATES[subject - 1]}_140042_subject-{subject:02d}_{side}\n"
        f'mano_sides:\n- {side}\nnum_frames: {frames}\nserials:\n{serials}\nycb_grasp_ind: 0\nycb_ids:\n'
        + ''.join(f'- {number}\n' for number in _OBJECTS)
    )


def _write_sequence(
    out: Path, split: str, who: tuple[int, int], indices: Sequence[int], cameras: dict[str, Camera], seed: int
) -> Iterator[dict]:
    """Write a recorded sequence."""
    (subject, place), side = who, _RECORDED[split][who]
    folder, first = _folder(subject, place), int(who == _EMPTY)
    _save_text(out / folder / 'meta.yml', _meta(subject, side, len(indices) + first))
    if first:
        for serial, photo in zip(
            cameras, _shoot(split, indices[0], side, cameras, (0.0, 0.0, -5000.0), indices[0], seed, subject)
        ):
            _save_frame(out, f'{folder}/{serial}', 0, photo, labelled=False)
    master = list(cameras.values())[0]
    for frame, index in enumerate(indices, first):
        # The cameras look at the origin of the table, whose distance along the axis of each is about 890 mm.
        shift = np.random.default_rng((seed, subject, place, frame)).uniform(-_REACH, _REACH, 3)
        center = master.R.T @ ((0, 0, np.hypot(720, 520)) - master.T) + shift
        photos = _shoot(split, index, side, cameras, center, indices[0], seed, subject)
        for view, (serial, photo) in enumerate(zip(cameras, photos)):
            color, depth, labels = _save_frame(out, f'{folder}/{serial}', frame, photo, labelled=True)
            extra = {'subject': subject, 'place': place, 'sequence': folder, 'frame': frame, 'view': view}
            yield photo.truth(split, color, depth, labels) | extra


def _shoot(
    split: str,
    index: int,
    side: str,
    cameras: dict[str, Camera],
    center: Sequence[float],
    scenery: int,
    seed: int,
    person: int,
) -> list[Photograph]:
    """Photograph a hand of a person of the split by all cameras."""
    return photograph(index, seed, split, side, list(cameras.values()), center, scenery=scenery, person=person)


def _save_frame(out: Path, folder: str, frame: int, photo: Photograph, labelled: bool) -> tuple[str, str, str]:
    """Write the files of one camera's frame and return their names: colour, depth and labels."""
    color = save_image(out, f'{folder}/color_{frame:06d}.jpg', photo.image)
    depth = np.round(photo.depth).astype(np.uint16)
    depth_path = save_image(out, f'{folder}/aligned_depth_to_color_{frame:06d}.png', depth)
    labels = f'{folder}/labels_{frame:06d}.npz'
    joints, pixels = photo.keypoints_cam[None, _ROWS] / 1000, photo.keypoints[None, _ROWS]
    if not labelled:
        joints, pixels = np.full_like(joints, -1), np.full_like(pixels, -1)
    np.savez_compressed(
        out / labels,
        seg=np.where(photo.part_seg > 0, _HAND, 0).astype(np.uint8),
        pose_y=np.zeros((len(_OBJECTS), 3, 4), np.float32),
        pose_m=np.zeros((1, 51), np.float32),
        joint_3d=joints.astype(np.float32),
        joint_2d=pixels.astype(np.float32),
    )
    return color, depth_path, labels


def _save_text(path: Path, text: str) -> None:
    """Write a text file in a new folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
