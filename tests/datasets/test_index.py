import multiprocessing
import os
import pickle
import tempfile
import time

import numpy as np
import pytest

from handkd.datasets.index import Index, open_index, watch


@pytest.fixture
def source(tmp_path, monkeypatch):
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path / 'cache'))
    path = tmp_path / 'labels.txt'
    path.write_text('1')
    return path


class Set:
    """Stands for a data set's class."""


class Builder:
    """Counts how often it was asked."""

    def __init__(self, value=1):
        self.calls, self.value = 0, value

    def __call__(self, scratch=None):
        self.calls += 1
        return {'sample': np.full((4, 2), self.value, np.float32), 'name': np.array(['a', 'bc'])}


def test_it_is_built_once_and_again_when_a_source_changes(source):
    build = Builder()
    for _ in range(2):
        index = open_index(Set, dict(split='train'), [source], build)
        assert build.calls == 1
        np.testing.assert_array_equal(index['sample'], np.ones((4, 2)))
        assert list(index['name']) == ['a', 'bc'] and sorted(index) == ['name', 'sample'] and len(index) == 2
    source.write_text('22')
    changed = open_index(Set, dict(split='train'), [source], Builder(2))
    assert changed['sample'][0, 0] == 2
    assert len(os.listdir(changed.folder.parent)) == 1, 'the stale one is removed'


def test_a_folder_that_gets_a_file_is_a_change(source, tmp_path):
    build = Builder()
    open_index(Set, {}, [tmp_path], build)
    time.sleep(0.01)
    (tmp_path / 'new.png').write_text('')
    open_index(Set, {}, [tmp_path], build)
    assert build.calls == 2


def test_a_file_that_is_watched_is_looked_at(source, tmp_path):
    build, file = Builder(), tmp_path / 'damaged.json'
    for content in ('', '{', None, '{}'):
        file.unlink() if content is None else file.write_text(content)
        for _ in range(2):
            index = open_index(Set, {}, [source], lambda scratch: {**build(), **watch([str(file)])})
        assert index['watched'].tolist() == [str(file)]
    assert build.calls == 4, 'once a change'


def test_settings_have_an_index_each(source):
    build = Builder()
    for _ in range(2):
        for split in ('train', 'test'):
            open_index(Set, dict(split=split), [source], build)
    assert build.calls == 2


def test_a_process_is_handed_the_name_only(source):
    index = open_index(Set, {}, [source], lambda scratch: {'sample': np.arange(100_000)})
    data = pickle.dumps(index)
    assert len(data) < 500
    assert pickle.loads(data)['sample'][-1] == 99_999
    assert isinstance(index['sample'].base, np.memmap)
    with multiprocessing.get_context('spawn').Pool(1) as pool:
        assert pool.apply(_last, (index,)) == 99_999


def _last(index):
    return int(index['sample'][-1])


def test_what_fails_leaves_nothing(source, tmp_path):
    def fail(scratch):
        raise ValueError('labels.txt: bad')

    with pytest.raises(ValueError, match='bad'):
        open_index(Set, {}, [source], fail)
    assert not (tmp_path / 'cache').exists() or not list((tmp_path / 'cache').rglob('*.npy'))


def test_a_cache_that_can_not_be_written(source, tmp_path, monkeypatch):
    monkeypatch.setenv('XDG_CACHE_HOME', str(source))
    monkeypatch.setattr(tempfile, 'tempdir', str(source))  # nor can a temporary one
    with pytest.raises(OSError, match='XDG_CACHE_HOME'):
        open_index(Set, {}, [source], Builder())


def test_it_can_not_be_written_to(source):
    index = open_index(Set, {}, [source], Builder())
    with pytest.raises(ValueError):
        index['sample'][0] = 5
    assert Index(index.folder)['sample'][0, 0] == 1


def test_other_code_makes_another_index(source, monkeypatch):
    build = Builder()
    open_index(Set, {}, [source], build)
    monkeypatch.setattr('handkd.datasets.index._code_digest', lambda reader: 'changed')
    open_index(Set, {}, [source], build)
    assert build.calls == 2
