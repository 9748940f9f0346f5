"""What a ``pack.json`` says is refused where it can't be, before anything is opened or made room for."""

import json
import resource
from copy import deepcopy

import pytest

from handkd.datasets import PackedHandDataset, StreamedHandDataset
from handkd.datasets.packed.manifest import read_manifest
from handkd.datasets.packed.manifest_checks import check_values

DELETE = object()


def changed(content, path, value):
    content = deepcopy(content)
    *places, last = path
    node = content
    for place in places:
        node = node[place]
    if value is DELETE:
        del node[last]
    else:
        node[last] = value
    return content


@pytest.fixture(scope='session')
def content(pack):
    return json.loads((pack / 'pack.json').read_text())


SHARD = ('shards', '0')
FILE = (*SHARD, 'files', 'shard-00000/img.npy')
CHANGES = [
    (('source',), [], 'source: expected a dict, found []'),
    (('source', 'config'), None, 'source.config: expected a dict'),
    (('source', 'length'), 10**12, 'shards: 2: expected num='),
    (('source', 'length'), -1, 'source.length: expected a number of samples, found -1'),
    (('source', 'length'), True, 'source.length: expected'),
    (('source', 'length'), 10.5, 'source.length: expected'),
    (('source', 'length'), 2**80, 'at most 63 bits'),
    (('shard',), 0, 'shard: expected a number of samples, found 0'),
    (('shard',), 10**12, 'shards: 0: expected num=10'),
    (('size',), 10**9, 'size: expected 1 to 16384 px'),
    (('size',), 16384, 'shards: shard-00000/img.npy: expected at least'),
    (('size',), '160', 'size: expected'),
    (('metainfo',), 3, 'metainfo: expected a dict'),
    (('metainfo', 'dataset_name'), ['rhd'], 'metainfo.dataset_name: expected a name'),
    (('metainfo', 'joint0'), {}, 'metainfo.joint0: expected a name'),
    (('metainfo', 'joint_names'), 3, 'metainfo.joint_names: expected a list of names'),
    (('metainfo', 'native_joint_names'), [[]], 'metainfo.native_joint_names: expected a list of names'),
    (('metainfo', 'native_evaluation'), [5], 'metainfo.native_evaluation: expected indices'),
    (('format',), ['memmap'], 'format: expected'),
    (('format',), 'webdataset', "shards: expected the file 'shard-00000.tar'"),
    (('rule',), None, 'rule: expected one of'),
    (('rule',), 'circle', "there is no 'circle'"),
    (('factor',), 'x', 'factor: expected a number or null'),
    (('cube',), -3.0, 'cube: expected a number or null'),
    (('root',), ['wrist'], 'root: expected a joint or null'),
    (('margin',), 0.5, 'margin: expected a number of at least 1'),
    (('margin',), float('nan'), 'expected finite numbers, found nan'),
    (('depth_unit',), float('inf'), 'expected finite numbers, found inf'),
    (('depth_unit',), 0, 'depth_unit: expected millimetres'),
    (('border',), 300, 'border: expected 0 to 255'),
    (('on_corrupt',), 'maybe', 'on_corrupt: expected'),
    (('modalities',), ['rgb', 'rgb'], 'modalities: expected some of'),
    (('modalities',), 'rgb', 'modalities: expected some of'),
    (('modalities',), [['rgb']], 'modalities: expected some of'),
    (('labels',), [], 'labels: expected a list of fields'),
    (('labels', 0), ['keypoints'], 'expected [key, kind, type, shape]'),
    (('labels', 0, 0), 7, 'labels: expected a key, found 7'),
    (('labels', 0, 1), 'pickle', "expected one of ['array', 'text', 'number', 'tuple'], found 'pickle'"),
    (('labels', 0, 2), '|O', "found '|O'"),
    (('labels', 0, 2), 'S', "found 'S'"),
    (('labels', 0, 2), '<M8[s]', 'found'),
    (('labels', 0, 2), '<f0', "found '<f0'"),
    (('labels', 0, 2), '<i3', "found '<i3'"),
    (('labels', 0, 3), [1, 10**9], 'expected a shape'),
    (('labels', 0, 3), [1, 1 << 20, 1 << 20], 'bytes per sample'),
    (('labels', 0, 3), [-1, 2], 'expected a shape'),
    (('labels', 0, 3), None, 'expected a shape'),
    (('shards',), [], 'shards: expected a dict, found a list'),
    (('shards', '../0'), {}, "shards: expected numbers, found '../0'"),
    (('shards', '007'), {}, "shards: expected numbers, found '007'"),
    (('shards', '-1'), {}, "shards: expected numbers, found '-1'"),
    (('shards', '7'), {}, 'shards: 7: expected a shard of 10 samples'),
    (SHARD, [], "shards: 0: expected 'files' and 'num'"),
    ((*SHARD, 'num'), -4, 'shards: 0: expected num=4, found -4'),
    ((*SHARD, 'num'), 10**12, 'shards: 0: expected num=4'),
    ((*SHARD, 'files'), {'../../etc/passwd': [1, 1]}, "expected the file 'shard-00000/"),
    ((*SHARD, 'files', '/etc/passwd'), [1, 1], "expected the file 'shard-00000/labels.npy'"),
    (FILE, DELETE, 'found []'),
    (FILE, [-1, 2], 'expected [bytes, checksum]'),
    (FILE, [1.5, 2], 'expected [bytes, checksum]'),
    (FILE, 'x', 'expected [bytes, checksum]'),
    (FILE, [10**15, 2], 'expected at least 307200 bytes, at most 372736, found 1000000000000000'),
    (('skipped',), {'3': 'lost'}, 'shards: 0: expected num=3'),
    (('skipped',), {'99': 'lost'}, 'skipped: 99: expected'),
    (('skipped',), {'3': 7}, 'skipped: 3: expected'),
    (('skipped',), 'none', 'skipped: expected a dict'),
]


@pytest.mark.parametrize(('path', 'value', 'message'), CHANGES)
def test_what_can_not_be_is_refused(content, path, value, message):
    with pytest.raises(ValueError) as caught:
        read_manifest(json.dumps(changed(content, path, value)).encode(), 'here/pack.json')
    assert str(caught.value).startswith('here/pack.json: ') and message in str(caught.value)
    assert '\n' not in str(caught.value) and len(str(caught.value)) < 600


@pytest.mark.parametrize('text', ['[' * 300_000, '{"version":' * 5000 + '1' + '}' * 5000, '{"a": ' + '9' * 5000 + '}'])
def test_deep_nesting_and_long_numbers_are_refused(text):
    with pytest.raises(ValueError, match='here: not a pack.json'):
        read_manifest(text.encode(), 'here')


def test_values_of_any_depth_are_walked_without_recursion():
    deep = {}
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(ValueError, match='nested deeper than 32'):
        check_values(deep)
    while deep:  # taken apart by hand: so is it freed without recursion
        deep = deep[0]


@pytest.mark.parametrize(('reader', 'kind'), [(PackedHandDataset, 'memmap'), (StreamedHandDataset, 'webdataset')])
def test_a_huge_length_takes_no_memory(content, tmp_path, reader, kind):
    """A length of 10^12, with no shard, or with one that claims to hold them."""
    content = dict(content, format=kind)
    for shards in ({}, {'0': dict(num=10**12, files={})}, content['shards']):
        for per_shard in (1, 4, 10**12):
            huge = dict(content, shards=shards, shard=per_shard, source=dict(content['source'], length=10**12))
            (tmp_path / 'pack.json').write_text(json.dumps(huge))
            before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            with pytest.raises(ValueError, match=r'expected|missing'):
                reader(str(tmp_path))
            assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000, 'KiB'
