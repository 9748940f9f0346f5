"""``pack.json`` is read back as written, and anything else is refused by name."""

import json

import pytest

from handkd.datasets.packed import load_manifest
from handkd.datasets.packed.manifest import read_manifest


def test_it_survives_its_file(pack):
    manifest = load_manifest(pack)
    assert manifest.num_shards == 3 and manifest.missing == [] and manifest.num_samples == 10
    assert [list(manifest.rows(i)) for i in range(3)] == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]
    assert read_manifest(manifest.to_json(), 'x') == manifest


@pytest.mark.parametrize('data', [b'', b'[]', b'{}', b'{"version": 1', b'\xff'])
def test_another_file_is_refused(data):
    with pytest.raises(ValueError, match=r'here/pack\.json: not a pack\.json'):
        read_manifest(data, 'here/pack.json')


def test_another_version_or_key_is_refused(pack):
    content = json.loads((pack / 'pack.json').read_text())
    with pytest.raises(ValueError, match='version 2, this handkd reads 1'):
        read_manifest(json.dumps(content | dict(version=2)).encode(), 'x')
    with pytest.raises(ValueError, match='expected the keys .*found .*extra'):
        read_manifest(json.dumps(content | dict(extra=2)).encode(), 'x')


def test_packs_from_before_cubes_were_kept_are_read(pack):
    content = json.loads((pack / 'pack.json').read_text())
    before = {key: value for key, value in content.items() if key not in ('cube', 'root')}
    assert read_manifest(json.dumps(before).encode(), 'x') == load_manifest(pack)
