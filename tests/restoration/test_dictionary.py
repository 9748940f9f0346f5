"""What a dictionary holds, and that a damaged one is refused."""

import json
import mmap

import numpy as np
import pytest

from handkd.restoration import PatchDictionary, build_dictionary

from .conftest import draw_maps


@pytest.fixture
def folder(maps, tmp_path):
    build_dictionary(tmp_path / 'there', lambda start: maps[start:], dict(name='six'))
    return tmp_path / 'there'


def test_every_hand_pixel_is_a_patch(maps, dictionary):
    assert dictionary.num_patches == (maps > 0).sum()
    assert dictionary.width == 17 and dictionary.rows.shape == (6, 5, 46)
    np.testing.assert_array_equal(dictionary.sample(10**6), np.flatnonzero(maps))


def test_a_sample_is_even_and_without_repetition(maps, dictionary):
    seen = np.zeros(maps.size, int)
    for seed in range(300):
        drawn = dictionary.sample(100, seed)
        assert len(drawn) == 100 and (np.diff(drawn) > 0).all()
        seen[drawn] += 1
    assert (seen[maps.ravel() == 0] == 0).all()
    expected = 300 * 100 / dictionary.num_patches
    assert abs(seen[maps.ravel() > 0] - expected).max() < 6 * np.sqrt(expected)
    np.testing.assert_array_equal(dictionary.sample(100, 3), dictionary.sample(100, 3))


def test_maps_without_hands_stand_between_others(maps):
    empty = np.zeros_like(maps[:1])
    stack = np.concatenate([empty, maps[:1], empty, empty, maps[1:2], empty])
    np.testing.assert_array_equal(PatchDictionary(stack).sample(10**6), np.flatnonzero(stack))
    with pytest.raises(ValueError, match='none of its 1 maps has a hand pixel'):
        PatchDictionary(empty)
    with pytest.raises(ValueError, match='none of its 0 maps'):
        PatchDictionary(maps[:0])


def test_it_is_mapped_from_a_file_of_the_maps_alone(folder, maps):
    loaded = PatchDictionary.load(folder)
    owner = loaded.maps
    while isinstance(owner, np.ndarray):
        owner = owner.base
    assert isinstance(owner, mmap.mmap) and (folder / 'maps.u8').stat().st_size == maps.size
    np.testing.assert_array_equal(loaded.maps, maps)
    with pytest.raises(ValueError, match='read-only'):
        loaded.maps[0] = 0


def test_a_map_of_48_costs_a_few_bytes_a_patch():
    stack = draw_maps(3)
    dictionary = PatchDictionary(stack)
    assert dictionary.rows.nbytes == 2960 * 3
    assert dictionary.maps.nbytes / dictionary.num_patches < 6 < 729


def break_byte(folder):
    data = bytearray((folder / 'maps.u8').read_bytes())
    data[100] ^= 1
    (folder / 'maps.u8').write_bytes(data)


def cut(folder):
    data = (folder / 'maps.u8').read_bytes()
    (folder / 'maps.u8').write_bytes(data[:-1])


def say(**changes):
    def change(folder):
        content = json.loads((folder / 'dictionary.json').read_text()) | changes
        (folder / 'dictionary.json').write_text(json.dumps(content))

    return change


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (break_byte, r'maps\.u8: its content has changed'),
        (cut, r'maps\.u8: expected 2040 bytes, found 2039'),
        (lambda folder: (folder / 'maps.u8').unlink(), r'maps\.u8: expected 2040 bytes, found no file'),
        (say(complete=False), 'the dictionary is unfinished, 6 maps are written'),
        (say(version=2), r'dictionary\.json: version 2, this handkd reads 1'),
        (say(colour='red'), r"dictionary\.json: expected the keys \['complete', .*, found .*'colour'"),
        (lambda folder: (folder / 'dictionary.json').write_text('[1'), r'dictionary\.json is damaged'),
        (lambda folder: (folder / 'dictionary.json').write_text('[1]'), r'dictionary\.json is damaged'),
    ],
)
def test_what_is_damaged_is_refused(folder, change, message):
    change(folder)
    with pytest.raises(ValueError, match=message):
        PatchDictionary.load(folder)


def test_a_folder_without_one_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r'no dictionary\.json in .*build a dictionary in this folder first'):
        PatchDictionary.load(tmp_path)
