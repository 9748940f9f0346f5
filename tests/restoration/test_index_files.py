"""Files of an index: the index comes back as it was, and no forged one is believed, though its checksum fits."""

import json
import shutil

import faiss
import numpy as np
import pytest

from handkd.files import checksum_of
from handkd.restoration import IndexSettings, build_dictionary, open_search
from handkd.restoration.index_files import new_index, read_index, write_index

from .conftest import draw_maps

INDEX = 'index-00000026.npz'


@pytest.fixture(scope='module')
def finished(tmp_path_factory):
    folder, maps = tmp_path_factory.mktemp('finished'), draw_maps(26, size=(32, 32), spread=1.0)
    build_dictionary(folder, lambda start: maps[start:], dict(name='discs'))
    open_search(folder, IndexSettings(lists=32, components=32, pca_sample=2000, list_sample=40))
    return folder


@pytest.fixture
def folder(finished, tmp_path):
    return shutil.copytree(finished, tmp_path / 'there')


def forge(folder, name, **changes):
    """Change arrays of a file, and the checksum that ``index.json`` has of it."""
    with np.load(folder / name) as arrays:
        content = dict(arrays)
    for key, change in changes.items():
        content[key] = change(content[key])
    np.savez(folder / name, **content)
    state = json.loads((folder / 'index.json').read_text())
    state['files'][name] = [(folder / name).stat().st_size, checksum_of(folder / name)]
    (folder / 'index.json').write_text(json.dumps(state))


@pytest.mark.parametrize('graph', [False, True])
def test_it_comes_back_as_it_was(tmp_path, monkeypatch, graph):
    monkeypatch.setattr('handkd.restoration.index_files._GRAPH_FROM', 8 if graph else 100)
    vectors = np.random.default_rng(0).normal(size=(1000, 6)).astype(np.float32)
    index = new_index(8, 6)
    index.train(vectors)
    for begin in (0, 500):  # it can be gone on with
        index.add_with_ids(vectors[begin : begin + 500], 3 * np.arange(begin, begin + 500))
        write_index(index, tmp_path / 'a.npz')
        found = read_index(tmp_path / 'a.npz', 8, 6, 3000)
        index.nprobe = found.nprobe = 8
        if not graph:
            np.testing.assert_array_equal(faiss.serialize_index(found), faiss.serialize_index(index))
        for one, other in zip(found.search(vectors[:20], 5), index.search(vectors[:20], 5)):
            np.testing.assert_array_equal(one, other)
        index = found
    assert [path.name for path in tmp_path.iterdir()] == ['a.npz']


@pytest.mark.parametrize(
    ('name', 'key', 'change'),
    [
        (INDEX, 'ids', lambda ids: ids + (1 << 40)),
        (INDEX, 'ids', lambda ids: ids - (1 << 40)),
        (INDEX, 'ids', lambda ids: ids[:-1]),
        (INDEX, 'ids', lambda ids: ids.astype(np.float64)),
        (INDEX, 'sizes', lambda sizes: sizes + 1),
        (INDEX, 'sizes', lambda sizes: np.int64([1 << 62, -(1 << 62), *sizes[2:]])),
        (INDEX, 'sizes', lambda sizes: sizes[:-1]),
        (INDEX, 'codes', lambda codes: codes[: len(codes) // 2]),
        (INDEX, 'centres', lambda centres: centres[:, :3]),
        (INDEX, 'centres', lambda centres: centres * np.float32(np.nan)),
        (INDEX, 'codebook', lambda book: book[:1]),
        ('components.npz', 'kernel', lambda kernel: kernel[:2]),
        ('components.npz', 'kernel', lambda kernel: kernel * np.float32(np.inf)),
        ('components.npz', 'bias', lambda bias: np.repeat(bias, 1000)),
    ],
)
def test_forged_arrays_are_refused(folder, name, key, change):
    forge(folder, name, **{key: change})
    with pytest.raises(ValueError, match=rf'^\S*{name}: [^\n]*$'):
        open_search(folder)


@pytest.mark.parametrize(
    'changes',
    [
        dict(maps='3'),
        dict(maps=-1),
        dict(made_from=3),
        dict(made_from={}),
        dict(made_from=dict(lists=10**12)),
        dict(made_from=dict(lists=[1])),
        dict(made_from=dict(components=1 << 60)),
        dict(made_from=dict(seed='x')),
        dict(made_from=dict(lists=0)),
        dict(made_from=dict(components=0)),
        dict(files=3),
        dict(files={'../components.npz': [1, 1], INDEX: [1, 1]}),
    ],
    ids=str,
)
def test_a_forged_description_is_refused(folder, changes):
    state = json.loads((folder / 'index.json').read_text())
    for key, value in changes.items():
        whole = not (isinstance(value, dict) and key == 'made_from' and value)
        state[key] = value if whole else state[key] | value
    (folder / 'index.json').write_text(json.dumps(state))
    with pytest.raises(ValueError, match=r'^\S*index\S*\.(json|npz)[^\n]*$'):
        open_search(folder)
