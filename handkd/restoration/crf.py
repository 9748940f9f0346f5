"""CRF that chooses one of several retrieved patches per pixel, so that neighbours agree (Neverova et al. 2017, sec. 5).

The paper's alternative to voting: an energy E(x) = sum_i u(x_i) + alpha sum_{i~j} b(x_i, x_j) over the hand pixels,
where x_i is the index of pixel i's choice among its N = 10 nearest patches, and i~j are neighbours along a row or a
column.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from handkd.compiling import njit
from handkd.hints import check_choice

from .dictionary import PatchDictionary
from .search import Neighbours
from .windows import overlap_distances, read_windows

PAIRWISE = ('potts', 'overlap')
_JIT = dict(cache=True, nogil=True, error_model='numpy')


class Lattice(NamedTuple):
    """Energy over Q pixels with N candidates each."""

    unary: np.ndarray
    """u: shape (Q, N), float64."""
    edges: np.ndarray
    """i~j: shape (E, 2), int64, sorted, the first pixel of a pair before the second."""
    pairwise: np.ndarray
    """alpha b: shape (E, N, N), float64, by the first pixel's candidate and the second's."""


class CandidateCRF:
    """Chooses a patch for each pixel by loopy belief propagation (min-sum).

    Messages are sent through the pixels in their order and back; each sweep uses messages that it has already sent. The
    number of sweeps is fixed: the energy has loops, so the sweeps may neither converge nor reach the minimum. Of the
    choices after each sweep and the choice of each pixel's nearest patch, the one with the least energy is returned.

    Args:
        pairwise: 'potts': 1 if the centres of the two patches have different labels; 'overlap': number of labels that
            differ where the patches overlap, of 702.
        alpha: Weight of the pairwise terms. The unary ones are Hamming distances, of 729; the paper chose its alpha on
            held-out images and does not give it.
        candidates: Patches to choose from, N. Defaults to 10.
        sweeps: Number of sweeps, each forward and back. Defaults to 10.
        damping: Share of a message's old value that is kept, from 0 to below 1. Defaults to 0.2.

    Raises:
        ValueError: If an argument is unknown or out of range.
    """

    def __init__(
        self, pairwise: str, alpha: float, candidates: int = 10, sweeps: int = 10, damping: float = 0.2
    ) -> None:
        check_choice(pairwise, PAIRWISE, 'pairwise')
        if not alpha >= 0 or candidates < 1 or sweeps < 1 or not 0 <= damping < 1:
            raise ValueError(
                'a CRF needs alpha >= 0, candidates >= 1, sweeps >= 1 and damping from 0 to below 1, found '
                f'{alpha}, {candidates}, {sweeps} and {damping}'
            )
        self.pairwise, self.alpha, self.candidates = pairwise, alpha, candidates
        self.sweeps, self.damping = sweeps, damping

    def __call__(
        self, pixels: np.ndarray, size: tuple[int, int], found: Neighbours, dictionary: PatchDictionary
    ) -> np.ndarray:
        """Return the chosen patch of each pixel.

        Args:
            pixels: Addresses of the hand pixels of some maps, shape (Q,), int64, ascending.
            size: Height and width of these maps in px.
            found: Their candidates, (Q, N).
            dictionary: Dictionary of the candidates.

        Returns:
            Addresses in the dictionary, shape (Q,), int64.
        """
        choice = minimise(self.lattice(pixels, size, found, dictionary), self.sweeps, self.damping)
        return np.take_along_axis(found.patches, choice[:, None], 1)[:, 0]

    def lattice(
        self, pixels: np.ndarray, size: tuple[int, int], found: Neighbours, dictionary: PatchDictionary
    ) -> Lattice:
        """Return the energy.

        Args:
            pixels: Addresses of the hand pixels of some part maps of the image, shape (Q,), int64, ascending.
            size: Height and width of these maps in px.
            found: Their candidates, (Q, N).
            dictionary: Dictionary of the candidates.
        """
        edges, right = neighbouring_pixels(pixels, size)
        if self.pairwise == 'potts':
            labels = dictionary.maps.reshape(-1)[found.patches]
            pairwise = labels[edges[:, 0], :, None] != labels[edges[:, 1], None, :]
        else:
            windows = read_windows(dictionary.rows, dictionary.width, found.patches.ravel())
            windows = windows.reshape(*found.patches.shape, *windows.shape[1:])
            pairwise = np.empty((len(edges), *found.patches.shape[1:] * 2))
            for n, (i, j) in enumerate(edges):
                pairwise[n] = overlap_distances(windows[i], windows[j], right[n])
        return Lattice(found.distances.astype(np.float64), edges, self.alpha * pairwise)


def neighbouring_pixels(pixels: np.ndarray, size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Return the pairs of neighbours along rows and columns.

    Args:
        pixels: Addresses in part maps of the image, shape (Q,), int64, ascending.
        size: Height and width of a map in px.

    Returns:
        Indices into ``pixels``, shape (E, 2), int64, sorted; and whether the second pixel is to the right of the first
        (True) or below it, shape (E,), bool.
    """
    height, width = size
    pairs, sides = [], []
    for step, there, right in (
        (1, pixels % width < width - 1, True),
        (width, pixels % (height * width) < (height - 1) * width, False),
    ):
        place = np.searchsorted(pixels, pixels + step).clip(max=max(len(pixels) - 1, 0))
        first = np.flatnonzero(there & (pixels[place] == pixels + step))
        pairs.append(np.stack([first, place[first]], 1))
        sides.append(np.full(len(first), right))
    edges, sides = np.concatenate(pairs), np.concatenate(sides)
    order = np.lexsort((edges[:, 1], edges[:, 0]))
    return edges[order], sides[order]


@njit(**_JIT)
def energy(unary: np.ndarray, edges: np.ndarray, pairwise: np.ndarray, choice: np.ndarray) -> float:
    """Return the energy E(x) of a choice.

    Args:
        unary: u of each pixel of the image and candidate, shape (Q, N), float64, in labels (0 to 729).
        edges: Pairs of neighbours, shape (E, 2), int64.
        pairwise: alpha b of each edge, shape (E, N, N), float64, in the same unit.
        choice: Chosen candidate of each pixel, shape (Q,), int64.
    """
    total = 0.0
    for i in range(len(choice)):
        total += unary[i, choice[i]]
    for e in range(len(edges)):
        total += pairwise[e, choice[edges[e, 0]], choice[edges[e, 1]]]
    return total


def minimise(lattice: Lattice, sweeps: int = 10, damping: float = 0.2) -> np.ndarray:
    """Return a choice of low energy, at most the energy of the choice of least unary terms.

    Args:
        lattice: The energy.
        sweeps: See :class:`CandidateCRF`. Defaults to 10.
        damping: See :class:`CandidateCRF`. Defaults to 0.2.

    Returns:
        Shape (Q,), int64, from 0 to N - 1.
    """
    unary, edges, pairwise = lattice
    best = unary.argmin(1)
    if len(edges) == 0:
        return best
    lowest = energy(unary, edges, pairwise, best)
    beliefs, messages = unary.copy(), np.zeros((len(edges), 2, unary.shape[1]))
    for _ in range(sweeps):
        _sweep(beliefs, messages, edges, pairwise, damping)
        choice = beliefs.argmin(1)
        found = energy(unary, edges, pairwise, choice)
        if found < lowest:
            best, lowest = choice, found
    return best


@njit(**_JIT)
def _sweep(beliefs: np.ndarray, messages: np.ndarray, edges: np.ndarray, pairwise: np.ndarray, damping: float) -> None:
    """Send all messages once, forward through the sorted edges and then backward; changes beliefs and messages.

    A pixel's belief is its unary term plus all messages to it; ``messages[e, 1]`` is the forward message, from the
    first pixel of edge e to the second.
    """
    candidates = beliefs.shape[1]
    new = np.empty(candidates)
    for step in range(2 * len(edges)):
        forward = step < len(edges)
        e = step if forward else 2 * len(edges) - 1 - step
        source, target = (edges[e, 0], edges[e, 1]) if forward else (edges[e, 1], edges[e, 0])
        back, ahead = (messages[e, 0], messages[e, 1]) if forward else (messages[e, 1], messages[e, 0])
        new[:] = np.inf
        for a in range(candidates):
            known = beliefs[source, a] - back[a]  # without the message from the target
            for b in range(candidates):
                cost = known + (pairwise[e, a, b] if forward else pairwise[e, b, a])
                new[b] = min(new[b], cost)
        least = new.min()
        for b in range(candidates):
            value = damping * ahead[b] + (1 - damping) * (new[b] - least)
            beliefs[target, b] += value - ahead[b]
            ahead[b] = value
