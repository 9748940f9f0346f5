"""A shard of a memory-mapped pack is what ``pack.json`` says it is, or is refused with its file's name."""

import shutil

import numpy as np
import pytest

from handkd.datasets import PackedHandDataset
from handkd.datasets.packed import load_manifest
from handkd.datasets.packed.shard_reading import map_shard


def labels_with(key, value):
    def change(array):
        array[key] = value
        return array

    return change


@pytest.mark.parametrize(
    ('name', 'change', 'message'),
    [
        ('img', lambda a: a.view('i1'), r'img\.npy: expected uint8 \(4, 160, 160, 3\), found int8'),
        ('img', lambda a: a.reshape(4, 3, 160, 160), r'img\.npy: expected uint8 .* found uint8 \(4, 3, 160, 160\)'),
        ('depth', lambda a: a.astype('>u2'), r'depth\.npy: expected uint16'),
        ('labels', labels_with('keypoints', np.nan), r"labels\.npy: row 0: 'keypoints' must be finite"),
        ('labels', labels_with('camera.K', np.inf), r"labels\.npy: row 0: 'camera\.K' must be finite"),
        ('labels', labels_with('keypoints_cam', 1e30), r"labels\.npy: row 0: 'keypoints_cam' must be finite"),
        ('labels', lambda a: a.reshape(2, 2), r'labels\.npy: expected labels of 4 samples, found \(2, 2\)'),
        (
            'labels',
            lambda a: a.view([(name.replace('keypoints', 'kaypoints'), a.dtype[name]) for name in a.dtype.names]),
            r'labels\.npy: expected the labels',
        ),
    ],
)
def test_another_content_of_the_right_size_is_refused(pack, tmp_path, name, change, message):
    shutil.copytree(pack, tmp_path / 'pack')
    path = tmp_path / 'pack' / 'shard-00001' / f'{name}.npy'
    size = path.stat().st_size
    np.save(path, change(np.load(path)))
    assert path.stat().st_size == size, 'the size alone does not tell'
    dataset = PackedHandDataset(str(tmp_path / 'pack'), ('rgb', 'depth'))
    dataset.get_data_info(0)
    with pytest.raises(ValueError, match=message) as caught:
        dataset.get_data_info(4)
    assert '\n' not in str(caught.value)


@pytest.mark.parametrize('data', [b'\0', b'\xff', b'('])
def test_a_damaged_header_is_named(pack, tmp_path, data):
    shutil.copytree(pack, tmp_path / 'pack')
    path = tmp_path / 'pack' / 'shard-00001' / 'img.npy'
    content = path.read_bytes()
    path.write_bytes(content[:12] + data * 60 + content[72:])
    with pytest.raises(ValueError, match=r'shard-00001/img\.npy: not a header of a \.npy file'):
        PackedHandDataset(str(tmp_path / 'pack')).get_data_info(4)


def test_joints_that_are_marked_may_be_anything(pack, tmp_path):
    shutil.copytree(pack, tmp_path / 'pack')
    path = tmp_path / 'pack' / 'shard-00001' / 'labels.npy'
    table = np.load(path)
    table['keypoints_visible'][1, 0, 7] = 0
    table['keypoints'][1, 0, 7] = np.nan
    np.save(path, table)
    labels, images = map_shard(path.parent, load_manifest(tmp_path / 'pack'), 1, ['img'])
    assert np.isnan(labels['keypoints'][1, 0, 7]).all() and images['img'].shape == (4, 160, 160, 3)
