"""Packs of synchronised cameras say where their samples are from as their sources do, and groups are drawn of them."""

from pathlib import Path

import numpy as np
import pytest

from handkd.datasets import HandFolderDataset, LabelBudget, PackedHandDataset, PanopticHandDataset, ViewGroupSampler
from handkd.datasets.packed import Packer, PackSettings
from handkd.datasets.packed.views import read_captures
from handkd.datasets.transforms import HandCrop, VirtualCamera
from handkd.datasets.views import group_captures
from handkd.studio import StudioRigDataset
from handkd.studio.layouts.panoptic import write_panoptic

EXAMPLE = Path(__file__).parents[3] / 'examples' / 'rig'
RIG = dict(split='train', subjects=2, sequences=2, frames=3, views=3, resolution=32, pace=2, sides=('right', 'left'))


class BrokenRig(StudioRigDataset):
    """Some of its images can not be read."""

    def get_data_info(self, index):
        if index in (0, 4, 25):
            raise OSError('cut off')
        return super().get_data_info(index)


def packed(source, folder, **settings):
    settings = PackSettings(rule='cube', cube=250.0, size=16, shard=8, modalities=('rgb',), **settings)
    Packer(source, {}, folder, settings).run()
    return PackedHandDataset(str(folder))


def assert_same(found, expected):
    assert found.names == expected.names
    for name in ('subject', 'sequence', 'frame', 'view', 'track'):
        np.testing.assert_array_equal(getattr(found, name), getattr(expected, name), err_msg=name)


@pytest.fixture(scope='module')
def rig_pack(tmp_path_factory):
    return packed(StudioRigDataset(**RIG), tmp_path_factory.mktemp('rig'))


def test_a_rig(rig_pack):
    source = StudioRigDataset(**RIG)
    assert_same(rig_pack.captures(), source.captures())
    np.testing.assert_array_equal(rig_pack.view_groups(), source.view_groups())


def test_a_hand_folder_of_a_rig(tmp_path):
    source = HandFolderDataset(EXAMPLE, 'train')
    pack = packed(source, tmp_path)
    assert_same(pack.captures(), source.captures())
    np.testing.assert_array_equal(pack.view_groups(), source.view_groups())
    sample = HandCrop('cube', cube=240.0, center='hand')(pack.get_data_info(3))
    np.testing.assert_allclose(VirtualCamera(16)(sample)['hand_center'][0, 0, :2], 0, atol=1e-2)


def test_samplers_and_budgets_take_a_pack_for_its_source(rig_pack):
    source = StudioRigDataset(**RIG)
    batches = [ViewGroupSampler(dataset, 3, 2, seed=1).batch(4) for dataset in (rig_pack, source)]
    assert batches[0] == batches[1]
    settings = dict(type='PackedHandDataset', data_root=str(rig_pack.data_root))
    budgets = [
        LabelBudget(dataset, subjects=1, number=5, seed=2) for dataset in (settings, dict(RIG, type='StudioRigDataset'))
    ]
    np.testing.assert_array_equal(budgets[0].labelled, budgets[1].labelled)


def test_skipped_samples_are_no_members(tmp_path):
    found, source = packed(BrokenRig(**RIG), tmp_path, on_corrupt='skip'), StudioRigDataset(**RIG)
    kept = np.setdiff1d(np.arange(len(source)), (0, 4, 25))
    expected = source.captures()
    assert_same(found.captures(), expected._replace(**{
        name: getattr(expected, name)[kept] for name in ('subject', 'sequence', 'frame', 'view', 'track')
    }))  # fmt: skip
    row = np.full(len(source), -1)
    row[kept] = np.arange(len(kept))
    groups = row[source.view_groups()]
    np.testing.assert_array_equal(found.view_groups(), groups[np.argsort(np.where(groups < 0, 99, groups).min(1))])
    assert found.get_labels(3)['img_id'] == kept[3]


@pytest.mark.parametrize('cameras', [None, (0, 1)])
def test_panoptic(tmp_path, cameras):
    for _ in write_panoptic(tmp_path / 'tree', 3, 0, cameras=2):
        pass
    source = PanopticHandDataset(str(tmp_path / 'tree'), 'all', cameras=cameras, min_joints_inside=1)
    found = packed(source, tmp_path / 'pack')
    assert_same(found.captures(), source.captures())
    assert len(set(found.captures().sequence.tolist())) > 1 and len(set(found.captures().track.tolist())) > 1
    groups = source.view_groups()
    np.testing.assert_array_equal(found.view_groups(), groups[:, (groups >= 0).any(0)])
    assert found.get_labels(1)['subject'] == source.get_labels(1)['subject'] == source.captures().subject[1]


def test_sequences_keep_the_sources_order():
    """Which need not be the alphabet's; shards store their names as wide as they must."""
    shards = []
    for rows in ([(4, b'walk', 7, 1, b'left'), (4, b'walk', 7, 0, b'left')], [(2, b'a', 3, 0, b'right')]):
        kinds = [('subject', int), ('sequence', f'S{len(rows[0][1])}'), ('frame', int), ('view', int)]
        shards.append(np.array(rows, [*kinds, ('hand_side', 'S5')]))
    captures = read_captures(shards)
    assert captures.names == ('walk', 'a') and captures.sequence.tolist() == [0, 0, 1]
    assert captures.subject.tolist() == [4, 4, 2] and captures.track.tolist() == [0, 0, 1]
    assert group_captures(captures).tolist() == [[1, 0], [2, -1]]


def test_another_pack_says_what_it_lacks(pack):
    dataset = PackedHandDataset(str(pack))
    for ask in (dataset.captures, dataset.view_groups, lambda: ViewGroupSampler(dataset)):
        with pytest.raises(ValueError, match='have no camera and sequence .*pack a set of synchronised cameras'):
            ask()
