"""Identities of people in Panoptic: the trackers' numbers, and those that belong to one person."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np

from handkd.hints import check_choice


class People:
    """Groups of trackers' numbers, one group per person.

    The files number the people of a sequence. A person's number changes when the tracker loses it, and is unrelated to
    those in other sequences.

    Args:
        groups: Of each person the (sequence, number) pairs.

    Raises:
        ValueError: If a pair is malformed, or given twice.
    """

    def __init__(self, groups: Sequence[Sequence[tuple[str, int]]]) -> None:
        self.groups = [[tuple(pair) if isinstance(pair, (list, tuple)) else pair for pair in group] for group in groups]
        self._places: dict[tuple[str, int], tuple[int, int]] = {}
        for subject, group in enumerate(self.groups):
            for rank, pair in enumerate(group):
                if not (isinstance(pair, tuple) and list(map(type, pair)) == [str, int]):
                    raise ValueError(
                        'PanopticHandDataset(people=...) must be one list per person of pairs such as '
                        f"['171204_pose2', 0], found {pair!r} in that of person {subject}"
                    )
                if pair in self._places:
                    raise ValueError(f'PanopticHandDataset(people=...): {list(pair)} is given twice')
                self._places[pair] = subject, rank

    def check_sequences(self, found: Collection[str]) -> None:
        """Raise a ValueError with the nearest right name if a sequence is unknown."""
        for sequence, _ in self._places:
            check_choice(sequence, found, 'PanopticHandDataset(people=...)')

    def find_doubles(self, sequence: str, frame: np.ndarray, person: np.ndarray, side: np.ndarray) -> np.ndarray:
        """Return which hands of a sequence are duplicates: a second hand of one person, side and frame.

        The first is that of the number that comes first in the person's group.

        Args:
            sequence: Its name.
            frame: Frame of each of the N hands, shape (N,), int.
            person: The files' number of the person, shape (N,), int.
            side: Index in ``SIDES``, shape (N,), int.

        Returns:
            Shape (N,), bool.
        """
        # Numbers in no group come after those of the groups.
        apart = len(self.groups)
        places = [self._places.get((sequence, number), (apart + number, 0)) for number in person.tolist()]
        subject, rank = np.array(places, np.int64).reshape(-1, 2).T
        order = np.lexsort((rank, side, subject, frame))
        table = np.stack([frame, subject, side], 1)[order]
        doubled = np.zeros(len(frame), bool)
        doubled[order[1:]] = (table[1:] == table[:-1]).all(1)
        return doubled

    def number(self, names: Sequence[str], sequence: np.ndarray, person: np.ndarray) -> np.ndarray:
        """Return the subjects of hands: the number of their group, then the others in sorted order.

        Args:
            names: Names of the sequences.
            sequence: Sequence of each of the N hands, an index of ``names``, shape (N,), int.
            person: The files' number of the person, shape (N,), int.

        Returns:
            Shape (N,), int32.
        """
        pairs, inverse = np.unique(np.stack([sequence, person], 1), axis=0, return_inverse=True)
        subjects, following = [], len(self.groups)
        for number, who in pairs.tolist():
            subject, _ = self._places.get((str(names[number]), who), (following, 0))
            following += subject == following
            subjects.append(subject)
        return np.array(subjects, np.int32)[inverse.reshape(-1)]
