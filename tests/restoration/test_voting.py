"""Voting against a slow transcription of Eq. 2."""

import numpy as np
import pytest

from handkd.restoration.voting import vote

from .conftest import cut_patches, draw_maps


def slow_vote(maps, pixels, patches, window):
    """f(j) = argmax_l sum_k [l = n^(k, j@k)] over the parts l; ``patches`` are n^(k), (Q, 27, 27)."""
    restored, radius = maps.copy(), window // 2
    places = np.stack(np.unravel_index(pixels, maps.shape), 1)
    for image, y, x in np.argwhere(maps > 0):
        votes = np.zeros(21, int)
        for (other, row, col), patch in zip(places, patches):
            if other == image and max(abs(row - y), abs(col - x)) <= radius:
                votes[patch[13 + y - row, 13 + x - col]] += 1
        if votes[1:].any():
            restored[image, y, x] = 1 + votes[1:].argmax()  # the first of equal ones
    return restored


@pytest.mark.parametrize('window', [1, 5, 17, 27])
@pytest.mark.parametrize('share', [1.0, 0.1], ids=['all', 'some'])
def test_votes_are_counted(maps, window, share):
    rng = np.random.default_rng(window)
    images = draw_maps(2, seed=3, size=(15, 19))
    images[0, :, :3] = rng.integers(0, 21, (15, 3))
    pixels = np.flatnonzero(images)
    pixels = np.sort(rng.choice(pixels, int(share * len(pixels)), replace=False))
    patches = rng.choice(np.flatnonzero(maps), len(pixels))
    restored = vote(images, pixels, maps, patches, window)
    np.testing.assert_array_equal(restored, slow_vote(images, pixels, cut_patches(maps, patches), window))
    assert (restored != images).any()


def test_without_a_window_it_is_the_centre_of_the_own_patch(maps):
    images = draw_maps(2, seed=3, size=(15, 19))
    pixels = np.flatnonzero(images)
    patches = np.random.default_rng(0).choice(np.flatnonzero(maps), len(pixels))
    restored = vote(images, pixels, maps, patches, 1)
    np.testing.assert_array_equal(restored.ravel()[pixels], maps.ravel()[patches])


def test_of_equal_labels_the_lowest_wins():
    dictionary = np.array([[[0, 9, 0, 0, 0]], [[0, 4, 0, 0, 0]], [[0, 2, 7, 0, 0]]], np.uint8)
    image = np.array([[[1, 1]]], np.uint8)
    # Pixel 0 is given 9, and by its neighbour what is to the left of the 4: nothing; pixel 1 is given 0 and 4.
    assert vote(image, np.array([0, 1]), dictionary, np.array([1, 6]), 17).tolist() == [[[9, 4]]]
    # Pixel 0 is given 9 and, to the left of the 7, a 2; pixel 1 is given 0 and 7.
    assert vote(image, np.array([0, 1]), dictionary, np.array([1, 12]), 17).tolist() == [[[2, 7]]]


def test_the_background_neither_wins_nor_changes():
    dictionary = np.zeros((1, 9, 9), np.uint8)
    dictionary[0, 4, 4] = 3
    image = np.full((1, 9, 9), 5, np.uint8)
    image[0, 2] = 0
    pixels = np.flatnonzero(image)
    restored = vote(image, pixels, dictionary, np.full(len(pixels), 40), 17)
    np.testing.assert_array_equal(restored, np.where(image > 0, 3, 0))  # 80 of 81 votes are the background's
    alone = vote(image, pixels[:1], dictionary, np.array([40]), 17)
    assert alone[0, 0, 0] == 3 and (alone.ravel()[1:] == image.ravel()[1:]).all()  # nobody votes: it stays


@pytest.mark.parametrize('window', [0, 2, 29, -1])
def test_windows_that_make_no_sense_are_refused(maps, window):
    with pytest.raises(ValueError, match=f'must be odd, from 1 to 27 px, found {window}'):
        vote(maps, np.array([0]), maps, np.array([0]), window)


def test_each_pixel_needs_a_patch(maps):
    with pytest.raises(ValueError, match='expected one patch per pixel, found 1 for 2 pixels'):
        vote(maps, np.array([0, 1]), maps, np.array([0]))
