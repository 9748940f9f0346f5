"""The energies against loops, and the solver against all choices there are."""

from itertools import product

import numpy as np
import pytest

from handkd.restoration import CandidateCRF, ExactSearch, hand_pixels
from handkd.restoration.crf import Lattice, energy, minimise, neighbouring_pixels

from .conftest import cut_patches, draw_maps, hamming


def slow_energy(lattice, choice):
    """E(x) = sum_i u(x_i) + sum_{i~j} alpha b(x_i, x_j)."""
    total = sum(lattice.unary[i, x] for i, x in enumerate(choice))
    return total + sum(lattice.pairwise[e, choice[i], choice[j]] for e, (i, j) in enumerate(lattice.edges))


def grid(rows, cols, candidates, seed, strength):
    """An energy of random numbers over the pixels of a full map."""
    rng = np.random.default_rng(seed)
    edges, _ = neighbouring_pixels(np.arange(rows * cols), (rows, cols))
    pairwise = strength * rng.uniform(size=(len(edges), candidates, candidates))
    return Lattice(rng.uniform(size=(rows * cols, candidates)), edges, pairwise)


def least(lattice):
    return min(
        slow_energy(lattice, choice) for choice in product(range(lattice.unary.shape[1]), repeat=len(lattice.unary))
    )


@pytest.mark.parametrize('damping', [0.0, 0.2, 0.5])
@pytest.mark.parametrize('strength', [0.3, 1.0, 4.0])
def test_on_tiny_grids_it_mostly_ends_in_the_minimum(strength, damping):
    gaps = []
    for seed in range(20):
        lattice = grid(2, 3, 3, seed, strength)
        choice = minimise(lattice, sweeps=20, damping=damping)
        found, alone, best = slow_energy(lattice, choice), slow_energy(lattice, lattice.unary.argmin(1)), least(lattice)
        assert best - 1e-9 <= found <= alone + 1e-9
        gaps.append((found - best) / (alone - best) if alone > best + 1e-9 else 0.0)
    gaps = np.array(gaps)
    assert (gaps < 1e-9).mean() >= 0.8 and gaps.mean() < 0.05, gaps


@pytest.mark.parametrize('shape', [(1, 6), (6, 1)], ids=str)
def test_without_loops_one_sweep_ends_in_the_minimum(shape):
    for seed in range(10):
        lattice = grid(*shape, 4, seed, 2.0)
        choice = minimise(lattice, sweeps=1, damping=0.0)
        assert slow_energy(lattice, choice) == pytest.approx(least(lattice))


def test_without_neighbours_the_least_unary_term_wins():
    lattice = Lattice(np.array([[3.0, 1, 2], [0, 5, 5]]), np.empty((0, 2), np.int64), np.empty((0, 3, 3)))
    assert minimise(lattice).tolist() == [1, 0]


def test_energy_is_the_sum_of_its_terms():
    lattice = grid(3, 4, 3, 0, 1.0)
    for seed in range(5):
        choice = np.random.default_rng(seed).integers(0, 3, 12)
        assert energy(*lattice, choice) == pytest.approx(slow_energy(lattice, choice))


def test_neighbours_are_those_along_rows_and_columns():
    maps = draw_maps(2, seed=3, size=(11, 13))
    maps[0, -1] = maps[1, 0] = 1  # one below the other in memory, but not in a map
    pixels = hand_pixels(maps)
    expected = []
    for i, p in enumerate(pixels):
        for j, q in enumerate(pixels):
            (a, y, x), (b, v, u) = (np.unravel_index(k, maps.shape) for k in (p, q))
            if a == b and (v - y, u - x) in ((0, 1), (1, 0)):
                expected.append((i, j, u > x))
    edges, right = neighbouring_pixels(pixels, (11, 13))
    np.testing.assert_array_equal(np.column_stack([edges, right]), np.array(expected, int))
    assert neighbouring_pixels(np.empty(0, np.int64), (3, 3))[0].shape == (0, 2)


@pytest.fixture(scope='module')
def candidates(dictionary):
    images = draw_maps(2, seed=4, size=(10, 9))
    pixels = hand_pixels(images)
    return images, pixels, ExactSearch(dictionary)(images, pixels, 3)


@pytest.mark.parametrize('kind', ['potts', 'overlap'])
def test_terms_are_the_papers(candidates, dictionary, maps, kind):
    images, pixels, found = candidates
    crf = CandidateCRF(kind, 0.7, candidates=3)
    lattice = crf.lattice(pixels, images.shape[1:], found, dictionary)

    unary = [hamming(p[None], cut_patches(maps, n))[0] for p, n in zip(cut_patches(images, pixels), found.patches)]
    np.testing.assert_array_equal(lattice.unary, unary)
    for (i, j), pairwise in zip(lattice.edges, lattice.pairwise):
        first, second = cut_patches(maps, found.patches[i]), cut_patches(maps, found.patches[j])
        if kind == 'potts':
            expected = first[:, None, 13, 13] != second[None, :, 13, 13]
        elif pixels[j] - pixels[i] == 1:
            expected = hamming(first[:, :, 1:], second[:, :, :-1])
        else:
            expected = hamming(first[:, 1:], second[:, :-1])
        np.testing.assert_allclose(pairwise, 0.7 * expected)
    assert len(lattice.edges) > 50


@pytest.mark.parametrize('kind', ['potts', 'overlap'])
def test_neighbours_agree_more_and_the_energy_is_lower(candidates, dictionary, kind):
    images, pixels, found = candidates
    crf = CandidateCRF(kind, 2.0, candidates=3)
    lattice = crf.lattice(pixels, images.shape[1:], found, dictionary)
    patches = crf(pixels, images.shape[1:], found, dictionary)
    choice = (found.patches == patches[:, None]).argmax(1)
    assert (np.take_along_axis(found.patches, choice[:, None], 1)[:, 0] == patches).all()
    assert slow_energy(lattice, choice) < slow_energy(lattice, np.zeros(len(pixels), int))
    alone = CandidateCRF(kind, 0.0, candidates=3)(pixels, images.shape[1:], found, dictionary)
    np.testing.assert_array_equal(alone, found.patches[:, 0])


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (dict(pairwise='pots'), "pairwise: there is no 'pots'; did you mean 'potts'"),
        (dict(alpha=-1.0), 'alpha >= 0'),
        (dict(alpha=float('nan')), 'alpha >= 0'),
        (dict(candidates=0), 'candidates >= 1'),
        (dict(sweeps=0), 'sweeps >= 1'),
        (dict(damping=1.0), 'damping from 0 to below 1'),
    ],
)
def test_settings_are_checked(change, message):
    with pytest.raises(ValueError, match=message):
        CandidateCRF(**dict(pairwise='potts', alpha=1.0) | change)
