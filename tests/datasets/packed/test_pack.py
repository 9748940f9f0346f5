"""What a finished pack gives out, and what it refuses."""

import numpy as np
import pytest

from handkd.datasets.packed import load_manifest
from handkd.datasets.packed.pack import Pack


@pytest.mark.parametrize(
    ('modalities', 'split', 'said'),
    [
        ((), None, r"must be a tuple such as \('rgb',\)"),
        ('rgb', None, 'must be a tuple'),
        (('deph',), None, "'deph' was not packed; did you mean 'depth'"),
        (('rgb',), 'test', "expected the split 'test', found a pack of 'train'"),
    ],
)
def test_what_is_not_in_it_is_refused(pack, modalities, split, said):
    with pytest.raises(ValueError, match=said):
        Pack(load_manifest(pack), str(pack), modalities, split)


def test_samples_of_shards_with_longer_and_shorter_names_fit_together(pack):
    one = Pack(load_manifest(pack), str(pack), ('rgb', 'depth'), 'train')
    rows, planes = [], []
    for shard, row in ((0, 1), (2, 0), (1, 3)):  # names are longer from shard to shard, and so are their types
        folder = pack / f'shard-{shard:05d}'
        rows.append(np.load(folder / 'labels.npy')[row : row + 1])
        planes.append({name: np.load(folder / f'{name}.npy')[row] for name in ('img', 'depth')})
    assert rows[0].dtype != rows[1].dtype
    batch = one.batch(rows, planes)
    assert [path.count('é') for path in batch['img_path']] == [1, 8, 7]
    assert batch['keypoints'].shape == (3, 21, 2) and batch['camera']['K'].shape == (3, 3, 3)
    np.testing.assert_array_equal(batch['img'][2], planes[2]['img'])
    np.testing.assert_allclose(batch['depth'][0], planes[0]['depth'] * 0.1, rtol=1e-6)
