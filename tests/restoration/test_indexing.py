"""The index of a folder: good enough, built onward after a kill, and refused where it does not fit."""

import json
import shutil
import signal
import subprocess
import sys

import faiss
import numpy as np
import pytest

from handkd.restoration import (
    ExactSearch,
    IndexedSearch,
    IndexSettings,
    build_dictionary,
    hand_pixels,
    index_files,
    indexing,
    measure_search,
    open_search,
)

from .conftest import draw_maps

SETTINGS = IndexSettings(lists=32, components=32, pca_sample=2000, list_sample=40, checkpoint=8)


@pytest.fixture(scope='module', autouse=True)
def small_pieces():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(indexing, '_ADDED_AT_ONCE', 4)
        yield


@pytest.fixture(scope='module')
def stack():
    return draw_maps(26, size=(32, 32), spread=1.0)


@pytest.fixture(scope='module')
def finished(stack, tmp_path_factory):
    folder = tmp_path_factory.mktemp('finished')
    build_dictionary(folder, lambda start: stack[start:], dict(name='discs'))
    open_search(folder, SETTINGS)
    return folder


@pytest.fixture
def folder(finished, tmp_path):
    return shutil.copytree(finished, tmp_path / 'there')


def bare(folder):
    """Remove the index."""
    for path in (*folder.glob('index*'), folder / 'components.npz'):
        path.unlink()
    return folder


def state(folder):
    return json.loads((folder / 'index.json').read_text())


def test_it_finds_what_is_near_in_hands_that_it_does_not_have(finished):
    search = open_search(finished, SETTINGS, probes=8)
    assert isinstance(search, IndexedSearch) and search.index.ntotal == search.dictionary.num_patches
    others = draw_maps(4, seed=9, size=(32, 32), spread=1.0)
    pixels = hand_pixels(others)[::20]
    quality = measure_search(search, others, pixels)
    assert quality.recall > 0.8 and quality.ratio < 1.03
    blind = measure_search(open_search(finished, SETTINGS, probes=1, rerank=1), others, pixels)
    assert blind.recall < quality.recall and blind.ratio > quality.ratio


def test_a_patch_finds_itself(finished, stack):
    found = open_search(finished, SETTINGS)(stack, hand_pixels(stack))
    assert (found.distances == 0).all()
    assert (found.patches[:, 0] <= hand_pixels(stack)).all()


def test_many_lists_are_found_through_a_graph(folder, stack, monkeypatch):
    monkeypatch.setattr(index_files, '_GRAPH_FROM', 32)
    search = open_search(bare(folder), SETTINGS)
    assert isinstance(faiss.downcast_index(search.index.quantizer), faiss.IndexHNSWFlat)
    assert (search(stack[:3], hand_pixels(stack[:3])).distances == 0).all()


KILLED = """
import json, os, signal, sys
from handkd.restoration import IndexSettings, indexing, open_search

def die(maps, added=[]):
    added.append(maps)
    if sum(added) == 20:
        os.kill(os.getpid(), signal.SIGKILL)

indexing._ADDED_AT_ONCE = 4
open_search(sys.argv[1], IndexSettings(**json.loads(sys.argv[2])), progress=die)
"""
"""A new process, as FAISS's threads do not live on in a forked one."""


def test_a_killed_run_is_gone_on_with(folder, finished, stack):
    bare(folder)
    killed = subprocess.run([sys.executable, '-c', KILLED, str(folder), json.dumps(vars(SETTINGS))])
    assert killed.returncode == -signal.SIGKILL
    assert state(folder)['maps'] == 16
    (folder / 'index-00000024.new').touch()  # as if it had been killed while it wrote
    said = []
    search = open_search(folder, SETTINGS, progress=said.append)
    assert said == [4, 4, 2] and state(folder)['maps'] == 26
    names = {path.name for path in folder.iterdir()}
    assert names == {'dictionary.json', 'maps.u8', 'components.npz', 'index.json', 'index-00000026.npz'}
    whole = open_search(finished, SETTINGS)
    for found, expected in zip(
        search(stack[:5], hand_pixels(stack[:5]), 7), whole(stack[:5], hand_pixels(stack[:5]), 7)
    ):
        np.testing.assert_array_equal(found, expected)


def test_a_finished_one_is_only_read(folder):
    said, before = [], {path: path.stat().st_mtime_ns for path in folder.iterdir()}
    open_search(folder, SETTINGS, progress=said.append)
    assert said == [] and before == {path: path.stat().st_mtime_ns for path in folder.iterdir()}


def damage(folder):
    """Change the last byte of the maps."""
    data = bytearray((folder / 'maps.u8').read_bytes())
    data[-1] ^= 1
    (folder / 'maps.u8').write_bytes(data)


def other_maps(folder):
    for name in ('dictionary.json', 'maps.u8'):
        (folder / name).unlink()
    build_dictionary(folder, lambda start: draw_maps(26, seed=1, size=(32, 32))[start:], dict(name='others'))


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (lambda folder: (folder / 'components.npz').unlink(), r'components\.npz: expected \d+ bytes, found no file'),
        (damage, r'maps\.u8: its content has changed'),
        (lambda folder: (folder / 'index-00000026.npz').write_bytes(b''), r'index-00000026\.npz: expected \d+ bytes'),
        (lambda folder: (folder / 'index.json').write_text('{}'), r'index\.json is damaged'),
        (other_maps, r'index\.json: the index has other settings: dictionary was \d+, is now \d+'),
    ],
    ids=['components', 'maps', 'index', 'json', 'dictionary'],
)
def test_what_does_not_fit_is_refused(folder, change, message):
    change(folder)
    with pytest.raises(ValueError, match=message):
        open_search(folder, SETTINGS)


def test_other_settings_are_refused_but_for_the_checkpoint(folder):
    assert open_search(folder, IndexSettings(**(vars(SETTINGS) | dict(checkpoint=1))))
    with pytest.raises(ValueError, match='lists was 32, is now 64; seed was 0, is now 3. Delete this file'):
        open_search(folder, IndexSettings(**(vars(SETTINGS) | dict(lists=64, seed=3))))


@pytest.mark.parametrize(
    'change',
    [dict(components=33), dict(components=0), dict(components=1702), dict(lists=0), dict(checkpoint=0)],
    ids=str,
)
def test_settings_are_checked(change):
    with pytest.raises(ValueError, match='an index needs an even number of components, and samples'):
        IndexSettings(**change)


def test_few_patches_are_searched_exactly(tmp_path, maps):
    build_dictionary(tmp_path, lambda start: maps[start:], {})
    assert isinstance(open_search(tmp_path), ExactSearch)
    assert not (tmp_path / 'index.json').exists()


def test_a_missing_dictionary_is_told(tmp_path):
    with pytest.raises(FileNotFoundError, match='build a dictionary in this folder first'):
        open_search(tmp_path)


@pytest.mark.parametrize(
    ('patches', 'lists'), [(8192, 128), (10**5, 1024), (10**6, 4096), (2 * 10**6, 4096), (36 * 10**6, 32768)]
)
def test_lists_grow_with_the_root_of_the_patches(patches, lists):
    assert IndexSettings().lists_for(patches) == lists
    assert IndexSettings(lists=7).lists_for(patches) == 7
