"""Walking through a data set to find what is wrong with it before a training does."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from handkd.geometry import project
from handkd.hand import BONES, JOINT_INDEX, JOINTS, chirality

from .transforms import check_sample

BONE_RANGE = (0.5, 2.0)
"""Shortest and longest plausible bone, in units of the set's median of it: between people it varies by a third."""
HAND_LENGTH = (60.0, 130.0)
"""Plausible medians of the distance from the wrist to the base of the middle finger, mm; from a palm centre, half."""
SURE_SIDE = 0.3
"""Confidence of :func:`handkd.hand.chirality` from which its word counts."""
MISSING_SHARE = 0.1
"""Share of labelled samples without an image beyond which that is a problem; some sets ship a few."""
DEPTH_GAP = 150.0
"""Distance between a joint and the surface seen at its pixel, mm, beyond which they belong to different things."""


@dataclass(frozen=True)
class SampleCheck:
    """What was found in one sample.

    Attributes:
        index: Its number in the data set.
        fault: Why it can't be used: 'missing file', 'damaged file' or 'bad label'; '' if it can.
        message: The error.
        labelled: Number of joints with a label.
        outside: Number of those outside the image.
        bones: Lengths of the 20 bones, mm, shape (20,); NaN where an end has no label.
        reprojection: Largest distance between ``keypoints`` and the projected ``keypoints_cam``, px.
        side: Which hand the labels say it is.
        seen_side: Which one its joints look like, where that is clear; else ''.
        depth_gap: Median over the joints of the depth of their pixel minus theirs, mm; NaN without depth.
    """

    index: int
    fault: str = ''
    message: str = ''
    labelled: int = 0
    outside: int = 0
    bones: np.ndarray = field(default_factory=lambda: np.full(len(BONES), np.nan, np.float32))
    reprojection: float = float('nan')
    side: str = ''
    seen_side: str = ''
    depth_gap: float = float('nan')


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
    height, width = sample['img_shape']
    inside = (keypoints > -0.5).all(-1) & (keypoints < (width - 0.5, height - 0.5)).all(-1)
    measured = dict(labelled=int(valid.sum()), outside=int((valid & ~inside).sum()), side=sample.get('hand_side') or '')
    if sample.get('keypoints_cam') is not None and valid.any():
        measured |= _measure_3d(sample, valid, valid & inside)
    return SampleCheck(index, **measured)


def _measure_3d(sample: dict, valid: np.ndarray, inside: np.ndarray) -> dict:
    """Measure what only 3D joints tell."""
    joints = sample['keypoints_cam'][0].astype(np.float64)
    ends = np.array(BONES)
    lengths = np.linalg.norm(joints[ends[:, 1]] - joints[ends[:, 0]], axis=1)
    found = {'bones': np.where(valid[ends].all(1), lengths, np.nan).astype(np.float32)}
    if sample.get('camera') is not None:
        gap = project(joints[valid], sample['camera']) - sample['keypoints'][0][valid]
        found['reprojection'] = float(np.linalg.norm(gap, axis=1).max())
    if valid.all():
        side, confidence = chirality(joints)
        found['seen_side'] = side if confidence > SURE_SIDE else ''
    if sample.get('depth') is not None and inside.any():
        u, v = np.rint(sample['keypoints'][0][inside]).astype(int).T
        depth = sample['depth'][v, u]
        if (depth > 0).any():
            found['depth_gap'] = float(np.median((depth - joints[inside, 2])[depth > 0]))
    return found


@dataclass
class DatasetReport:
    """What was found in a data set.

    Attributes:
        lines: The findings, in words.
        problems: Those of them that need a person, in words.
        numbers: All figures, for a machine.
    """

    lines: list[str]
    problems: list[str]
    numbers: dict


def summarise(
    checks: Sequence[SampleCheck], total: int, published: int | None = None, missing: int = 0, joint0: str = 'wrist'
) -> DatasetReport:
    """Put the findings of all samples together.

    Args:
        checks: Of the samples that were looked at.
        total: Number of samples in the split.
        published: How many there should be, if that is known.
        missing: How many labelled samples the data set itself left out, since their image is not there.
        joint0: What joint 0 is; the hand's length is measured from it.
    """
    report = DatasetReport([], [], {'samples': total, 'published': published, 'checked': len(checks)})
    _count(report, checks, published, missing)
    sound = [check for check in checks if not check.fault]
    if sound:
        _check_labels(report, sound)
        _check_bones(report, sound, joint0)
        _check_sides(report, sound)
        _check_depth(report, sound)
    return report


def _count(report: DatasetReport, checks: Sequence[SampleCheck], published: int | None, missing: int) -> None:
    total = report.numbers['samples']
    says = '' if published is None else f'; published: {published}'
    report.lines.append(f'{total} samples, {len(checks)} checked{says}')
    if published is not None and total != published:
        report.problems.append(f'{total} samples instead of the published {published}')
    if missing:
        found = report.problems if missing > total * MISSING_SHARE else report.lines
        found.append(f'{missing} labelled samples left out by the reader: their images are not there')
    faults = Counter(check.fault for check in checks if check.fault)
    report.numbers |= {'left out': missing, 'faults': dict(faults)}
    for fault, count in faults.items():
        report.problems.append(f'{fault}: {count} samples')


def _check_labels(report: DatasetReport, sound: Sequence[SampleCheck]) -> None:
    labelled, outside = sum(c.labelled for c in sound), sum(c.outside for c in sound)
    empty = sum(c.labelled == 0 for c in sound)
    cut = sum(c.outside > 0 for c in sound)
    report.lines.append(
        f'joints: {labelled / len(sound):.1f} labelled a sample, '
        f'{_percent(outside, labelled)} of them outside the image (in {cut} samples)'
    )
    if empty:
        report.problems.append(f'{empty} samples have no labelled joint')
    worst = np.array([c.reprojection for c in sound])
    if np.isfinite(worst).any():
        index = sound[int(np.nanargmax(worst))].index
        report.lines.append(
            f'reprojection of the 3D joints onto the 2D ones: median {np.nanmedian(worst):.2f} px, '
            f'worst {np.nanmax(worst):.2f} px (sample {index})'
        )
        far = int((worst > 2).sum())
        if far:
            report.problems.append(f'{far} samples whose 3D joints project more than 2 px off their 2D joints')
    report.numbers |= {'labelled joints': labelled, 'joints outside': outside, 'reprojection worst px': _max(worst)}


def _check_bones(report: DatasetReport, sound: Sequence[SampleCheck], joint0: str) -> None:
    bones = np.stack([c.bones for c in sound])
    known = np.isfinite(bones).any(0)
    if not known.any():
        return
    median = np.nanmedian(bones[:, known], 0)
    ratio = bones[:, known] / np.maximum(median, 1e-9)
    with np.errstate(invalid='ignore'):
        odd = (ratio < BONE_RANGE[0]) | (ratio > BONE_RANGE[1])
    report.numbers['bone medians mm'] = {
        f'{JOINTS[a]}-{JOINTS[b]}': round(float(length), 2) for (a, b), length in zip(np.array(BONES)[known], median)
    }
    if odd.any():
        rows = np.flatnonzero(odd.any(1))
        first = ', '.join(str(sound[row].index) for row in rows[:5])
        report.problems.append(
            f'{len(rows)} samples with a bone shorter than {BONE_RANGE[0]:g} or longer than {BONE_RANGE[1]:g} times '
            f'the median of that bone: {first}{", ..." if len(rows) > 5 else ""}'
        )
    at = JOINT_INDEX['middle_mcp'] - 1
    if known[at]:
        length = float(np.nanmedian(bones[:, at]))
        report.lines.append(f'{joint0} to base of the middle finger: median {length:.1f} mm')
        low, high = HAND_LENGTH if joint0 == 'wrist' else (HAND_LENGTH[0] / 3, HAND_LENGTH[1])
        if not low <= length <= high:
            report.problems.append(
                f'{joint0} to base of the middle finger is {length:.3g} mm in the median: '
                f'are the labels in {_likely_unit(length)}?'
            )


def _likely_unit(length: float) -> str:
    return (
        'metres' if length < 0.5 else 'centimetres' if length < 15 else 'another unit, or the joints in another order'
    )


def _check_sides(report: DatasetReport, sound: Sequence[SampleCheck]) -> None:
    sides = Counter(c.side or 'unknown' for c in sound)
    clear = [c for c in sound if c.seen_side and c.side]
    agree = sum(c.side == c.seen_side for c in clear)
    told = ', '.join(f'{side} {count}' for side, count in sorted(sides.items()))
    report.numbers |= {'sides': dict(sides), 'side clear': len(clear), 'side agrees': agree}
    report.lines.append(
        f'sides: {told}'
        + (f'; the joints agree in {_percent(agree, len(clear))} of {len(clear)} clear cases' * bool(clear))
    )
    if len(clear) >= 5 and agree < len(clear) / 2:
        report.problems.append(
            'most hands look like the other side: mirrored images, or an axis that points the other way'
        )


def _check_depth(report: DatasetReport, sound: Sequence[SampleCheck]) -> None:
    gaps = np.array([c.depth_gap for c in sound])
    gaps = gaps[np.isfinite(gaps)]
    if not gaps.size:
        return
    far = int((np.abs(gaps) > DEPTH_GAP).sum())
    report.numbers |= {'depth gap median mm': float(np.median(gaps)), 'depth far': far}
    report.lines.append(
        f'depth at the joints minus theirs: median {np.median(gaps):.1f} mm '
        f'(the skin is in front of a joint); more than {DEPTH_GAP:g} mm off in {far} of {gaps.size} samples'
    )
    if far > gaps.size / 4:
        report.problems.append(
            f'the depth does not fit the joints in {_percent(far, gaps.size)} of the samples: bytes of the depth in '
            'another order, another unit, or depth and labels of different cameras'
        )


def by_fault(checks: Iterable[SampleCheck]) -> list[str]:
    """Return a line for each sample that can't be used: its number, the fault and the error."""
    return [f'{check.index}\t{check.fault}\t{check.message}' for check in checks if check.fault]


def _percent(part: float, whole: float) -> str:
    return f'{100 * part / max(whole, 1):.1f} %'


def _max(values: np.ndarray) -> float | None:
    return float(np.nanmax(values)) if np.isfinite(values).any() else None
