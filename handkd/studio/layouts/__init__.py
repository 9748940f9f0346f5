"""Writers of rendered hands in the file layout of every supported data set.

There is one file per layout; none shares a table or a line with the reader of that data set, so writing a set and
reading it back reveals errors in either.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from handkd.hints import check_choice

from .bighand import write_bighand
from .dexter import write_dexter
from .dexycb import write_dexycb
from .folder import write_folder
from .folder_rig import write_folder_rig
from .freihand import write_freihand
from .freihand_mmpose import write_freihand_mmpose
from .ho3d import write_ho3d
from .interhand import write_interhand
from .lm import write_lm
from .nyu import write_nyu
from .panoptic import NVS_SEQUENCES, write_panoptic
from .rhd import write_rhd
from .stb import write_stb

LAYOUTS: dict[str, Callable[[Path, int, int], Iterator[dict]]] = {
    'rhd': write_rhd,
    'stb': write_stb,
    'lm': write_lm,
    'nyu': write_nyu,
    'nyu_parts': partial(write_nyu, parts=True),
    'panoptic': write_panoptic,
    'panoptic_nvs': partial(write_panoptic, cameras=6, sequences=NVS_SEQUENCES),
    'dexter': write_dexter,
    'bighand': write_bighand,
    'freihand': write_freihand,
    'freihand_mmpose': write_freihand_mmpose,
    'interhand': write_interhand,
    'dexycb': write_dexycb,
    'ho3d': write_ho3d,
    'ho3d_v2': partial(write_ho3d, version='v2'),
    'folder': write_folder,
    'folder_rig': write_folder_rig,
}
"""Name of a layout -> its writer, which takes the root of the data set (an empty folder), the number of frames in each
split and the studio's seed, and yields the truth of each sample as it writes it; label files are complete at the end.
'nyu_parts' is NYU with part labels, which the real set lacks; 'panoptic_nvs' has the sequences of
Mueller et al. 2020, in six cameras; 'freihand_mmpose' is FreiHAND with MMPose's annotations."""


def write_layout(layout: str, out: Path, num: int, seed: int = 0) -> Iterator[dict]:
    """Write rendered hands in the layout of a data set.

    Args:
        layout: A name in :data:`LAYOUTS`.
        out: Root of the data set; created if missing.
        num: Frames in each split, of which each of the split's sequences gets at least one.
        seed: Seed of the studio. Defaults to 0.

    Returns:
        An iterator over the truth of each sample, as the reader must return it: ``split``, ``img_path``,
        ``depth_path`` and ``mask_path`` relative to ``out``, ``keypoints_cam`` (21, 3) mm, ``keypoints`` (21, 2) px,
        ``camera``, ``hand_side``, ``img``, ``depth`` mm before it is rounded to the file's unit, ``hand_mask``,
        ``part_seg``, and if depth has a separate camera ``depth_camera`` and ``keypoints_depth_cam``. Files are
        written during the iteration, label files at the end: it must be exhausted.

    Raises:
        ValueError: If the layout is unknown (names the nearest one), or ``num`` or ``seed`` is too small.
        OSError: If ``out`` is not an empty folder.
    """
    check_choice(layout, LAYOUTS, 'layout')
    for name, value, low in (('num', num, 1), ('seed', seed, 0)):
        if not isinstance(value, int) or value < low:
            raise ValueError(f'{name} must be an integer of at least {low}, found {value!r}')
    out = Path(out)
    out.mkdir(parents=True, exist_ok=True)
    if any(out.iterdir()):
        raise FileExistsError(
            f'{out}: a new data set needs an empty folder, found files in it; choose another, or delete what an '
            'interrupted run left there'
        )
    return LAYOUTS[layout](out, num, seed)


__all__ = ['LAYOUTS', 'write_layout']
