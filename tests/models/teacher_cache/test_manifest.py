"""The manifest, and the faults that it finds."""

import os
import zlib

import pytest

from handkd.hints import ConfigError
from handkd.models.teacher_cache.manifest import (
    FILE,
    CacheManifest,
    check_files,
    check_source,
    digest_of_file,
    read_manifest,
)
from handkd.models.teacher_cache.structure import LeafForm


def make():
    return CacheManifest({'a': 1}, 10, ['none'], 4, {'neck': 0}, [LeafForm((3,), 'float32', 'float16', False)])


def test_it_is_read_as_written(tmp_path):
    manifest = make()
    assert read_manifest(tmp_path) is None
    manifest.write(tmp_path)
    assert read_manifest(tmp_path) == manifest
    assert (manifest.num_shards, manifest.row_bytes, manifest.missing()) == (3, 6, [0, 1, 2])
    assert manifest.span(2) == range(8, 10) and manifest.names(2) == ['00002_0.npy']
    (tmp_path / FILE).write_text((tmp_path / FILE).read_text().replace('"format": 1', '"format": 0'))
    assert read_manifest(tmp_path) is None


@pytest.mark.parametrize('text', ['', '[]', '{"format": 1}', '{"format": 1, "rows": 0, "leaves": [{"shape": 3}]}'])
def test_a_damaged_one_is_named(tmp_path, text):
    (tmp_path / FILE).write_text(text)
    with pytest.raises(ValueError, match=r'manifest\.json is damaged .*delete the folder') as caught:
        read_manifest(tmp_path)
    assert '\n' not in str(caught.value)


def test_files_are_compared_when_they_were_changed_or_copied(tmp_path):
    manifest, path = make(), tmp_path / '00001_0.npy'
    path.write_bytes(b'content')
    manifest.record(tmp_path, path.name, zlib.crc32(b'content'))
    written = manifest.files[path.name][2]
    os.utime(path, ns=(1, 1))
    check_files(tmp_path, manifest)
    assert manifest.files[path.name][2] == 1 != written
    path.write_bytes(b'contend')
    with pytest.raises(ValueError, match='another checksum'):
        check_files(tmp_path, manifest)
    path.unlink()
    check_files(tmp_path, manifest)
    assert manifest.missing() == [0, 1, 2]


def test_differences_are_named_by_their_keys():
    found = dict(model=dict(a=1, b=[1, 2]), weights='x', more=[1])
    check_source('cache', found, dict(found), 'go')
    wanted = dict(model=dict(a=1, b=[1, 3]), weights='y' * 100, more=[1, 2], new=(1,))
    with pytest.raises(ConfigError) as caught:
        check_source('cache', found, wanted, 'delete it')
    assert str(caught.value) == (
        f'cache is stale: model.b[1] was 2, is now 3; weights was "x", is now "{"y" * 76}...; more was [1], is now '
        '[1, 2]; and 1 more; delete it'
    )


def test_the_digest_of_a_file_is_that_of_its_content(tmp_path):
    for name, content in (('a', b'1'), ('b', b'1'), ('c', b'2')):
        (tmp_path / name).write_bytes(content)
    a, b, c = (digest_of_file(tmp_path / name) for name in 'abc')
    assert a == b != c and len(a) == 16
