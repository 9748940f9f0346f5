"""Panoptic: a tree that the studio wrote comes back in every camera; what is not Panoptic, or not whole, is refused."""

import json
import pickle
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
from mmengine.logging import MMLogger

from handkd.datasets import PanopticHandDataset
from handkd.geometry import axis_angle_to_matrix
from handkd.studio.layouts.panoptic import write_panoptic


@pytest.fixture(scope='module')
def written(tmp_path_factory):
    root = tmp_path_factory.mktemp('panoptic')
    truths = {}
    for truth in write_panoptic(root, 2, 0, cameras=4):
        truth['img'] = truth['img'] if truth['view'] == 1 else None  # 6 MB each
        truths[truth['img_path'], truth['hand_side']] = truth
    return root, truths


def lens(root):
    """K and the distortion of the first camera, which all have."""
    camera = json.loads((root / 'pose0/calibration_pose0.json').read_text())['cameras'][0]
    return np.array(camera['K']), np.array(camera['distCoef'])


def labels(root, frame=9):
    return root / f'pose0/hdHand3d/handRecon3D_hd{frame:08d}.json'


def names_of(dataset):
    records = [dataset.get_record(i) for i in range(len(dataset))]
    return [(Path(r['img_path']).stem, r['hand_side']) for r in records]


def check_studio(dataset, root, truths, known):
    for i in range(len(dataset)):
        record = dataset.get_record(i)
        truth = truths[record['img_path'].removeprefix(f'{root}/'), record['hand_side']]
        known.remove((truth['img_path'], truth['hand_side']))
        np.testing.assert_allclose(record['keypoints_cam'][0], truth['keypoints_cam'], atol=0.02)
        np.testing.assert_allclose(record['keypoints'][0], truth['keypoints'], atol=0.1)
        for key, tolerance in (('K', 1e-3), ('R', 1e-5), ('T', 1e-2), ('dist', 1e-6)):
            np.testing.assert_allclose(record['camera'][key], truth['camera'][key], atol=tolerance)
    assert not known


@pytest.mark.parametrize('split', ['train', 'test', 'all'])
def test_the_studio_comes_back(written, split):
    root, truths = written
    dataset = PanopticHandDataset(root, split)
    known = {key for key, truth in truths.items() if split in ('all', truth['split'])}
    known = {key for key in known if inside(truths[key]['keypoints']).all()}
    assert len(dataset) == len(known) > 8 and {side for _, side in known} == {'left', 'right'}
    check_studio(dataset, root, truths, known)
    index = next(i for i in range(len(dataset)) if '/00_01/' in dataset.get_record(i)['img_path'])
    record = dataset.get_data_info(index)
    image = truths[record['img_path'].removeprefix(f'{root}/'), record['hand_side']]['img']
    assert np.abs(record['img'][::4, ::4].astype(int) - image[::4, ::4]).mean() < 8, 'JPEG'


def inside(pixels):
    return ((pixels > -0.5) & (pixels < (1919.5, 1079.5))).all(-1)


def test_projection_is_opencvs(panoptic):
    dataset = PanopticHandDataset(panoptic, 'all')
    assert names_of(dataset) == [
        ('00_00_00000007', 'left'), ('00_01_00000007', 'left'),
        ('00_00_00000009', 'left'), ('00_01_00000009', 'left'),
        ('00_00_00000009', 'right'), ('00_01_00000009', 'right'),
    ]  # fmt: skip
    record = dataset.get_record(5)
    person = json.loads(labels(panoptic).read_text())['people'][1]
    world = np.array(person['right_hand']['landmarks']).reshape(21, 3)
    rotation = axis_angle_to_matrix([0.1, 0, 0])
    np.testing.assert_allclose(record['keypoints_cam'][0], (world @ rotation.T + [20, 0, 250]) * 10, atol=1e-2)
    expected, _ = cv2.projectPoints(world, (0.1, 0.0, 0.0), (20.0, 0.0, 250.0), *lens(panoptic))
    np.testing.assert_allclose(record['keypoints'][0], expected[:, 0], atol=1e-2)
    assert record['keypoints_visible'].all() and record['keypoints_valid'].all()


def test_view_groups(panoptic):
    (panoptic / 'pose0/hdImgs/00_00/00_00_00000007.jpg').unlink()
    dataset = PanopticHandDataset(panoptic, 'all')
    groups = dataset.view_groups()
    assert groups.shape == (3, 31)
    assert groups[:, :2].tolist() == [[-1, 0], [1, 2], [3, 4]] and (groups[:, 2:] == -1).all()
    chosen = PanopticHandDataset(panoptic, 'all', cameras=(30, 1))
    assert chosen.view_groups().tolist() == [[-1, 0], [-1, 1], [-1, 2]]


def test_where_samples_come_from(panoptic):
    dataset = PanopticHandDataset(panoptic, 'all')
    captures = dataset.captures()
    assert captures.names == ('pose0',) and captures.sequence.tolist() == [0] * 6
    assert captures.frame.tolist() == [7, 7, 9, 9, 9, 9] and captures.view.tolist() == [0, 1] * 3
    assert captures.subject.tolist() == [0] * 6, 'one person'
    assert captures.track.tolist() == [0, 0, 0, 0, 1, 1], 'left hand, right hand'
    for index in range(6):
        record = dataset.get_record(index)
        assert (record['sequence'], record['frame'], record['view']) == (
            'pose0', captures.frame[index], captures.view[index]
        )  # fmt: skip


def test_people_are_told_apart(panoptic, change_json):
    change_json(labels(panoptic), lambda c: c['people'].append(dict(id=4, left_hand=c['people'][1]['left_hand'])))
    captures = PanopticHandDataset(panoptic, 'all').captures()
    assert sorted(set(zip(captures.subject.tolist(), captures.track.tolist()))) == [(0, 0), (0, 1), (1, 2)]


def test_hands_partly_outside(panoptic, change_json):
    """The image ends half way through the hand; what the lens folds back into it is outside."""
    change_json(panoptic / 'pose0/calibration_pose0.json', lambda c: c['cameras'][0].update(t=[[-180], [0], [250]]))
    whole, part = (PanopticHandDataset(panoptic, 'all', cameras=(0,), min_joints_inside=n) for n in (21, 1))
    assert len(whole) < len(part)
    seen = np.concatenate([part.get_record(i)['keypoints_visible'][0] for i in range(len(part))])
    pixels = np.concatenate([part.get_record(i)['keypoints'][0] for i in range(len(part))])
    np.testing.assert_array_equal(seen > 0, inside(pixels))
    assert 0 < seen.sum() < seen.size
    # 63 degrees off the axis the lens model draws joints inside the frame, were it believed.
    change_json(panoptic / 'pose0/calibration_pose0.json', lambda c: c['cameras'][0].update(t=[[-500], [0], [250]]))
    world = np.array(json.loads(labels(panoptic).read_text())['people'][1]['left_hand']['landmarks']).reshape(21, 3)
    drawn, _ = cv2.projectPoints(world, (0.0, 0.0, 0.1), (-500.0, 0.0, 250.0), *lens(panoptic))
    assert inside(drawn[:, 0]).any()
    assert len(PanopticHandDataset(panoptic, 'all', cameras=(1, 0), min_joints_inside=1)) == 3


def test_rules_of_scores_and_validity(panoptic, change_json):
    people = lambda c: c['people'][1]  # noqa: E731
    change_json(labels(panoptic), lambda c: people(c)['left_hand'].update(averageScore=[0.0005] * 21))
    assert [side for _, side in names_of(PanopticHandDataset(panoptic, 'all', cameras=(0,)))] == ['left', 'right']
    assert len(PanopticHandDataset(panoptic, 'all', cameras=(0,), min_score=0.0)) == 3
    change_json(labels(panoptic, 7), lambda c: people(c)['left_hand'].update(validity=[0] * 21))
    dataset = PanopticHandDataset(panoptic, 'all', cameras=(0,), use_validity=True)
    assert names_of(dataset) == [('00_00_00000009', 'right')], 'the last joint is missing, not the hand'
    record = dataset.get_record(0)
    assert record['keypoints_valid'][0].tolist() == [1.0] * 20 + [0.0] and not record['keypoints_cam'][0, 20].any()
    assert not record['keypoints_visible'][0, 20]
    change_json(labels(panoptic), lambda c: people(c)['right_hand']['landmarks'].__setitem__(30, 5000.0))
    with pytest.raises(ValueError, match='no image shows one of the 2 labelled hands'):
        PanopticHandDataset(panoptic, 'all', cameras=(0,), use_validity=True, min_joints_inside=20)


def test_joints_behind_the_camera_are_not_labelled(panoptic, change_json):
    """The camera's plane cuts through the hands."""
    change_json(panoptic / 'pose0/calibration_pose0.json', lambda c: c['cameras'][0].update(t=[[-9], [-11], [-9]]))
    dataset = PanopticHandDataset(panoptic, 'all', cameras=(0,), min_joints_inside=1)
    record = dataset.get_record(0)
    world = np.array(json.loads(labels(panoptic, 7).read_text())['people'][1]['left_hand']['landmarks']).reshape(21, 3)
    ahead = world[:, 2] - 9 > 0
    assert 0 < ahead.sum() < 21
    np.testing.assert_array_equal(record['keypoints_valid'][0] > 0, ahead)
    np.testing.assert_allclose(record['keypoints_cam'][0, ahead, 2], (world[ahead, 2] - 9) * 10, atol=1e-3)
    assert 0 < record['keypoints_visible'].sum() <= ahead.sum()


def test_new_images_are_noticed(panoptic):
    path = panoptic / 'pose0/hdImgs/00_00/00_00_00000009.jpg'
    content = path.read_bytes()
    path.unlink()
    assert PanopticHandDataset(panoptic, 'all').missing == 2
    path.write_bytes(content)
    dataset = PanopticHandDataset(panoptic, 'all')
    assert len(dataset) == 6 and dataset.missing == 0


def test_missing_images_are_counted_and_told(panoptic, monkeypatch):
    told = []
    monkeypatch.setattr(MMLogger, 'warning', lambda self, text: told.append(text))
    (panoptic / 'pose0/hdImgs/00_00/00_00_00000009.jpg').unlink()
    dataset = PanopticHandDataset(panoptic, 'all')
    assert len(dataset) == 4 and dataset.missing == 2
    assert len(told) == 1 and '2 labelled samples' in told[0] and '00_00_00000009.jpg' in told[0]
    shutil.rmtree(panoptic / 'pose0/hdImgs/00_00')  # a camera that was not downloaded
    dataset = PanopticHandDataset(panoptic, 'all')
    assert len(dataset) == 3 and dataset.missing == 0


def test_the_index_is_light(panoptic):
    dataset = PanopticHandDataset(panoptic, 'all')
    assert dataset.index['sample'].dtype.itemsize + dataset.index['camera'].dtype.itemsize <= 8
    row = sum(dataset.index[key][0].nbytes for key in ('sequence', 'frame', 'person', 'side', 'joints', 'valid'))
    assert row < 300, 'which 31 cameras share'


def test_both_releases_say_the_same(panoptic, panoptic_mtc):
    full = PanopticHandDataset(panoptic, 'all', cameras=(0, 1))
    other = PanopticHandDataset(panoptic_mtc, 'all', release='mtc', cameras=(0, 1))
    assert names_of(full) == names_of(other)
    for i in range(len(full)):
        a, b = full.get_record(i), other.get_record(i)
        np.testing.assert_array_equal(a['keypoints_cam'], b['keypoints_cam'])
        np.testing.assert_array_equal(a['keypoints'], b['keypoints'])
    assert other.get_data_info(0)['img'].shape == (1080, 1920, 3)
    lengths = [
        len(PanopticHandDataset(panoptic_mtc, split, release='mtc', cameras=(0, 1))) for split in ('train', 'test')
    ]
    assert lengths == [2, 4]


def test_new_frames_of_the_mtc_release_are_noticed(panoptic_mtc, tmp_path):
    frame = panoptic_mtc / 'hdImgs/pose0/00000009'
    frame.rename(tmp_path / 'later')
    before = PanopticHandDataset(panoptic_mtc, 'all', release='mtc', cameras=(0, 1))
    (tmp_path / 'later').rename(frame)
    after = PanopticHandDataset(panoptic_mtc, 'all', release='mtc', cameras=(0, 1))
    assert (len(before), before.missing) == (2, 4) and (len(after), after.missing) == (6, 0)


def test_workers_are_not_sent_the_labels(panoptic_mtc):
    dataset = PanopticHandDataset(panoptic_mtc, 'all', release='mtc', cameras=(0, 1))
    sent = pickle.dumps(dataset)
    assert b'landmarks' not in sent and b'LabelledHand' not in sent
    assert pickle.loads(sent).get_record(0)['img_path'] == dataset.get_record(0)['img_path']


def test_every_nth_frame(written, panoptic, panoptic_mtc):
    root, _ = written
    whole = PanopticHandDataset(root, 'all', min_joints_inside=1)
    first, *_ = frames = sorted(set(whole.captures().frame.tolist()))
    assert len(frames) == 2
    labels(panoptic, 7).write_text('')  # is not read
    labels(panoptic, 7).rename(labels(panoptic, 8))
    shutil.copy(labels(panoptic), labels(panoptic, 7))
    thin = PanopticHandDataset(panoptic, 'all', every_nth_frame=2, cameras=(0,))
    assert names_of(thin) == [
        ('00_00_00000007', 'left'), ('00_00_00000007', 'right'), ('00_00_00000009', 'left'), ('00_00_00000009', 'right')
    ]  # fmt: skip
    thin = PanopticHandDataset(root, 'all', min_joints_inside=1, every_nth_frame=2)
    assert set(thin.captures().frame.tolist()) == {first} and len(thin) < len(whole)
    assert set(thin.captures().sequence.tolist()) == {0, 1}
    settings = dict(release='mtc', cameras=(0, 1))
    frames = PanopticHandDataset(panoptic_mtc, 'all', every_nth_frame=2, **settings).captures().frame
    assert set(frames.tolist()) == {7}, 'of the MTC release, too'
    assert len(PanopticHandDataset(panoptic_mtc, 'test', every_nth_frame=2, **settings)) == 4


def test_png_images_of_a_written_tree(tmp_path):
    truths = {(t['img_path'], t['hand_side']): t for t in write_panoptic(tmp_path, 1, 0, cameras=2, image_type='png')}
    dataset = PanopticHandDataset(tmp_path, 'all', min_joints_inside=1)
    assert len(dataset) > 2 and dataset.missing == 0
    for index in (0, len(dataset) - 1):
        sample = dataset.get_data_info(index)
        truth = truths[sample['img_path'].removeprefix(f'{tmp_path}/'), sample['hand_side']]
        assert sample['img_path'].endswith('.png')
        np.testing.assert_array_equal(sample['img'], truth['img'])


def test_images_of_two_kinds_are_refused(panoptic):
    old = panoptic / 'pose0/hdImgs/00_01/00_01_00000009.jpg'
    cv2.imwrite(str(old.with_suffix('.png')), np.zeros((4, 4, 3), np.uint8))
    old.unlink()
    with pytest.raises(ValueError, match=r"two kinds, such as 'hdImgs/00_0\d/.*\.jpg' and 'hdImgs/00_01/.*9\.png'"):
        PanopticHandDataset(panoptic, 'all')
    for path in (panoptic / 'pose0/hdImgs').glob('*/*.jpg'):
        path.unlink()
    dataset = PanopticHandDataset(panoptic, 'all')
    assert len(dataset) == 2 and dataset.missing == 4 and dataset.get_record(0)['img_path'].endswith('9.png')


def test_people_with_several_ids(panoptic, change_json):
    """In frame 7 somebody is 3, in frame 9 he is 5; 3 is another one there, unless they are grouped."""
    change_json(labels(panoptic), lambda c: c['people'][1].update(id=5))
    assert PanopticHandDataset(panoptic, 'all').captures().subject.tolist() == [0, 0, 1, 1, 1, 1]
    people = [[('pose0', 9)], [('pose0', 5), ['pose0', 3]]]
    dataset = PanopticHandDataset(panoptic, 'all', people=people)
    captures = dataset.captures()
    assert captures.subject.tolist() == [1] * 6 and captures.track.tolist() == [0, 0, 0, 0, 1, 1]
    assert [dataset.get_record(i)['subject'] for i in range(6)] == [1] * 6
    others = PanopticHandDataset(panoptic, 'all', people=people[:1]).captures()
    assert others.subject.tolist() == [1, 1, 2, 2, 2, 2], 'those who are in no group come behind'
    # The tracker sees him twice.
    change_json(labels(panoptic), lambda c: c['people'].append(dict(c['people'][1], id=3)))
    labels(panoptic).with_name('edited').touch()  # an edit inside of a file alone is not noticed
    dataset = PanopticHandDataset(panoptic, 'all', people=people)
    assert len(dataset) == 6 and dataset.doubled == 2
    np.testing.assert_array_equal(dataset.index['person'], [3, 5, 5])
    assert len(PanopticHandDataset(panoptic, 'all')) == 10


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (dict(every_nth_frame=0), r'every_nth_frame=\.\.\.\) must be a whole number from 1 on, found 0'),
        (dict(every_nth_frame=2.0), 'found 2.0'),
        (dict(people=[[('pose1', 3)]]), r"people=\.\.\.\): there is no 'pose1'; did you mean 'pose0'"),
        (dict(people=[[('pose0', '3')]]), r"pairs such as .*, found \('pose0', '3'\) in that of person 0"),
        (dict(people=[[('pose0', 3)], [('pose0', 3)]]), r"\['pose0', 3\] is given twice"),
        (dict(split='testing'), "did you mean 'test'"),
        (dict(split='test'), r"no sequence of split 'test', only \['pose0'\].*test_sequences"),
        (dict(modalities=('depth',)), "no 'depth'"),
        (dict(release='MTC'), "no 'MTC'; expected one of"),
        (dict(sequences=('pose1',)), "no 'pose1'; did you mean 'pose0'"),
        (dict(cameras=(31,)), r'cameras=\.\.\.\) must be some of 0 to 30'),
        (dict(cameras=(0, 5)), None),
    ],
)
def test_wrong_arguments_are_named(panoptic, arguments, message):
    error = ValueError if message else FileNotFoundError
    with pytest.raises(error, match=message or "expects 'pose0/hdImgs/00_05' there"):
        PanopticHandDataset(panoptic, **{'split': 'all', **arguments})
    assert len(PanopticHandDataset(panoptic, 'test', test_sequences=('pose0',))) == 6


def test_damaged_images_are_named(panoptic):
    dataset = PanopticHandDataset(panoptic, 'all')
    path = panoptic / 'pose0/hdImgs/00_00/00_00_00000007.jpg'
    path.write_bytes(path.read_bytes()[:900])
    with pytest.raises(OSError, match='00_00_00000007.jpg.*cut off'):
        dataset.get_data_info(0)
