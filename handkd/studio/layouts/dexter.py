"""Writes rendered hands as Dexter+Object: colour and depth of two cameras, and the five fingertips in text.

Undocumented details of the real files are assumptions: depth is in ``depth/Depth_%04d.png`` as 16-bit mm, numbers have
three decimals, and ``calibration/`` is left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from handkd.geometry import unproject
from handkd.hand import JOINT_INDEX

from .frames import save_image, spread
from .photograph import Camera, Photograph, photograph

_DEPTH = Camera(np.array([[224.502, 0, 160], [0, 230.494, 120], [0, 0, 1]]), (320, 240))
"""Creative Senz3D; its frame is the world."""
_COLOUR = Camera(
    np.array([[587.45209, 0, 325], [0, 600.67456, 249], [0, 0, 1]]),
    (640, 480),
    R=np.array([[0.9999, 0.0034, 0.0161], [-0.0033, 1.0, -0.0079], [-0.0162, 0.0079, 0.9998]]),
    T=np.array([19.0473, -1.8514, -4.7501]),
)
_REACH = ((-80.0, -60.0, 350.0), (80.0, 60.0, 600.0))
"""Corners of the box (mm, depth camera's frame) of hand positions."""
_SEQUENCES = ('Grasp1', 'Grasp2', 'Occlusion', 'Rigid', 'Pinch', 'Rotate')
_TIPS = [JOINT_INDEX[f'{finger}_tip'] for finger in ('thumb', 'index', 'middle', 'ring', 'little')]
_NO_DEPTH = 32001
"""Value of the Senz3D for 'no measurement'."""
_UNMEASURED = {('Occlusion', 0): JOINT_INDEX['ring_tip']}
"""(sequence, frame) -> the fingertip without depth."""


def write_dexter(out: Path, num: int, seed: int) -> Iterator[dict]:
    """Write ``data/{Grasp1,Grasp2,Occlusion,Rigid,Pinch,Rotate}/{color,depth,annotations}``: left hands.

    Fingertips in ``{Seq}2D.txt`` are pixels of the depth image; those in ``{Seq}3D.txt`` mm in the depth camera's
    frame, x and y negated. The ring finger's tip in the first frame of 'Occlusion' has z = 32001: no depth.

    Args:
        out: Folder to write into, named ``dexter+object`` in the data set.
        num: Frames, of which each sequence gets at least one.
        seed: Seed of the studio.

    Yields:
        One frame's truth; ``split`` is 'test'. ``labelled`` (21,) bool marks the joints that the files give.

    Raises:
        OSError: If a file can't be written.
    """
    first = 0
    for sequence, count in zip(_SEQUENCES, spread(num, len(_SEQUENCES))):
        yield from _write_sequence(out, sequence, range(first, first + count), seed)
        first += count


def _write_sequence(out: Path, sequence: str, indices: Sequence[int], seed: int) -> Iterator[dict]:
    """Write a sequence's images and its two label files."""
    flat, solid = [], []
    for number, index in enumerate(indices):
        center = np.random.default_rng((seed, index)).uniform(*_REACH)
        colour, depth = photograph(index, seed, 'test', 'left', [_COLOUR, _DEPTH], center, scenery=indices[0])
        labelled = np.isin(np.arange(21), _TIPS)
        tips = depth.keypoints_cam.copy()
        unmeasured = _UNMEASURED.get((sequence, number))
        if unmeasured is not None:
            labelled[unmeasured] = False
            tips[unmeasured] = unproject(depth.keypoints[unmeasured], np.array(_NO_DEPTH), depth.camera)
        flat.append(_line(depth.keypoints[_TIPS]))
        solid.append(_line(tips[_TIPS] * (-1, -1, 1)))
        yield _save(out, f'data/{sequence}', number + 1, colour, depth) | {'labelled': labelled}
    folder = out / f'data/{sequence}/annotations'
    folder.mkdir()
    (folder / f'{sequence}2D.txt').write_text(''.join(flat))
    (folder / f'{sequence}3D.txt').write_text(''.join(solid))


def _save(out: Path, folder: str, number: int, colour: Photograph, depth: Photograph) -> dict:
    """Write a frame's images and return its truth."""
    img_path = save_image(out, f'{folder}/color/Color_{number:04d}.bmp', colour.image)
    millimetres = np.round(depth.depth).astype(np.uint16)
    depth_path = save_image(out, f'{folder}/depth/Depth_{number:04d}.png', millimetres)
    return colour.truth('test', img_path=img_path, depth_path=depth_path, depth_view=depth)


def _line(points: np.ndarray) -> str:
    """Return a line of labels: coordinates separated by commas, points by semicolons, and an empty last column."""
    return ''.join(', '.join(f'{value:.3f}' for value in point) + '; ' for point in points) + '\n'
