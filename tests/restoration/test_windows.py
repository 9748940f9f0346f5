"""Bits against plain arrays of labels."""

import re

import numpy as np
import pytest

from handkd.restoration import windows
from handkd.restoration.windows import FAR, MAX_SIDE, bit_rows, hand_pixels, read_windows

from .conftest import cut_patches, draw_maps, hamming


def labels_of(words):
    """(Q, 5, 27) words as (Q, 27, 27) labels."""
    bits = (words[..., None] >> np.arange(27, dtype=np.uint64)) & np.uint64(1)
    return (bits * (1 << np.arange(5, dtype=np.uint64))[:, None, None]).sum(1)


@pytest.mark.parametrize('size', [(48, 48), (20, 17), (1, MAX_SIDE), (MAX_SIDE, 3)], ids=str)
def test_windows_are_the_patches(size):
    stack = np.random.default_rng(0).integers(0, 32, (3, *size), np.uint8)
    pixels = np.arange(stack.size)
    words = read_windows(bit_rows(stack), size[1], pixels)
    np.testing.assert_array_equal(labels_of(words), cut_patches(stack, pixels))
    assert words.max() < 2**27


def test_nearest_of_all_are_those_of_a_full_table(maps):
    queries = draw_maps(2, seed=5, size=(20, 17))
    pixels, patches = hand_pixels(queries)[::7], hand_pixels(maps)
    table = hamming(cut_patches(queries, pixels), cut_patches(maps, patches))
    order = table.argsort(1, kind='stable')[:, :9]  # of equal ones, and each patch of map 0 is there twice, the first

    words = read_windows(bit_rows(queries), 17, pixels)
    found, distances = windows.nearest_of_all(words, bit_rows(maps), maps, 9)
    np.testing.assert_array_equal(found, patches[order])
    np.testing.assert_array_equal(distances, np.take_along_axis(table, order, 1))


def test_nearest_among_some_and_none(maps):
    rng = np.random.default_rng(1)
    pixels, patches = hand_pixels(maps)[::31], rng.permutation(hand_pixels(maps))
    given = rng.choice(patches[: len(patches) // 2], (len(pixels), 12))
    given[:, 0] = given[:, 5] + np.where(given[:, 5] < maps[0].size, 5 * maps[0].size, 0)  # some equal ones
    given[0, 3:] = -1
    given[1] = -1
    words = read_windows(bit_rows(maps), 17, pixels)
    found, distances = windows.nearest_among(words, bit_rows(maps), 17, given, 4)

    for i in range(2, len(pixels)):
        table = hamming(cut_patches(maps, pixels[i : i + 1]), cut_patches(maps, given[i]))[0]
        order = np.lexsort((given[i], table))[:4]
        np.testing.assert_array_equal(found[i], given[i][order])
        np.testing.assert_array_equal(distances[i], table[order])
    assert (found[0, :3] >= 0).all() and found[0, 3] == -1 and distances[0, 3] == FAR
    assert (found[1] == -1).all() and (distances[1] == FAR).all()


def test_distances_reach_from_0_to_all_729():
    stack = np.stack([np.full((48, 48), 1, np.uint8), np.full((48, 48), 30, np.uint8)])
    centre = np.array([24 * 48 + 24])
    words = read_windows(bit_rows(stack), 48, centre)
    _, distances = windows.nearest_among(words, bit_rows(stack), 48, np.array([[centre[0], centre[0] + 48 * 48]]), 2)
    assert distances.tolist() == [[0, 729]] and FAR > 729


@pytest.mark.parametrize('right', [True, False])
def test_overlaps_are_compared(maps, right):
    pixels = hand_pixels(maps)
    first, second = pixels[:200:23], pixels[5:400:29]
    a, b = (read_windows(bit_rows(maps), 17, chosen) for chosen in (first, second))
    plain_a, plain_b = cut_patches(maps, first), cut_patches(maps, second)
    plain_a, plain_b = (plain_a[:, :, 1:], plain_b[:, :, :-1]) if right else (plain_a[:, 1:], plain_b[:, :-1])
    np.testing.assert_array_equal(windows.overlap_distances(a[:9], b[:9], right), hamming(plain_a[:9], plain_b[:9]))


def test_patches_of_neighbours_in_one_map_agree_where_they_overlap(maps):
    pixel = 8 * 17 + 8
    here, right, below = (read_windows(bit_rows(maps), 17, np.array([pixel + step])) for step in (0, 1, 17))
    assert windows.overlap_distances(here, right, True) == 0
    assert windows.overlap_distances(here, below, False) == 0
    assert windows.overlap_distances(here, below, True) > 0


@pytest.mark.parametrize(
    ('stack', 'message'),
    [
        (np.zeros((2, 4, 4), np.int64), 'here: expected uint8 of shape (B, H, W), sides up to 51 px, found int64'),
        (np.zeros((4, 4), np.uint8), 'found uint8 (4, 4)'),
        (np.zeros((1, 4, 52), np.uint8), 'found uint8 (1, 4, 52)'),
        (np.zeros((1, 0, 4), np.uint8), 'found uint8 (1, 0, 4)'),
        (np.array([[[20]], [[21]]], np.uint8), 'here: map 1 has the label 21, expected 0..20'),
        (np.array([[[255]]], np.uint8), 'map 0 has the label 255, expected 0..20; give unknown pixels'),
    ],
)
def test_other_maps_are_refused(stack, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        windows.check_maps(stack, 'here')


def test_no_maps_are_maps():
    windows.check_maps(np.zeros((0, 4, 4), np.uint8), 'here')
