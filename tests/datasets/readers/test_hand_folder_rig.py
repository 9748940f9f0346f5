"""Rig fields of a hand folder: captures and groups of views as the studio wrote them, budgets, and errors by line."""

import json

import cv2
import numpy as np
import pytest

from handkd.datasets import HandFolderDataset, LabelBudget, ViewGroupSampler
from handkd.datasets.transforms import HandCrop, PackHandInputs, VirtualCamera, WarpCrop
from handkd.studio.layouts import write_layout

POINTS = [[-20.0 + 2 * j, 10.0 - j, 400.0 + 20 * (j % 2)] for j in range(21)]
PLACE = dict(camera=1, sequence='first', frame=7, subject=2)
LINE = dict(
    image='a.png',
    side='left',
    K=[[50.0, 0, 24], [0, 50.0, 16], [0, 0, 1]],
    R=np.eye(3).tolist(),
    T=[0.0, 0.0, 0.0],
    joints_3d=POINTS,
)


@pytest.fixture(scope='module')
def rig(tmp_path_factory):
    root = tmp_path_factory.mktemp('rig')
    return root, list(write_layout('folder_rig', root, 3))


@pytest.fixture
def write(tmp_path):
    """Write lines, each LINE with changes (... removes a key), and return the folder."""
    cv2.imwrite(str(tmp_path / 'a.png'), np.zeros((32, 48, 3), np.uint8))

    def write_lines(*changes):
        lines = [{k: v for k, v in {**LINE, **change}.items() if v is not ...} for change in changes]
        (tmp_path / 'train.jsonl').write_text('\n'.join(map(json.dumps, lines)))
        return tmp_path

    return write_lines


@pytest.mark.parametrize('split', ['train', 'test'])
def test_a_written_rig_comes_back(rig, split):
    root, truths = rig
    truths = [truth for truth in truths if truth['split'] == split]
    dataset = HandFolderDataset(root, split, keep_unlabelled=True)
    captures = dataset.captures()
    assert len(dataset) == len(truths) and captures.names == tuple(dict.fromkeys(t['sequence'] for t in truths))
    for index, truth in enumerate(truths):
        record = dataset.get_data_info(index)
        assert [record[key] for key in ('sequence', 'frame', 'subject', 'view')] == [
            truth[key] for key in ('sequence', 'frame', 'subject', 'view')
        ]
        assert captures.names[captures.sequence[index]] == truth['sequence'] and captures.view[index] == truth['view']
        assert captures.frame[index] == truth['frame'] and captures.subject[index] == truth['subject']
        assert dataset.labelled[index] == truth['labelled'] == record['keypoints_valid'].all()
        np.testing.assert_allclose(record['camera']['R'], truth['camera']['R'], atol=1e-8)
        np.testing.assert_allclose(record['hand_center'][0, 0], truth['hand_center'], atol=1e-4)
        expected = truth['keypoints_cam'] if truth['labelled'] else np.zeros((21, 3))
        np.testing.assert_allclose(record['keypoints_cam'][0], expected, atol=1e-3)
        assert np.abs(record['img'].astype(int) - truth['img']).mean() < 6  # JPEG
    np.testing.assert_array_equal(dataset.view_groups(), np.arange(len(truths)).reshape(-1, 2))


def test_unlabelled_lines_are_left_out_unless_they_are_asked_for(rig):
    root, truths = rig
    labelled = sum(truth['labelled'] for truth in truths if truth['split'] == 'train')
    dataset = HandFolderDataset(root, 'train')
    assert len(dataset) == labelled < 12 and dataset.unlabelled == 12 - labelled and dataset.labelled.all()


def test_views_of_one_hand_are_the_same_points_of_the_world(rig):
    dataset = HandFolderDataset(rig[0], 'test')
    for left, right in dataset.view_groups():
        worlds = [
            (record['keypoints_cam'][0] - record['camera']['T']) @ record['camera']['R']
            for record in map(dataset.get_record, (left, right))
        ]
        np.testing.assert_allclose(*worlds, atol=0.01)


def test_budgets_and_samplers_draw_labels_from_labelled_lines_alone(rig):
    settings = dict(type='HandFolderDataset', data_root=str(rig[0]), split='train', keep_unlabelled=True)
    budget = LabelBudget(settings)
    dataset = budget.dataset
    np.testing.assert_array_equal(budget.labelled, dataset.labelled)
    assert LabelBudget(settings, number=3).labelled.sum() == 3
    with pytest.raises(ValueError, match='number must be 1 to 8'):
        LabelBudget(settings, number=9)
    one = LabelBudget(settings, subjects=1, subject_order=[1])
    assert set(dataset.captures().subject[one.labelled]) == {1}
    sampler = ViewGroupSampler(dataset, groups=1, singles=2, seed=0)
    batches = [sampler.batch(number) for number in range(6)]
    assert all(dataset.labelled[int(key)] for batch in batches for key in batch[4:])
    assert {int(key) for batch in batches for key in batch[:4]} - set(np.flatnonzero(dataset.labelled))


@pytest.mark.parametrize('cut', [VirtualCamera(32), WarpCrop(32)])
def test_an_unlabelled_view_is_cropped_around_its_center(rig, cut):
    dataset = HandFolderDataset(rig[0], 'train', keep_unlabelled=True)
    for index in (0, int(np.flatnonzero(~dataset.labelled)[0])):
        sample = dataset.get_data_info(index)
        for step in (HandCrop('cube', cube=240.0, center='hand'), cut):
            sample = step(sample)
        x, y, z = sample['hand_center'][0, 0]
        pixel = sample['camera']['K'] @ [x / z, y / z, 1]
        np.testing.assert_allclose(pixel[:2], 15.5, atol=0.01)
        packed = PackHandInputs()(sample)['data_samples']
        assert packed.sequence in ('first', 'second') and packed.gt_instances.keypoints_cam.shape == (1, 21, 3)


def test_the_center_is_the_middle_fingers_base_by_default(write):
    folder = write(PLACE, dict(PLACE, frame=8, center=[1, 2, 300]), dict(PLACE, frame=9, joints_3d=None))
    dataset = HandFolderDataset(folder, 'train', keep_unlabelled=True)
    centers = [dataset.get_record(index).get('hand_center') for index in range(3)]
    np.testing.assert_array_equal(centers[0], [[POINTS[9]]])
    np.testing.assert_array_equal(centers[1], [[[1, 2, 300]]])
    assert centers[2] is None
    assert 'hand_center' not in HandFolderDataset(write({}), 'train').get_record(0)


@pytest.mark.parametrize(
    ('change', 'said'),
    [
        (dict(camera=...), "'camera' missing beside 'sequence': a line of a camera rig needs 'camera', 'sequence'"),
        (dict(R=..., T=...), "'R', 'T' missing beside 'camera'"),
        (dict(K=..., R=..., T=..., joints_3d=...), "'K', 'R', 'T' missing beside 'camera'"),
        (dict(frame=..., subject=...), "'frame', 'subject' missing beside 'camera'"),
        (dict(camera='left'), "'camera' must be a whole number from 0 to 1e9, found 'left'"),
        (dict(frame=-1), "'frame' must be a whole number from 0 to 1e9, found -1"),
        (dict(subject=True), "'subject' must be a whole number from 0 to 1e9, found True"),
        (dict(sequence=3), "'sequence' must be a name, found 3"),
        (dict(sequence='../other'), r"'sequence' must be a plain name, without folders, found '\.\./other'"),
        (dict(center=[0, 0, -1]), "'center' must be in front of the camera"),
        (dict(frame=7), 'the same camera, sequence, frame, subject and side as line 1'),
        (dict.fromkeys(PLACE, ...), "'camera', 'sequence', 'frame', 'subject' missing, but line 1 has them"),
    ],
)
def test_a_wrong_line(write, change, said):
    with pytest.raises(ValueError, match=rf'train\.jsonl:2: .*{said}'):
        HandFolderDataset(write(PLACE, {**PLACE, 'frame': 9, **change}), 'train')


def test_a_center_needs_intrinsics(write):
    flat = [[1, 2]] * 21
    with pytest.raises(ValueError, match=r"train\.jsonl:1: 'center' needs 'K'"):
        HandFolderDataset(write(dict(K=..., R=..., T=..., joints_3d=..., joints_2d=flat, center=[0, 0, 9])), 'train')


@pytest.mark.parametrize('ask', ['captures', 'view_groups'])
def test_a_folder_without_rig_fields_says_what_to_add(write, ask):
    with pytest.raises(ValueError, match=r"train\.jsonl: its lines do not say which camera .* give 'camera', 'seq"):
        getattr(HandFolderDataset(write({}), 'train'), ask)()


def test_a_budget_needs_a_labelled_line(write):
    folder = write(dict(PLACE, joints_3d=None))
    settings = dict(type='HandFolderDataset', data_root=str(folder), split='train', keep_unlabelled=True)
    with pytest.raises(ValueError, match='LabelBudget: HandFolderDataset has no labelled sample'):
        LabelBudget(settings)


def test_all_lines_are_unlabelled(write):
    folder = write(dict(joints_3d=None), dict(joints_3d=[None] * 21))
    with pytest.raises(ValueError, match=r'has no labels; all lines are without joints: keep_unlabelled=True'):
        HandFolderDataset(folder, 'train')
    dataset = HandFolderDataset(folder, 'train', keep_unlabelled=True)
    assert len(dataset) == 2 and not dataset.labelled.any() and 'keypoints_cam' not in dataset.get_record(0)
