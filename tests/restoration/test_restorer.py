"""Restoration as a whole: what is right stays, what is wrong is repaired."""

import numpy as np
import pytest

from handkd.restoration import CandidateCRF, ExactSearch, PatchDictionary, Restorer, restorer
from handkd.restoration.voting import vote

from .conftest import draw_maps

CRFS = [None, CandidateCRF('potts', 5.0, candidates=4), CandidateCRF('overlap', 0.5, candidates=4)]


class CountedSearch(ExactSearch):
    """Keeps the pixels that it was asked for."""

    def __call__(self, maps, pixels, count=1):
        self.asked = pixels
        return super().__call__(maps, pixels, count)


@pytest.fixture(scope='module')
def search():
    return CountedSearch(PatchDictionary(draw_maps(12, size=(24, 24), spread=1.0)))


def spoil(maps, seed=0, share=0.1):
    """Give some hand pixels any part."""
    rng = np.random.default_rng(seed)
    noise = rng.integers(1, 21, maps.shape, np.uint8)
    return np.where((maps > 0) & (rng.random(maps.shape) < share), noise, maps)


@pytest.mark.parametrize('crf', CRFS, ids=['nearest', 'potts', 'overlap'])
@pytest.mark.parametrize('window', [1, 17])
def test_a_map_of_the_dictionary_stays_as_it_is(search, window, crf):
    maps = search.dictionary.maps[3:5]
    np.testing.assert_array_equal(Restorer(search, window, crf=crf)(maps), maps)


@pytest.mark.parametrize('crf', CRFS, ids=['nearest', 'potts', 'overlap'])
def test_a_spoilt_map_is_repaired(search, crf):
    maps = search.dictionary.maps[3:5]
    spoilt = spoil(maps)
    assert (spoilt != maps)[maps > 0].mean() > 0.08
    np.testing.assert_array_equal(Restorer(search, crf=crf)(spoilt), maps)


@pytest.mark.parametrize('window', [1, 17])
def test_an_unseen_hand_gets_nearer_to_the_truth(search, window):
    truth = draw_maps(6, seed=8, size=(24, 24), spread=1.0)
    spoilt = spoil(truth, share=0.6)
    hand = truth > 0
    restored = Restorer(search, window)(spoilt)
    assert (restored == truth)[hand].mean() > (spoilt == truth)[hand].mean() + 0.15
    assert ((restored > 0) == hand).all() and restored.dtype == np.uint8


def test_its_steps_are_those_that_are_asked_for(search):
    spoilt = spoil(draw_maps(2, seed=8, size=(24, 24), spread=1.0), share=0.6)
    pixels = np.flatnonzero(spoilt)
    found = search(spoilt, pixels, 4)
    seen = set()
    for crf in CRFS:
        patches = found.patches[:, 0] if crf is None else crf(pixels, (24, 24), found, search.dictionary)
        for window in (1, 5, 17):
            restored = Restorer(search, window, crf=crf)(spoilt)
            np.testing.assert_array_equal(restored, vote(spoilt, pixels, search.dictionary.maps, patches, window))
            seen.add(restored.tobytes())
    assert len(seen) > 6  # neither the window nor the CRF is without effect


@pytest.mark.parametrize('at_once', [2, 32])
def test_maps_do_not_look_at_each_other(search, at_once, monkeypatch):
    monkeypatch.setattr(restorer, '_AT_ONCE', at_once)
    spoilt = spoil(draw_maps(3, seed=8, size=(24, 24), spread=1.0), share=0.6)
    restore = Restorer(search, crf=CRFS[1])
    np.testing.assert_array_equal(restore(spoilt), np.concatenate([restore(one[None]) for one in spoilt]))


def test_a_stride_asks_for_fewer_patches(search):
    maps = search.dictionary.maps[3:5]
    np.testing.assert_array_equal(Restorer(search, stride=2)(spoil(maps)), maps)
    image, y, x = np.unravel_index(search.asked, maps.shape)
    assert (y % 2 == 0).all() and (x % 2 == 0).all()
    assert len(search.asked) == (maps[:, ::2, ::2] > 0).sum()


def test_maps_without_hands_stay_empty(search):
    empty = np.zeros((2, 24, 24), np.uint8)
    for crf in CRFS:
        assert not Restorer(search, crf=crf)(empty).any()
    assert Restorer(search)(empty[:0]).shape == (0, 24, 24)


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (dict(window=16), 'must be odd, from 1 to 27 px, found 16'),
        (dict(stride=0), 'the stride must be from 1 to 9'),
        (dict(window=3, stride=3), 'the stride must be from 1 to 2, so that every window of 3 px has'),
        (dict(stride=2, crf=CRFS[1]), 'needs stride=1, found 2'),
    ],
)
def test_settings_are_checked(search, change, message):
    with pytest.raises(ValueError, match=message):
        Restorer(search, **change)


def test_a_wrong_map_is_named(search):
    maps = np.zeros((40, 24, 24), np.uint8)
    maps[35] = 99
    with pytest.raises(ValueError, match='maps to restore: map 35 has the label 99'):
        Restorer(search)(maps)
