"""Report on the measurements of :mod:`.checking` over a data set, with the likely cause of each problem."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from handkd.hand import BONES, JOINT_INDEX, JOINTS, SIDES, other_side

from .checking import DEPTH_GAP, READINGS, SampleCheck
from .joint_orders import likely_order

BONE_RANGE = (0.5, 2.0)
"""Shortest and longest plausible bone, relative to its median over the set: between people it varies by a third."""
HAND_LENGTH = (60.0, 130.0)
"""Plausible medians of the distance from the wrist to the base of the middle finger, mm; from a palm centre, half."""
HAND_EXTENT = (40.0, 300.0)
"""Plausible largest distances between two joints of one hand, mm: a child's fist, a large man's span."""
MISSING_SHARE = 0.1
"""A larger share of labelled samples without an image is a problem; some sets have a few."""
MIRRORED_SHARE = 0.3
"""If fewer of the clear hands look like the labelled side, all are mirrored."""
WRONG_SIDE_SHARE = 0.4
"""If more of the clear hands of one labelled side look like the other, its labels are wrong."""
BLUE_SHARE = 0.9
"""If more of the hands, of five or more, are bluer than red, red and blue are probably swapped: skin is redder."""
OUTSIDE_SHARE = 0.3
"""A larger share of labelled joints outside their images is a problem; hands at the border are cut off."""


@dataclass
class DatasetReport:
    """Findings of the check of a data set.

    Attributes:
        lines: The findings, in words.
        problems: Those that need attention, in words.
        numbers: All figures, for JSON.
    """

    lines: list[str]
    problems: list[str]
    numbers: dict


def summarise(
    checks: Sequence[SampleCheck],
    total: int,
    published: int | None = None,
    missing: int = 0,
    joint0: str = 'wrist',
    unlabelled: int = 0,
) -> DatasetReport:
    """Combine the findings of all samples.

    Args:
        checks: Of the checked samples.
        total: Number of samples in the split, with those that the data set left out because they have no label.
        published: Expected number of samples. Defaults to None: unknown.
        missing: Number of labelled samples that the data set left out because their image is missing. Defaults to 0.
        joint0: Name of joint 0; the hand's length is measured from it. Defaults to 'wrist'.
        unlabelled: Number of those that the data set left out because they have no label. Defaults to 0.
    """
    report = DatasetReport([], [], {'samples': total, 'published': published, 'checked': len(checks)})
    _count(report, checks, published, missing, unlabelled)
    sound = [check for check in checks if not check.fault]
    if sound:
        _check_labels(report, sound)
        _check_camera(report, sound)
        _check_boxes(report, sound)
        ordered = _check_order(report, sound)
        _check_bones(report, sound, joint0, ordered)
        _check_sides(report, sound, ordered)
        _check_depth(report, sound)
        _check_colours(report, sound)
    return report


def _count(
    report: DatasetReport, checks: Sequence[SampleCheck], published: int | None, missing: int, unlabelled: int
) -> None:
    total = report.numbers['samples']
    says = '' if published is None else f'; published: {published}'
    without = f', {unlabelled} of them without labels and left out' if unlabelled else ''
    report.lines.append(f'{total} samples{without}, {len(checks)} checked{says}')
    if published is not None and total != published:
        report.problems.append(f'{total} samples instead of the published {published}')
    if missing:
        found = report.problems if missing > total * MISSING_SHARE else report.lines
        found.append(f'{missing} labelled samples left out by the reader: their images are missing')
    faults = Counter(check.fault for check in checks if check.fault)
    report.numbers |= {'left out': missing, 'unlabelled': unlabelled, 'faults': dict(faults)}
    for fault, count in faults.items():
        report.problems.append(f'{fault}: {count} samples')


def _check_labels(report: DatasetReport, sound: Sequence[SampleCheck]) -> None:
    labelled, outside = sum(c.labelled for c in sound), sum(c.outside for c in sound)
    empty = sum(c.labelled == 0 and c.expects_labels for c in sound)
    unlabelled = sum(not c.expects_labels for c in sound)
    cut = sum(c.outside > 0 for c in sound)
    report.lines.append(
        f'joints: {labelled / len(sound):.1f} labelled per sample, '
        f'{_percent(outside, labelled)} of them outside the image (in {cut} samples)'
    )
    if unlabelled:
        report.lines.append(f'{unlabelled} of {len(sound)} samples are unlabelled')
    if empty:
        report.problems.append(f'{empty} of {len(sound)} samples have no labelled joint')
    nothing, far = sum(c.unlabelled for c in sound), sum(c.far for c in sound)
    if nothing:
        report.problems.append(
            f'{nothing} of {labelled} labelled joints ({_where(sound, "unlabelled")}) are at 0 0 or -1 -1: COCO and '
            "others write that for joints without a label; write null, or set 'keypoints_valid' to 0 there"
        )
    if far:
        report.problems.append(
            f'{far} of {labelled} labelled joints ({_where(sound, "far")}) are behind the camera or farther away than '
            "it sees a hand: another unit, or a wrong world-to-camera transformation; check 'joints_3d', 'R' and 'T'"
        )
    report.numbers |= {'labelled joints': labelled, 'joints outside': outside, 'joints at nothing': nothing}
    report.numbers |= {'joints too far': far}


def _where(checks: Sequence[SampleCheck], field: str) -> str:
    """Return the number of samples in which a field is not zero, and the first of them, in words."""
    rows = [check.index for check in checks if getattr(check, field)]
    return f'in {len(rows)} of {len(checks)} samples: {_first(rows)}'


def _first(rows: Sequence[int]) -> str:
    return ', '.join(str(row) for row in rows[:5]) + (', ...' if len(rows) > 5 else '')


def _check_camera(report: DatasetReport, sound: Sequence[SampleCheck]) -> None:
    """Check the joints' positions in their images, and whether the intrinsics explain them."""
    labelled, outside = sum(c.labelled for c in sound), sum(c.outside for c in sound)
    seen = [c for c in sound if c.labelled]
    if not seen:
        return
    share = np.average([c.inside for c in seen], axis=0, weights=[c.labelled for c in seen])
    known = [c.on_hand for c in seen if np.isfinite(c.on_hand).all()]
    on_hand = np.mean(known, 0) if known else None
    reading = _likely_reading(seen, share, on_hand)
    cause = _explain(reading, seen)
    if outside > OUTSIDE_SHARE * labelled:
        report.problems.append(
            f'{_percent(outside, labelled)} of the labelled joints ({outside} of {labelled}) lie outside the image: '
            + (cause or "labels and images of different files or cameras; check 'image', 'joints_2d' and 'K'")
        )
    elif cause and on_hand is not None and on_hand[0] < 0.5:
        report.problems.append(
            f'{_percent(on_hand[0], 1)} of the labelled joints lie on the hand in mask, box or depth, in '
            f'{len(known)} of {len(sound)} samples: {cause}'
        )
    elif cause and on_hand is None and _in_one_corner(seen, reading):
        report.problems.append(
            f'all joints of {len(seen)} of {len(sound)} samples lie in the upper left part of the image, as does the '
            f'principal point: {cause}'
        )
    _check_reprojection(report, sound)


def _likely_reading(seen: Sequence[SampleCheck], share: np.ndarray, on_hand: np.ndarray | None) -> int:
    """Return the index in READINGS with which the joints fit the images; 0 is as they are."""
    factors = np.stack([c.factors[3] for c in seen])
    one_camera = (factors.std(0) < 0.02).all() and (np.abs(factors.mean(0) - 1) > 0.1).any()
    candidates = [k for k in ((3, 1, 2, 4) if one_camera else (1, 2, 4)) if share[k] > 0.9]
    if on_hand is not None and on_hand.max() > 0.6:
        candidates = [k for k in candidates if on_hand[k] > max(0.6, on_hand[0] + 0.3)]
        return max(candidates, key=lambda k: on_hand[k], default=0)
    candidates = [k for k in candidates if share[k] > share[0] + 0.1 or (k == 3 and _in_one_corner(seen, k))]
    return candidates[0] if candidates else 0


def _in_one_corner(seen: Sequence[SampleCheck], reading: int) -> bool:
    """Whether joints and principal point of all samples lie in the part of the image that K fits."""
    factors = np.stack([c.factors[reading] for c in seen])
    return len(seen) >= 5 and bool((factors > 1.8).all()) and all(c.in_corner for c in seen)


def _explain(reading: int, seen: Sequence[SampleCheck]) -> str:
    """Return the meaning of a reading of the joints and the remedy; '' for the labels as they are."""
    if reading == 0:
        return ''
    if READINGS[reading] == 'rows and columns swapped':
        return "u and v seem to be swapped (rows before columns); write x before y in 'joints_2d', check 'K'"
    by = np.median([c.factors[reading] for c in seen], 0)
    (width, height), count = Counter(c.size for c in seen).most_common(1)[0]
    factor = f'{by[0]:.3g}' if abs(by[0] - by[1]) < 0.02 * by[0] else f'{by[0]:.3g} and {by[1]:.3g}'
    return (
        f'they fit if K, or the 2D joints, are for images of {width / by[0]:.0f} x {height / by[1]:.0f} px, but these '
        f"are {width} x {height}; multiply the first two rows of 'K' (and 'joints_2d', 'box') by {factor}"
    )


def _check_reprojection(report: DatasetReport, sound: Sequence[SampleCheck]) -> None:
    worst = np.array([c.reprojection for c in sound])
    report.numbers['reprojection worst px'] = _max(worst)
    if not np.isfinite(worst).any():
        return
    index = sound[int(np.nanargmax(worst))].index
    report.lines.append(
        f'reprojection of the 3D joints onto the 2D ones: median {np.nanmedian(worst):.2f} px, '
        f'worst {np.nanmax(worst):.2f} px (sample {index})'
    )
    far = worst > 2
    if far.any():
        ratios = np.array([c.spread_ratio for c in sound])[far]
        ratio = float(np.nanmedian(ratios)) if np.isfinite(ratios).any() else 1.0
        scaled = abs(np.log(max(ratio, 1e-9))) > 0.1 and np.nanstd(ratios) < 0.05 * ratio
        report.problems.append(
            f'{int(far.sum())} samples whose 3D joints project more than 2 px off their 2D joints '
            f'(of {int(np.isfinite(worst).sum())}): '
            + (
                f"K is for images of another size; multiply the first two rows of 'K' by {ratio:.3g}"
                if scaled
                else "another camera's or another image's labels; check 'K', 'dist', 'R' and 'T'"
            )
        )


def _check_boxes(report: DatasetReport, sound: Sequence[SampleCheck]) -> None:
    causes = {
        'off': "lie mostly outside the image: for an image of another size; check 'box'",
        'away': "contain less than half of the joints: for another hand or image; check 'box'",
        'size': "fit the joints if they are x, y, width, height; write x1, y1, x2, y2 in 'box'",
    }
    for what, said in causes.items():
        rows = [c.index for c in sound if c.box == what]
        if rows:
            report.problems.append(f'the boxes of {len(rows)} of {len(sound)} samples ({_first(rows)}) {said}')


def _check_order(report: DatasetReport, sound: Sequence[SampleCheck]) -> bool:
    """Check the order of the joints; return whether it is handkd's."""
    order = likely_order(np.stack([c.shape for c in sound]))
    report.numbers['joint order'] = order or "handkd's"
    if order is None:
        return True
    known = sum(bool(np.isfinite(c.shape[0]).any()) for c in sound)
    cause = 'in an unknown order' if order == 'unknown' else f'in another order: {order}'
    report.problems.append(
        f'the bones of {known} of {len(sound)} samples are, in the median, not those of a hand: the joints seem to be '
        f"{cause}; name it ('joint_names' in dataset.json, or CocoHandDataset(order=...)), or reorder the labels"
    )
    return False


def _check_bones(report: DatasetReport, sound: Sequence[SampleCheck], joint0: str, ordered: bool) -> None:
    bones = np.stack([c.bones for c in sound])
    known = np.isfinite(bones).any(0)
    if not known.any():
        return
    median = np.nanmedian(bones[:, known], 0)
    ratio = bones[:, known] / np.maximum(median, 1e-9)
    with np.errstate(invalid='ignore'):
        odd = ((ratio < BONE_RANGE[0]) | (ratio > BONE_RANGE[1])).any(1)
    report.numbers['bone medians mm'] = {
        f'{JOINTS[a]}-{JOINTS[b]}': round(float(length), 2) for (a, b), length in zip(np.array(BONES)[known], median)
    }
    if odd.any() and ordered:
        rows = np.flatnonzero(odd)
        report.problems.append(
            f'{len(rows)} samples with a bone shorter than {BONE_RANGE[0]:g} or longer than {BONE_RANGE[1]:g} times '
            f'the median of that bone: {_first([sound[row].index for row in rows])} (of {len(sound)}); single joints '
            "are wrong there: check 'joints_3d'"
        )
    if _check_unit(report, sound, joint0, ordered):
        extent = np.array([c.extent for c in sound])
        rows = np.flatnonzero(((extent < HAND_EXTENT[0]) | (extent > HAND_EXTENT[1])) & ~odd)
        if rows.size:
            report.problems.append(
                f'{rows.size} of {len(sound)} hands ({_first([sound[row].index for row in rows])}) are smaller than '
                f'{HAND_EXTENT[0]:g} or larger than {HAND_EXTENT[1]:g} mm across: a joint far from the others, '
                "or another unit in part of the labels; check 'joints_3d'"
            )


def _check_unit(report: DatasetReport, sound: Sequence[SampleCheck], joint0: str, ordered: bool) -> bool:
    """Check the hands' length; return whether it is plausible or unknown, so that the unit is not in doubt."""
    lengths = np.array([c.bones[JOINT_INDEX['middle_mcp'] - 1] for c in sound])
    if not np.isfinite(lengths).any():
        return True
    length, count = float(np.nanmedian(lengths)), int(np.isfinite(lengths).sum())
    report.lines.append(f'{joint0} to base of the middle finger: median {length:.1f} mm')
    low, high = HAND_LENGTH if joint0 == 'wrist' else (HAND_LENGTH[0] / 3, HAND_LENGTH[1])
    if low <= length <= high:
        return True
    unit = _likely_unit(length)
    if ordered or unit:
        report.problems.append(
            f'{joint0} to base of the middle finger is {length:.3g} mm in the median: are the labels in '
            f'{unit or "another unit, or the joints in another order"}? ({count} of {len(sound)} samples); give '
            "'joints_3d' and 'T' in mm"
        )
    return False


def _likely_unit(length: float) -> str:
    return 'metres' if length < 0.5 else 'centimetres' if length < 15 else ''


def _check_sides(report: DatasetReport, sound: Sequence[SampleCheck], ordered: bool) -> None:
    sides = Counter(c.side or 'unknown' for c in sound)
    clear = [c for c in sound if c.seen_side and c.side] if ordered else []
    agree = sum(c.side == c.seen_side for c in clear)
    listed = ', '.join(f'{side} {count}' for side, count in sorted(sides.items()))
    report.numbers |= {'sides': dict(sides), 'side clear': len(clear), 'side agrees': agree}
    report.lines.append(
        f'sides: {listed}'
        + (f'; the joints agree in {_percent(agree, len(clear))} of {len(clear)} clear cases' * bool(clear))
    )
    if len(clear) >= 5 and agree < MIRRORED_SHARE * len(clear):
        report.problems.append(
            f'most hands look like the other side ({len(clear) - agree} of {len(clear)} clear ones): mirrored images, '
            "or an axis that points the other way; check 'side' and the signs in 'joints_3d'"
        )
        return
    for side in SIDES:
        seen = [c.seen_side for c in clear if c.side == side]
        wrong = seen.count(other_side(side))
        if len(seen) >= 10 and wrong > WRONG_SIDE_SHARE * len(seen):
            report.problems.append(
                f'{wrong} of {len(seen)} clear hands that are labelled {side} look like {other_side(side)} ones: is '
                "one side written for all? Check 'side'"
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
            'another order, another unit, or depth and labels of different cameras; check depth_unit_mm and the files'
        )


def _check_colours(report: DatasetReport, sound: Sequence[SampleCheck]) -> None:
    """Add a line, no problem, if the hands are blue: gloves and coloured light are rare, but no fault."""
    redness = np.array([c.redness for c in sound])
    redness = redness[np.isfinite(redness)]
    blue = int((redness < 0).sum())
    if redness.size >= 5 and blue > BLUE_SHARE * redness.size:
        report.lines.append(
            f'warning: the hands of {blue} of {redness.size} images are bluer than red: are red and blue swapped? Look '
            'at the sheet; cv2.imwrite takes BGR, PIL takes RGB'
        )


def _percent(part: float, whole: float) -> str:
    return f'{100 * part / max(whole, 1):.1f} %'


def _max(values: np.ndarray) -> float | None:
    return float(np.nanmax(values)) if np.isfinite(values).any() else None
