"""Digests of labels: another label is another digest, whatever else of a tree changes is not."""

import os
import re
import shutil

import numpy as np
import pytest
from mmengine.registry import init_default_scope

from handkd.datasets import HandFolderDataset, PackedHandDataset, ReproducibleDataset
from handkd.datasets.label_digests import digest_index, digest_labels, digest_of
from handkd.datasets.packed import Packer, PackSettings
from handkd.registry import DATASETS
from handkd.studio.layouts import write_layout


@pytest.fixture(autouse=True)
def scope():
    init_default_scope('handkd')


def tree(layout, root, seed=0, num=2):
    """Write a layout anew at a place."""
    shutil.rmtree(root, ignore_errors=True)
    for _ in write_layout(layout, root, num, seed):
        pass
    return root


@DATASETS.register_module()
class ListedHands(ReproducibleDataset):
    """Labels from memory, without files; of number 1 there is none."""

    def __init__(self, joints, length=3):
        super().__init__()
        self.joints, self.length = joints, length

    def __len__(self):
        return self.length

    def get_data_info(self, index):
        if index == 1:
            raise OSError('gone')
        return dict(keypoints_cam=np.full((1, 21, 3), self.joints, np.float32), hand_side='left')


@pytest.mark.parametrize(
    ('layout', 'kind', 'labels'),
    [
        ('folder', 'HandFolderDataset', 'train.jsonl'),
        ('lm', 'LMDataset', 'annotated_frames/*/*_joints.txt'),
        ('bighand', 'BigHandDataset', 'full_annotation/*/*.txt'),
    ],
)
def test_other_labels_in_the_same_place_are_noticed(tmp_path, layout, kind, labels):
    kind, here, there = DATASETS.get(kind), tmp_path / 'here', tmp_path / 'there'
    shutil.copytree(tree(layout, here, num=1), there)
    split, modalities = kind.SPLITS[0] if kind.SPLITS else 'train', kind.MODALITIES[:1]
    first = digest_labels(kind(str(here), split, modalities=modalities))
    assert digest_labels(kind(str(there), split, modalities=modalities)) == first, 'where it lies is no label'
    for path in there.glob(labels):
        text = path.read_text()
        path.write_text(re.sub(r'(\d\.\d+?)(\d)(?=\D)', lambda m: m[1] + str((int(m[2]) + 1) % 10), text))
        assert path.read_text() != text
        os.utime(path.parent)  # as of another tree: copies have the times of what they are of
    shutil.rmtree(here)
    there.rename(here)
    assert digest_labels(kind(str(here), split, modalities=modalities)) != first


@pytest.mark.parametrize(
    ('layout', 'kind'), [('stb', 'STBDataset'), ('nyu', 'NYUDataset'), ('dexter', 'DexterObjectDataset')]
)
def test_other_readers_tell_two_trees_apart(tmp_path, layout, kind):
    kind, digests = DATASETS.get(kind), []
    tree(layout, tmp_path / '0', num=1)
    tree(layout, tmp_path / '1', seed=4, num=1)
    shutil.copytree(tmp_path / '0', tmp_path / '2')
    for root in ('0', '2', '1'):
        digests.append(digest_labels(kind(str(tmp_path / root), kind.SPLITS[0], modalities=kind.MODALITIES[:1])))
    assert digests[0] == digests[1] != digests[2]


def test_maps_of_parts_count_where_they_are_labels(tmp_path):
    root = tree('folder', tmp_path / 'here')
    settings = dict(data_root=str(root), split='train', modalities=('depth', 'parts'))
    plain, whole = (digest_labels(HandFolderDataset(**settings), rasters) for rasters in (False, True))
    parts = HandFolderDataset(**settings).get_labels(0)['parts_path']
    with open(parts, 'ab') as file:
        file.write(b'\0')
    assert digest_labels(HandFolderDataset(**settings)) == plain
    assert digest_labels(HandFolderDataset(**settings), True) != whole


def test_a_pack_is_known_by_what_was_packed(tmp_path):
    packs = []
    for seed in (0, 0, 5):
        config = dict(type='StudioDataset', split='train', length=3, seed=seed, resolution=48)
        dataset, folder = DATASETS.build(config), tmp_path / f'pack{len(packs)}'
        manifest = Packer(dataset, config, folder, PackSettings(size=32)).run()
        assert manifest.source['labels'] == digest_labels(dataset)
        packs.append(digest_labels(PackedHandDataset(str(folder))))
    assert packs[0] == packs[1] != packs[2]


def test_sets_without_files_are_known_by_their_number_and_some_labels():
    digests = [digest_labels(ListedHands(*args)) for args in ((1.0,), (1.0,), (1.2,), (1.0, 4))]
    assert digests[0] == digests[1] and len(set(digests)) == 3


def test_wrappers_are_known_by_what_is_in_them():
    class Mixed:
        datasets = [ListedHands(1.0), ListedHands(2.0)]

    class Budget:
        dataset = ListedHands(1.0)

    class Stream:
        pass

    class OfStreams:
        datasets = [ListedHands(1.0), Stream()]

    found = [digest_labels(dataset()) for dataset in (Mixed, Budget)]
    assert None not in found and found[0] != found[1]
    assert digest_labels(Stream()) is None and digest_labels(OfStreams()) is None


def test_texts_and_times_are_no_labels(tmp_path):
    columns = dict(sample=np.arange(3), mismatches=np.array(['/a/b']), watched_stats=np.array([[5, 6]]))
    (tmp_path / 'labels.txt').write_text('1 2 3')
    first = digest_index(columns, [tmp_path / 'labels.txt'])
    changed = columns | dict(mismatches=np.array(['/c', 'd']), watched_stats=np.array([[7, 8]]))
    assert digest_index(changed, [tmp_path / 'labels.txt']) == first
    assert digest_index(columns | dict(sample=np.arange(1, 4)), [tmp_path / 'labels.txt']) != first
    (tmp_path / 'labels.txt').write_text('1 2 4')
    assert digest_index(columns, [tmp_path / 'labels.txt']) != first
    assert digest_of([b'ab', b'c']) != digest_of([b'a', b'bc'])
