"""LM: a tree that the studio wrote comes back in every split, and trees that are not LM, or not whole, are refused."""

import pickle
import re
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
from mmengine.logging import MMLogger

from handkd.datasets import LMDataset
from handkd.hand import chirality
from handkd.studio.layouts import write_layout

# The specification's table: rows of the label file for handkd's joints.
GATHER = [20, 17, 16, 18, 19, 1, 0, 2, 3, 5, 4, 6, 7, 13, 12, 14, 15, 9, 8, 10, 11]
NAMES = [
    f'{finger}_{bone}' for finger in ('F4', 'F3', 'F1', 'F2', 'TH') for bone in ('KNU1_A', 'KNU1_B', 'KNU2_A', 'KNU3_A')
] + ['PALM_POSITION', 'PALM_NORMAL']
K = np.array([[614.878, 0, 313.219], [0, 615.479, 231.288], [0, 0, 1]])
DIST = np.array([0.092701, -0.175877, -0.0035687, -0.00302299, 0])


@pytest.fixture(scope='module')
def written(tmp_path_factory):
    root = tmp_path_factory.mktemp('lm')
    return root, {truth['img_path']: truth for truth in write_layout('lm', root, 1)}


def put(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())


@pytest.fixture
def small(tmp_path):
    """21 sequences of five frames numbered 0, 1, 2, 10, 11 with invented joints; all images are one file."""
    jpg = cv2.imencode('.jpg', np.full((480, 640, 3), 90, np.uint8))[1].tobytes()
    rng = np.random.default_rng(0)
    for s in range(1, 22):
        for view in range(1, 5):
            rvec, tvec = rng.normal(size=(3, 1)), np.array([[5.0], [view], [500.0]])
            for name, value in (('rvec', rvec), ('tvec', tvec)):
                put(tmp_path / f'calibrations/data_{s}/webcam_{view}/{name}.pkl', pickle.dumps(value, protocol=2))
        for k in (0, 1, 2, 10, 11):
            rows = rng.normal(size=(22, 3)) * 60
            lines = [f'{name} {x:.4f} {y:.4f} {z:.4f}' for name, (x, y, z) in zip(NAMES, rows)]
            put(tmp_path / f'annotated_frames/data_{s}/{k}_joints.txt', '\n'.join(lines) + '\n')
            for view in range(1, 5):
                put(tmp_path / f'annotated_frames/data_{s}/{k}_webcam_{view}.jpg', jpg)
    return tmp_path


def frames_of(dataset):
    """(sequence, frame, view) of each sample, from the images' names."""
    paths = [Path(dataset.get_record(i)['img_path']) for i in range(len(dataset))]
    return [(int(p.parent.name[5:]), int(p.stem.split('_')[0]), int(p.stem[-1])) for p in paths]


@pytest.mark.parametrize('split', ['train', 'test'])
def test_the_studio_comes_back(written, split):
    root, truths = written
    dataset = LMDataset(root, split)
    known = {p for p, truth in truths.items() if truth['split'] == split and p.startswith('annotated_frames')}
    assert len(dataset) == len(known) > 10
    for i in range(len(dataset)):
        record = dataset.get_record(i)
        truth = truths[record['img_path'].removeprefix(f'{root}/')]
        known.remove(truth['img_path'])
        np.testing.assert_allclose(record['keypoints_cam'][0, 1:], truth['keypoints_cam'][1:], atol=0.02)
        np.testing.assert_allclose(record['keypoints'][0, 1:], truth['keypoints'][1:], atol=0.05)
        np.testing.assert_allclose(record['keypoints_cam'][0, 0], truth['palm'], atol=0.02)
        for key in ('K', 'R', 'T', 'dist'):
            np.testing.assert_allclose(record['camera'][key], truth['camera'][key], atol=1e-6)
        assert record['hand_side'] == truth['hand_side'] == 'right'
    assert not known
    record = dataset.get_data_info(0)
    truth = truths[record['img_path'].removeprefix(f'{root}/')]
    assert np.abs(record['img'].astype(int) - truth['img']).mean() < 8, 'JPEG'
    sides = [chirality(dataset.get_record(i)['keypoints_cam'][0]) for i in range(len(dataset))]
    assert sum(c * (s == 'right') for s, c in sides) > 0.8 * sum(c for _, c in sides)


def test_augmented_images(written):
    root, truths = written
    dataset = LMDataset(root, 'all', images='augmented')
    known = {p for p in truths if p.startswith('augmented_samples')}
    assert {dataset.get_record(i)['img_path'].removeprefix(f'{root}/') for i in range(len(dataset))} == known
    for i in range(0, len(dataset), 7):
        record = dataset.get_data_info(i)
        truth = truths[record['img_path'].removeprefix(f'{root}/')]
        np.testing.assert_allclose(record['keypoints'][0, 1:], truth['keypoints'][1:], atol=0.05)


def test_joint_order_and_projection_are_the_published_ones(small):
    dataset = LMDataset(small, 'train')
    record = dataset.get_record(2)
    text = (small / 'annotated_frames/data_1/0_joints.txt').read_text().split('\n')
    rows = np.array([line.split()[1:] for line in text[:21]], float)
    folder = small / 'calibrations/data_1/webcam_3'
    rvec, tvec = (pickle.loads((folder / f'{name}.pkl').read_bytes()) for name in ('rvec', 'tvec'))
    rotation = cv2.Rodrigues(rvec)[0]
    np.testing.assert_allclose(record['keypoints_cam'][0], (rows @ rotation.T + tvec.T)[GATHER], atol=1e-3)
    expected = cv2.projectPoints(rows, rvec, tvec, K, DIST)[0][:, 0][GATHER]
    np.testing.assert_allclose(record['keypoints'][0], expected, atol=1e-2)
    plain = LMDataset(small, 'train', distortion=False).get_record(2)
    expected = cv2.projectPoints(rows, rvec, tvec, K, None)[0][:, 0][GATHER]
    np.testing.assert_allclose(plain['keypoints'][0], expected, atol=1e-2)
    assert 'dist' not in plain['camera']


def test_thumb_base_for_a_wrist(small):
    palm, thumb = LMDataset(small, 'test'), LMDataset(small, 'test', joint0='thumb_base')
    before, after = (dataset.get_record(3)['keypoints_cam'][0] for dataset in (palm, thumb))
    np.testing.assert_array_equal(after[0], before[1])
    np.testing.assert_array_equal(after[1:], before[1:])
    assert palm.metainfo['joint0'] == 'palm' and thumb.metainfo['joint0'] == 'thumb_base'


def test_split_by_sequence(small):
    train, test, everything = (frames_of(LMDataset(small, split)) for split in ('train', 'test', 'all'))
    assert {s for s, _, _ in test} == {17, 18, 19, 20, 21} and {s for s, _, _ in train} == set(range(1, 17))
    assert (
        sorted(train + test)
        == everything
        == [(s, k, view) for s in range(1, 22) for k in (0, 1, 2, 10, 11) for view in (1, 2, 3, 4)]
    )
    other = frames_of(LMDataset(small, 'test', test_sequences=(1, 10, 20)))
    assert {s for s, _, _ in other} == {1, 10, 20}


def test_sequences_that_are_there(small):
    for s in set(range(1, 22)) - {2, 3, 17}:
        shutil.rmtree(small / f'annotated_frames/data_{s}')
        shutil.rmtree(small / f'calibrations/data_{s}')
    there = (17, 3, 2)
    train, test, everything = (frames_of(LMDataset(small, split, sequences=there)) for split in LMDataset.SPLITS)
    assert {s for s, _, _ in train} == {2, 3} and {s for s, _, _ in test} == {17}
    assert everything == train + test and len(everything) == 3 * 5 * 4
    by_frames = frames_of(LMDataset(small, 'test', sequences=there, split_by='frames'))
    assert by_frames == everything[: 3 * 5 // 5 * 4], 'a fifth of what is there'
    with pytest.raises(FileNotFoundError, match="expects 'annotated_frames/data_18'"):
        LMDataset(small, 'test')


def test_side(small):
    sides = [LMDataset(small, 'test', **more).get_record(0)['hand_side'] for more in ({}, dict(side='left'))]
    assert sides == ['right', 'left']


def test_blank_lines_are_no_labels(small):
    before = LMDataset(small, 'test').get_record(0)['keypoints_cam']
    path = small / 'annotated_frames/data_17/0_joints.txt'
    path.write_text('\n' + path.read_text().replace('TH_KNU1_A', '  \nTH_KNU1_A') + '\n\n')
    after = LMDataset(small, 'test', test_sequences=(17,)).get_record(0)['keypoints_cam']  # another index
    np.testing.assert_array_equal(after, before)


def test_labels_may_begin_with_a_byte_order_mark(small):
    before = LMDataset(small, 'test').get_record(0)['keypoints_cam']
    path = small / 'annotated_frames/data_17/0_joints.txt'
    path.write_bytes(path.read_text().encode('utf-8-sig'))
    after = LMDataset(small, 'test', test_sequences=(17,)).get_record(0)['keypoints_cam']  # another index
    np.testing.assert_array_equal(after, before)


def test_split_by_frames(small):
    everything = frames_of(LMDataset(small, 'all'))
    fifth = 21 * 5 // 5 * 4
    train, test = (frames_of(LMDataset(small, split, split_by='frames')) for split in ('train', 'test'))
    assert test == everything[:fifth] and train == everything[fifth:]
    train, test = (
        frames_of(LMDataset(small, split, split_by='frames', test_part='last')) for split in ('train', 'test')
    )
    assert test == everything[-fifth:] and train == everything[:-fifth]


def test_augmented_frames_stay_on_their_side(small):
    for s in set(range(1, 22)) - {10, 12, 13, 20}:
        shutil.copytree(small / f'annotated_frames/data_{s}', small / f'augmented_samples/data_{s}')
    dataset = LMDataset(small, 'all', images='augmented')
    assert dataset.missing == 4 * 5 * 4 and len(dataset) == 17 * 5 * 4
    for split in ('train', 'test'):
        plain, augmented = (
            set(frames_of(LMDataset(small, split, split_by='frames', test_part='last', images=images)))
            for images in ('annotated', 'augmented')
        )
        assert augmented == {frame for frame in plain if frame[0] not in (10, 12, 13, 20)}


def test_views_and_groups(small):
    (small / 'annotated_frames/data_17/10_webcam_2.jpg').unlink()
    dataset = LMDataset(small, 'test', views=(2, 4))
    frames, groups = frames_of(dataset), dataset.view_groups()
    assert groups.shape == (25, 2) and (groups[:, 1] >= 0).all() and np.flatnonzero(groups[:, 0] < 0).tolist() == [3]
    for left, right in groups[[0, 1, 2, 4]]:
        assert frames[left][:2] == frames[right][:2] and (frames[left][2], frames[right][2]) == (2, 4)


def test_missing_images_are_counted_and_told(small, monkeypatch):
    told = []
    monkeypatch.setattr(MMLogger, 'warning', lambda self, text: told.append(text))
    for name in ('data_17/10_webcam_2.jpg', 'data_17/11_webcam_1.jpg'):
        (small / 'annotated_frames' / name).unlink()
    for _ in range(2):  # from the label files, then from the cached index
        told.clear()
        dataset = LMDataset(small, 'test')
        assert len(dataset) == 98 and dataset.missing == 2
        (warning,) = told
        assert re.search(
            "2 labelled samples have no image.*first '.*/data_17/10_webcam_2.jpg', '.*11_webcam_1", warning
        )
    assert (17, 10, 2) not in frames_of(dataset) and LMDataset(small, 'train').missing == 0


# --- bad input -------------------------------------------------------------------------------------------------------


def test_wrong_folders_are_told(tmp_path):
    with pytest.raises(
        FileNotFoundError, match=r"LMDataset.*expects 'annotated_frames/data_1' there; the folder is empty"
    ):
        LMDataset(tmp_path, 'all')
    put(tmp_path / 'labels/B1Counting_SK.mat', '')
    with pytest.raises(FileNotFoundError, match='looks like the root of STBDataset'):
        LMDataset(tmp_path, 'all')


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (dict(split='testing'), "did you mean 'test'"),
        (dict(modalities=('depth',)), "no 'depth'; expected one of \\['rgb'\\]"),
        (dict(split_by='sequences'), "did you mean 'sequence'"),
        (dict(test_part='frist'), "did you mean 'first'"),
        (dict(images='augmentd'), "did you mean 'augmented'"),
        (dict(joint0='wrist'), "no 'wrist'"),
        (dict(views=(0, 1)), r'views=\.\.\.\) must be some of \(1, 2, 3, 4\)'),
        (dict(test_sequences=()), 'test_sequences'),
        (dict(side='Right'), "did you mean 'right'"),
        (dict(sequences=(0, 1)), r'sequences=\.\.\.\) must be some of \(1, 2, .*found \(0, 1\)'),
        (dict(sequences=(1, 2)), r'none of sequences=\(1, 2\) is in split \'test\'.*test_sequences'),
    ],
)
def test_wrong_arguments_are_named(small, arguments, message):
    with pytest.raises(ValueError, match=message):
        LMDataset(small, **{'split': 'test', **arguments})


def test_no_images_at_all(small):
    for path in (small / 'annotated_frames').glob('data_*/*.jpg'):
        path.unlink()
    with pytest.raises(ValueError, match=r"annotated_frames' has no image of the 25 labelled frames of split 'test'"):
        LMDataset(small, 'test')


@pytest.mark.parametrize(
    ('old', 'new', 'message'),
    [
        ('F1_KNU2_A ', 'F1_KNU2_X ', "20?/?.*0_joints.txt' has no line for the joint 'F1_KNU2_A'"),
        ('F1_KNU2_A ', 'F1_KNU2_A nan 1 2\nF5 ', "0_joints.txt.*frame 0, joint 'F1_KNU2_A' is \\[nan"),
        ('F1_KNU2_A ', 'F1_KNU2_A 1e39 1 2\nF5 ', "0_joints.txt.*frame 0, joint 'F1_KNU2_A' is \\[1e.39"),
        ('F1_KNU2_A ', 'F1_KNU2_A 1 ', "0_joints.txt':11: expected 'NAME x y z'"),
        ('F1_KNU2_A ', 'F1_KNU2_A x', "0_joints.txt':11: expected 'NAME x y z'"),
    ],
)
def test_wrong_labels_are_named(small, old, new, message):
    path = small / 'annotated_frames/data_20/0_joints.txt'
    path.write_text(path.read_text().replace(old, new))
    with pytest.raises(ValueError, match=message):
        LMDataset(small, 'test')


class Hostile:
    def __reduce__(self):
        return Path.touch, (Path('ran'),)


@pytest.mark.parametrize(
    ('content', 'message'),
    [
        (pickle.dumps(Hostile()), r"webcam_3/tvec.pkl' was not read: it requests pathlib\."),
        (
            pickle.dumps(np.zeros(4)),
            r"tvec.pkl' must hold an array of three finite numbers up to 1e.06, found shape \(4,\)",
        ),
        (pickle.dumps([1.0, 2.0, 3.0]), 'found list'),
        (pickle.dumps(np.array([1.0, np.nan, 3.0])), 'three finite numbers'),
        (pickle.dumps(np.array([1.0, 1e39, 3.0])), 'three finite numbers up to 1e.06'),
        (b'', 'tvec.pkl'),
    ],
)
def test_wrong_calibrations_are_refused(small, tmp_path, monkeypatch, content, message):
    monkeypatch.chdir(tmp_path)
    put(small / 'calibrations/data_18/webcam_3/tvec.pkl', content)
    with pytest.raises(ValueError, match=message):
        LMDataset(small, 'test')
    assert not (tmp_path / 'ran').exists()


def test_damaged_images_are_named_or_skipped(small):
    path = small / 'annotated_frames/data_17/0_webcam_1.jpg'
    path.write_bytes(path.read_bytes()[:500])
    dataset = LMDataset(small, 'test')
    with pytest.raises(OSError, match='data_17/0_webcam_1.jpg.*cut off'):
        dataset[0]
