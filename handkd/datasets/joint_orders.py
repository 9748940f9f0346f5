"""Detection of the order of a hand's joints from the lengths of its bones."""

from __future__ import annotations

import numpy as np

from handkd.hand import JOINTS, NUM_JOINTS

from .readers.bighand import BIGHAND_JOINTS
from .readers.ho3d_files import HO3D_JOINTS
from .readers.interhand_files import INTERHAND_JOINTS
from .readers.rhd import RHD_JOINTS
from .readers.stb import STB_JOINTS

MANO_JOINTS: tuple[str, ...] = HO3D_JOINTS
"""The 16 joints of the MANO model, each finger from the palm, then the five tips from thumb to little finger, as in
HO-3D."""

_FILES: dict[str, tuple[str, ...]] = {
    "handkd's": JOINTS,
    'wrist, then thumb to little finger, each from tip to palm (as in RHD)': RHD_JOINTS,
    'wrist or palm, then little finger to thumb, each from palm to tip (as in STB)': ('wrist', *STB_JOINTS[1:]),
    'wrist, then little finger to thumb, each from tip to palm': ('wrist', *JOINTS[:0:-1]),
    'thumb to little finger, each from tip to palm, then wrist (as in InterHand2.6M)': INTERHAND_JOINTS,
    'thumb to little finger, each from palm to tip, then wrist': (*JOINTS[1:], 'wrist'),
    'little finger to thumb, each from tip to palm, then wrist': JOINTS[::-1],
    'wrist, the five finger bases, then the rest finger by finger (as in BigHand2.2M)': BIGHAND_JOINTS,
    'wrist, index, middle, little, ring finger, thumb without tips, then the tips (as in MANO)': MANO_JOINTS,
}
"""Name of an order -> the joints of a file in it, by name."""

ORDERS: tuple[str, ...] = tuple(_FILES)
"""Names of the known orders; the first is handkd's."""
_PLACES = np.array([[names.index(joint) for joint in JOINTS] for names in _FILES.values()])
_ENDS = np.array([(joint - 1, joint) for joint in range(1, NUM_JOINTS) if joint % 4 != 1])
_TYPICAL = np.log(
    [46, 33, 26, 43, 25, 21, 47, 29, 22, 43, 28, 22, 34, 20, 19]  # fmt: skip
)
"""Logarithms of an adult's bones within the fingers, mm, from thumb to little finger."""
NUM_FINGER_BONES = len(_ENDS)
_FITS = 0.25
"""Largest deviation of the logarithms of a hand's bone lengths, up to one common factor."""
_BETTER = 0.5
"""Another order is accepted if its deviation is less than this share of that in handkd's order."""
_NO_HAND = 0.4
"""With a larger deviation the bones are not those of a hand: joints in an unknown order."""


def finger_bones(joints: np.ndarray, valid: np.ndarray) -> np.ndarray:
    """Measure the bones within the fingers, reading the joints in each of :data:`ORDERS`.

    Args:
        joints: Shape (21, 2) or (21, 3), any unit and frame, such as px of the image or mm of the camera.
        valid: Which joints have a label, shape (21,), bool.

    Returns:
        Shape (number of orders, 15), in units of the joints' spread, so that near and far hands are comparable; NaN if
        an end has no label.
    """
    known = joints[valid].astype(np.float64)
    spread = np.sqrt(((known - known.mean(0)) ** 2).sum(1).mean()) if len(known) > 1 else 0.0
    ends = joints[_PLACES][:, _ENDS].astype(np.float64)
    lengths = np.linalg.norm(ends[:, :, 1] - ends[:, :, 0], axis=-1)
    there = valid[_PLACES][:, _ENDS].all(-1) & (spread > 0)
    return np.where(there, lengths / max(spread, 1e-12), np.nan)


def likely_order(bones: np.ndarray) -> str | None:
    """Return the order of a data set's joints, if it is not handkd's.

    Args:
        bones: :func:`finger_bones` of its samples, shape (N, number of orders, 15), normalised by the joints' spread,
            any frame.

    Returns:
        A name of :data:`ORDERS`; 'unknown' if the bones fit no hand in any of them; None if they fit a hand in handkd's
        order, or too few are labelled.
    """
    labelled = np.isfinite(bones).any((0, 1))
    if labelled.sum() < NUM_FINGER_BONES:
        return None
    with np.errstate(divide='ignore'):
        deviation = np.log(np.maximum(np.nanmedian(bones, 0), 1e-9)) - _TYPICAL
    error = (deviation - np.median(deviation, 1, keepdims=True)).std(1)
    best = int(error.argmin())
    if error[best] < _FITS and error[best] < _BETTER * error[0]:
        return ORDERS[best]
    return 'unknown' if error[0] > _NO_HAND else None
