"""Measurements on single samples of a data set; :mod:`.check_report` evaluates them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from handkd.geometry import project
from handkd.hand import BONES, chirality

from .joint_orders import NUM_FINGER_BONES, ORDERS, finger_bones
from .transforms import check_sample

SURE_SIDE = 0.3
"""Confidence of :func:`handkd.hand.chirality` above which its side is used."""
DEPTH_GAP = 150.0
"""Largest distance between a joint and the surface at its pixel, mm, if both belong to the hand."""
REACH, ROOM = 3000.0, 6000.0
"""Largest plausible distance of a joint, mm, from a single camera, and from a fixed camera of a studio."""
READINGS: tuple[str, ...] = ('as it is', 'half', 'twice', 'by the principal point', 'rows and columns swapped')
"""Readings of 2D joints: as they are, times 1/2 or 2, for an image centred on the principal point, as (v, u)."""
_NOTHING = ((0.0, 0.0), (-1.0, -1.0))  # the pixels that formats write for a joint without a label
_BOX_MARGIN = 0.2


@dataclass(frozen=True)
class SampleCheck:
    """Measurements on one sample.

    Attributes:
        index: Its number in the data set.
        fault: 'missing file', 'damaged file' or 'bad label'; '' if it can be used.
        message: The error.
        labelled: Number of joints with a label.
        expects_labels: Whether the data set counts it among its labelled samples.
        outside: Number of those outside the image.
        unlabelled: Number of labelled joints at the pixel (0, 0) or (-1, -1), or the point (0, 0, 0).
        far: Number of labelled joints behind the camera, or too far from it (:data:`REACH`, :data:`ROOM`).
        bones: Lengths of the 20 bones, mm, shape (20,); NaN where an end has no label.
        shape: :func:`~.joint_orders.finger_bones`, shape (orders, 15).
        extent: Largest distance between two joints, mm; NaN if not all have a label.
        reprojection: Largest distance between ``keypoints`` and the projected ``keypoints_cam``, px.
        spread_ratio: Spread of ``keypoints`` over that of the projected ``keypoints_cam``; NaN without both.
        size: (width, height) of the image, px.
        factors: Factors of u and v in each of :data:`READINGS`, shape (5, 2).
        inside: Share of the labelled joints inside the image in each of :data:`READINGS`, shape (5,).
        in_corner: Whether all labelled joints lie in the part of the image, from its upper left corner, that is
            centred on the principal point.
        on_hand: Share of the labelled joints on the hand in each of :data:`READINGS`, shape (5,): by its mask, else
            its labelled box, else the depth; NaN without any.
        box: Fault of the box: 'off' the image, 'away' from the joints, or 'size' if its last two numbers
            are width and height; '' if there is none.
        side: The labelled side.
        seen_side: The side of the joints by :func:`handkd.hand.chirality`, if clear; else ''.
        depth_gap: Median over the joints of the depth at their pixel minus their z, mm; NaN without depth.
        redness: Mean over the joints inside the image of red minus blue at their pixel, in grey levels; NaN without
            an image.
    """

    index: int
    fault: str = ''
    message: str = ''
    labelled: int = 0
    expects_labels: bool = True
    outside: int = 0
    unlabelled: int = 0
    far: int = 0
    bones: np.ndarray = field(default_factory=lambda: np.full(len(BONES), np.nan, np.float32))
    shape: np.ndarray = field(default_factory=lambda: np.full((len(ORDERS), NUM_FINGER_BONES), np.nan, np.float32))
    extent: float = float('nan')
    reprojection: float = float('nan')
    spread_ratio: float = float('nan')
    size: tuple[int, int] = (0, 0)
    factors: np.ndarray = field(default_factory=lambda: np.ones((len(READINGS), 2)))
    inside: np.ndarray = field(default_factory=lambda: np.full(len(READINGS), np.nan))
    in_corner: bool = False
    on_hand: np.ndarray = field(default_factory=lambda: np.full(len(READINGS), np.nan))
    box: str = ''
    side: str = ''
    seen_side: str = ''
    depth_gap: float = float('nan')
    redness: float = float('nan')


def check_one(dataset: object, index: int) -> SampleCheck:
    """Read one sample with its images and measure it.

    Args:
        dataset: Has ``get_data_info``.
        index: The sample.
    """
    try:
        sample = dataset.get_data_info(index)
        check_sample(sample)
    except FileNotFoundError as error:
        return SampleCheck(index, 'missing file', str(error))
    except OSError as error:
        return SampleCheck(index, 'damaged file', str(error))
    except ValueError as error:
        return SampleCheck(index, 'bad label', str(error))
    valid = sample['keypoints_valid'][0] > 0
    keypoints = sample['keypoints'][0]
    size = sample['img_shape'][1], sample['img_shape'][0]
    inside = _inside(keypoints, size)
    nothing = valid & np.any([(keypoints == pixel).all(-1) for pixel in _NOTHING], axis=0)
    measured = dict(
        labelled=int(valid.sum()),
        expects_labels=bool(getattr(dataset, 'labelled', {index: True})[index]),
        outside=int((valid & ~inside).sum()),
        size=size,
        side=sample.get('hand_side') or '',
        box=_judge_box(sample, keypoints[valid], size),
    )
    if valid.any():
        measured |= _measure_readings(sample, valid, size)
        measured['redness'] = _measure_redness(sample, keypoints[valid & inside])
    if sample.get('keypoints_cam') is not None and valid.any():
        measured |= _measure_3d(sample, valid, valid & inside)
        nothing |= valid & (sample['keypoints_cam'][0] == 0).all(-1)
    else:
        measured['shape'] = finger_bones(keypoints, valid & ~nothing).astype(np.float32)
    return SampleCheck(index, unlabelled=int(nothing.sum()), **measured)


def _inside(pixels: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Return which pixels (..., 2) lie inside an image of (width, height)."""
    return (pixels > -0.5).all(-1) & (pixels < np.subtract(size, 0.5)).all(-1)


def _fits(sample: dict, key: str) -> bool:
    """Whether a sample has a map of the size of its image."""
    return sample.get(key) is not None and sample[key].shape == tuple(sample['img_shape'])


def _given_box(sample: dict, labelled: np.ndarray) -> np.ndarray | None:
    """Return the labelled box (4,), px; None if it was derived from the joints."""
    box = sample.get('bbox')
    if box is None or np.shape(box) != (1, 4) or not len(labelled):
        return None
    made = np.concatenate([labelled.min(0), labelled.max(0)])
    return None if np.allclose(box[0], made, atol=1e-3) else np.asarray(box[0], np.float64)


def _judge_box(sample: dict, labelled: np.ndarray, size: tuple[int, int]) -> str:
    """Return the fault of a sample's box; see :attr:`SampleCheck.box`."""
    box = _given_box(sample, labelled)
    if box is None:
        return ''
    seen = np.clip(np.minimum(box[2:], size) - np.maximum(box[:2], 0), 0, None)
    share = seen.prod() / max((box[2:] - box[:2]).prod(), 1e-9)
    if _in_box(labelled, np.concatenate([box[:2], box[:2] + box[2:]])) > 0.9 > _in_box(labelled, box):
        return 'size'
    if share < 0.5:
        return 'off'
    return 'away' if _in_box(labelled, box) < 0.5 else ''


def _in_box(pixels: np.ndarray, box: np.ndarray) -> float:
    """Return the share of pixels (N, 2) in a box with a margin."""
    margin = _BOX_MARGIN * (box[2:] - box[:2]).max()
    return float(((pixels >= box[:2] - margin) & (pixels <= box[2:] + margin)).all(-1).mean())


def _measure_readings(sample: dict, valid: np.ndarray, size: tuple[int, int]) -> dict:
    """Measure which joints lie inside the image and on the hand in each reading of the 2D joints."""
    factors = np.array([[1, 1], [0.5, 0.5], [2, 2], [1, 1], [1, 1]], np.float64)
    camera = sample.get('camera')
    if camera is not None:
        middle = np.asarray(camera['K'], np.float64)[:2, 2] + 0.5
        if (middle > 0).all():
            factors[3] = np.divide(size, 2 * middle)
    labelled = sample['keypoints'][0][valid].astype(np.float64)
    pixels = (labelled + 0.5) * factors[:, None] - 0.5
    pixels[4] = labelled[:, ::-1]
    on_hand = np.array([_on_hand(sample, valid, reading, size) for reading in pixels])
    in_corner = bool(_inside(labelled, size / factors[3]).all())
    return dict(factors=factors, inside=_inside(pixels, size).mean(-1), on_hand=on_hand, in_corner=in_corner)


def _on_hand(sample: dict, valid: np.ndarray, pixels: np.ndarray, size: tuple[int, int]) -> float:
    """Return the share of pixels (N, 2) on the hand, by its mask, its box or the depth; NaN without any."""
    inside = _inside(pixels, size)
    u, v = np.rint(pixels[inside]).astype(int).T
    if _fits(sample, 'hand_mask') and sample['hand_mask'].any():
        return float(sample['hand_mask'][v, u].sum() / len(pixels))
    box = _given_box(sample, sample['keypoints'][0][valid])
    if box is not None:
        return _in_box(pixels, box)
    if _fits(sample, 'depth') and sample.get('keypoints_cam') is not None:
        gap = sample['depth'][v, u] - sample['keypoints_cam'][0][valid][inside, 2]
        return float((np.abs(gap) < DEPTH_GAP).sum() / len(pixels))
    return float('nan')


def _measure_redness(sample: dict, pixels: np.ndarray) -> float:
    """Return the mean of red minus blue at pixels (N, 2) inside the image, grey levels; NaN without image or pixels."""
    if sample.get('img') is None or not len(pixels):
        return float('nan')
    u, v = np.rint(pixels).astype(int).T
    colours = sample['img'][v, u].astype(np.float64)
    return float((colours[:, 2] - colours[:, 0]).mean())


def _measure_3d(sample: dict, valid: np.ndarray, inside: np.ndarray) -> dict:
    """Measure the quantities that need 3D joints."""
    joints = sample['keypoints_cam'][0].astype(np.float64)
    ends = np.array(BONES)
    lengths = np.linalg.norm(joints[ends[:, 1]] - joints[ends[:, 0]], axis=1)
    limit = REACH if sample.get('sequence') is None else ROOM
    found = {
        'bones': np.where(valid[ends].all(1), lengths, np.nan).astype(np.float32),
        'shape': finger_bones(joints, valid).astype(np.float32),
        'far': int((valid & ((joints[:, 2] <= 0) | (joints[:, 2] > limit))).sum()),
    }
    if sample.get('camera') is not None:
        seen, labelled = project(joints[valid], sample['camera']), sample['keypoints'][0][valid]
        found['reprojection'] = float(np.linalg.norm(seen - labelled, axis=1).max())
        if valid.sum() > 2:
            found['spread_ratio'] = float(labelled.std(0).sum() / max(seen.std(0).sum(), 1e-9))
    if valid.all():
        found['extent'] = float(np.linalg.norm(joints[:, None] - joints, axis=-1).max())
        side, confidence = chirality(joints)
        found['seen_side'] = side if confidence > SURE_SIDE else ''
    if _fits(sample, 'depth') and inside.any():
        u, v = np.rint(sample['keypoints'][0][inside]).astype(int).T
        depth = sample['depth'][v, u]
        if (depth > 0).any():
            found['depth_gap'] = float(np.median((depth - joints[inside, 2])[depth > 0]))
    return found


def by_fault(checks: Iterable[SampleCheck]) -> list[str]:
    """Return one line for each sample that can't be used: its number, the fault and the error."""
    return [f'{check.index}\t{check.fault}\t{check.message}' for check in checks if check.fault]
