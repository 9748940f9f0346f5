"""Whether a restored map may teach: its parts must be nearer to the joints (Neverova et al. 2017, section 3.1)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from handkd.hand import NUM_JOINTS

from .windows import NUM_LABELS, check_maps

QUALITY_PARTS: tuple[int, ...] = tuple(range(NUM_JOINTS))
"""The one part by which each of the 21 joints is judged: the bone's that ends there; the wrist has none, 0."""
REASONS = ('lost', 'moved', 'unchanged')
"""Why a map is rejected: at the joint that loses most, the part that was there is gone, or its barycentre is farther
off; or no joint loses anything, and none gains."""


@dataclass(frozen=True, eq=False)
class Verdict:
    """What the quality check says of some restored maps.

    Attributes:
        before: Distance of each joint to the barycentre of its part in the map that was restored, px, shape (B, J).
        after: The same in the restored map.
        lost: Whether the joint's part was there and is gone, shape (B, J), bool.
    """

    before: np.ndarray
    after: np.ndarray
    lost: np.ndarray

    @property
    def accepted(self) -> np.ndarray:
        """Whether the sum over the joints has become smaller, shape (B,), bool."""
        return self.after.sum(1) < self.before.sum(1)

    @property
    def worst(self) -> np.ndarray:
        """The joint that loses most, shape (B,), int64."""
        return (self.after - self.before).argmax(1)

    @property
    def reasons(self) -> list[str | None]:
        """Why each map is rejected, one of :data:`REASONS`; None where it is accepted."""
        rows = np.arange(len(self.before))
        loses = (self.after > self.before)[rows, self.worst]
        lost = self.lost[rows, self.worst]
        return [
            None if good else REASONS[0] if gone else REASONS[1] if worse else REASONS[2]
            for good, gone, worse in zip(self.accepted, lost & loses, loses)
        ]


def barycentres(maps: np.ndarray) -> np.ndarray:
    """Return the mean pixel of each label.

    Args:
        maps: Shape (B, H, W), uint8: 0 background, 1..20 parts.

    Returns:
        (x, y) in px, pixel centres at integers, shape (B, 21, 2), float64; NaN where no pixel has the label.
    """
    check_maps(maps, 'maps to judge')
    count, height, width = maps.shape
    y, x = np.mgrid[:height, :width]
    place = (maps + NUM_LABELS * np.arange(count)[:, None, None]).ravel()
    number = np.bincount(place, minlength=count * NUM_LABELS)
    sums = [np.bincount(place, np.tile(axis.ravel(), count), count * NUM_LABELS) for axis in (x, y)]
    with np.errstate(invalid='ignore'):
        return (np.stack(sums, -1) / number[:, None]).reshape(count, NUM_LABELS, 2)


def judge(
    original: np.ndarray, restored: np.ndarray, joints: np.ndarray, parts: Sequence[int] = QUALITY_PARTS
) -> Verdict:
    """Compare restored maps with the joints.

    The measure of a map is the sum over the joints of the distance from the joint to the barycentre of its part; a part
    that is missing costs the map's diagonal, or else an empty map would be the best.

    Args:
        original: The maps that were restored, shape (B, H, W), uint8.
        restored: What became of them, of the same shape.
        joints: True joints in px of the maps, pixel centres at integers, shape (B, J, 2).
        parts: Part of each joint; 0 is none: such a joint does not count. Defaults to QUALITY_PARTS.

    Raises:
        ValueError: If the arrays don't fit one another, a part does not exist, or a joint that counts is not finite.
    """
    joints, parts = np.asarray(joints, np.float64), np.asarray(parts)
    if original.shape != restored.shape or joints.shape != (len(original), len(parts), 2):
        raise ValueError(
            f'expected two stacks of B maps and joints (B, {len(parts)}, 2), found {original.shape}, {restored.shape} '
            f'and {joints.shape}'
        )
    counts = parts > 0
    if not (parts.min() >= 0 and parts.max() < NUM_LABELS and counts.any()):
        raise ValueError(f'parts must be 0..{NUM_LABELS - 1}, and not all 0, found {parts.tolist()}')
    if not np.isfinite(joints[:, counts]).all():
        image, joint = np.argwhere(~np.isfinite(joints).all(2) & counts)[0]
        raise ValueError(f'joint {joint} of map {image} is {joints[image, joint]}; a map is judged by finite joints')
    diagonal = np.hypot(*original.shape[1:])
    there, distances = [], []
    for maps in (original, restored):
        centres = barycentres(maps)[:, parts]
        there.append(np.isfinite(centres).all(2))
        distance = np.where(there[-1], np.linalg.norm(centres - joints, axis=2), diagonal)
        distances.append(np.where(counts, distance, 0.0))
    return Verdict(*distances, counts & there[0] & ~there[1])


@dataclass
class RejectionStatistics:
    """How many restored maps were accepted, and why the others were not.

    Attributes:
        maps: How many were judged.
        reasons: How many were rejected for each of :data:`REASONS`.
        joints: How many were rejected with each joint as the one that lost most.
        before: Sum over the maps of their measure before.
        after: The same after.
    """

    maps: int = 0
    reasons: Counter = field(default_factory=Counter)
    joints: Counter = field(default_factory=Counter)
    before: float = 0.0
    after: float = 0.0

    @property
    def rejected(self) -> int:
        """How many were rejected."""
        return sum(self.reasons.values())

    @property
    def rate(self) -> float:
        """Share of the maps that were rejected; NaN if there was none. The paper has 5 to 10 %."""
        return self.rejected / self.maps if self.maps else float('nan')

    def add(self, verdict: Verdict) -> None:
        """Count the maps of a verdict."""
        self.maps += len(verdict.before)
        self.before += float(verdict.before.sum())
        self.after += float(verdict.after.sum())
        self.reasons.update(reason for reason in verdict.reasons if reason)
        moved = (verdict.after != verdict.before).any(1)
        self.joints.update(verdict.worst[~verdict.accepted & moved].tolist())

    def __str__(self) -> str:
        if not self.maps:
            return 'no maps restored'
        why = ', '.join(f'{self.reasons[reason]} {reason}' for reason in REASONS)
        return (
            f'{self.rejected} of {self.maps} restored maps rejected ({100 * self.rate:.1f} %: {why}); joints are '
            f'{self.before / self.maps:.1f} px off before, {self.after / self.maps:.1f} px after, summed over a hand'
        )
