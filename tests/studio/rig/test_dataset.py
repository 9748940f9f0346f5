"""The rig: reproducible, split, calibrated; its cameras and backgrounds stand still."""

import pickle

import numpy as np
import pytest
from mmengine.registry import init_default_scope

from handkd.geometry import project
from handkd.registry import DATASETS
from handkd.studio import StudioRigDataset

SMALL = dict(subjects=2, sequences=2, frames=24, views=8, resolution=160, pace=8)


@pytest.fixture(scope='module')
def rig():
    return StudioRigDataset('train', **SMALL)


def test_a_sample_is_a_function_of_its_number(rig):
    again = pickle.loads(pickle.dumps(StudioRigDataset('train', **SMALL)))
    for index in (700, 3, 255):
        one, other = rig.get_data_info(index), again.get_data_info(index)
        assert one.keys() == other.keys()
        np.testing.assert_array_equal(one['img'], other['img'])
        np.testing.assert_array_equal(one['keypoints_cam'], other['keypoints_cam'])
    longer = StudioRigDataset('train', **dict(SMALL, subjects=3))
    np.testing.assert_array_equal(longer.get_data_info(700)['img'], rig.get_data_info(700)['img'])
    for change in (dict(seed=1), dict(split='val')):
        changed = StudioRigDataset(**dict(SMALL, split='train') | change).get_data_info(700)
        assert not np.allclose(changed['keypoints_cam'], rig.get_labels(700)['keypoints_cam'], atol=5)


def test_numbers_say_subject_sequence_frame_and_view(rig):
    captures, groups = rig.captures(), rig.view_groups()
    assert len(rig) == 2 * 2 * 24 * 8 == len(captures.view) and groups.shape == (96, 8)
    for index in (0, 7, 8, 191, 192, 500, 767):
        record = rig.get_labels(index)
        assert record['subject'] == captures.subject[index] == index // 384
        assert record['sequence'] == captures.names[captures.sequence[index]] == f'train_{index // 192:04d}'
        assert record['frame'] == captures.frame[index] and record['view'] == captures.view[index]
        assert groups[index // 8, record['view']] == index
    assert captures.track.tolist() == captures.sequence.tolist()


def test_labels_and_image_belong_together(rig):
    for index in range(0, len(rig), 61):
        record = rig.get_data_info(index)
        np.testing.assert_allclose(project(record['keypoints_cam'], record['camera']), record['keypoints'], atol=1e-3)
        assert record['keypoints_visible'].all(), 'the hand never leaves the images'
        labels = rig.get_labels(index)
        assert labels.keys() == record.keys() - {'img', 'part_seg', 'hand_mask'}
        np.testing.assert_array_equal(labels['keypoints'], record['keypoints'])
        columns, rows = np.rint(record['keypoints'][0]).astype(int).T
        assert record['hand_mask'][rows, columns].mean() > 0.6, 'joints lie on the hand, or behind the arm'


def test_cameras_are_calibrated(rig):
    """All views of a moment give the same joints in the rig; K, R and T hold for the whole split."""
    for group in rig.view_groups()[::17]:
        records = [rig.get_labels(index) for index in group]
        world = [(r['keypoints_cam'][0] - r['camera']['T']) @ r['camera']['R'] for r in records]
        for points in world[1:]:
            np.testing.assert_allclose(points, world[0], atol=1e-3)
        for record in records:
            np.testing.assert_allclose(record['camera']['R'] @ record['camera']['R'].T, np.eye(3), atol=1e-12)
    first, last = rig.get_labels(5), rig.get_labels(len(rig) - 3)
    assert first['view'] == last['view'] == 5
    for key in ('K', 'R', 'T'):
        np.testing.assert_array_equal(first['camera'][key], last['camera'][key])
    eyes = np.stack([-c['R'].T @ c['T'] for c in (rig.get_labels(k)['camera'] for k in range(8))])
    around = np.sort(np.degrees(np.arctan2(eyes[:, 0], -eyes[:, 2])))
    assert np.diff(around).max() < 70, 'they stand all around'


def test_backgrounds_stand_still_and_differ(rig):
    """Pixels that no hand ever covers change by noise alone; each camera and sequence has its own background."""
    stacks = []
    for sequence, view in ((0, 0), (0, 1), (1, 0)):
        first = sequence * 192 + view
        stack = np.stack([rig.get_data_info(first + 8 * frame)['img'] for frame in range(0, 24, 3)]).astype(float)
        corner = stack[:, :12, :12]
        assert corner.std(0).mean() < 6 and np.ptp(corner.mean((1, 2)), axis=0).max() < 6
        stacks.append(np.median(stack, 0))
    assert min(np.abs(stacks[0] - other).mean() for other in stacks[1:]) > 15
    moving = [rig.get_data_info(8 * frame)['hand_mask'] for frame in (0, 12)]
    assert (moving[0] != moving[1]).sum() > 50


def test_subjects_keep_their_bones(rig):
    def bones(index):
        joints = rig.get_labels(index)['keypoints_cam'][0]
        return np.linalg.norm(joints[6:9] - joints[5:8], axis=-1)

    np.testing.assert_allclose(bones(0), bones(383), rtol=1e-4)
    assert np.abs(bones(0) - bones(384)).max() > 0.3
    test = StudioRigDataset('test', **SMALL)
    assert test.get_labels(0)['sequence'].startswith('test_')


def test_both_sides():
    rig = StudioRigDataset('train', **dict(SMALL, sides=('left', 'right')))
    left, right = rig.get_data_info(0), rig.get_data_info(192)
    assert (left['hand_side'], right['hand_side']) == ('left', 'right')
    for record in (left, right):
        columns, rows = np.rint(record['keypoints'][0]).astype(int).T
        assert record['hand_mask'][rows, columns].mean() > 0.5


def test_it_packs_like_any_set():
    init_default_scope('handkd')
    steps = [dict(type='HandCrop'), dict(type='WarpCrop', size=32), dict(type='PackHandInputs')]
    dataset = DATASETS.build(dict(type='StudioRigDataset', split='train', pipeline=steps, **SMALL))
    sample = dataset[42]
    assert sample['inputs']['rgb'].shape == (3, 32, 32)
    meta = sample['data_samples'].metainfo
    assert (meta['sequence'], meta['frame'], meta['view'], meta['subject']) == ('train_0000', 5, 2, 0)


@pytest.mark.parametrize(
    ('wrong', 'message'),
    [
        (dict(split='trian'), "no 'trian'; did you mean 'train'"),
        (dict(views=1), 'views must be an integer of at least 2, found 1'),
        (dict(subjects=0), 'subjects must be an integer of at least 1'),
        (dict(split='val', subjects=201), "split 'val' has 200 people, found 201"),
        (dict(sides=('lft',)), "sides: there is no 'lft'; did you mean 'left'"),
        (dict(randomisation='nonne'), "randomisation: there is no 'nonne'"),
    ],
)
def test_wrong_settings(wrong, message):
    with pytest.raises(ValueError, match=message):
        StudioRigDataset(**dict(SMALL, split='train') | wrong)
    with pytest.raises(IndexError, match='has 768 samples, found index 768'):
        StudioRigDataset('train', **SMALL).get_labels(768)
