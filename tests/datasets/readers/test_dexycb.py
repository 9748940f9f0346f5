"""DexYCB: what the studio wrote comes back in every split of every setup, and damage is named in one line."""

import re
import shutil

import cv2
import numpy as np
import pytest
import yaml
from mmengine.config import Config
from mmengine.logging import MMLogger
from mmengine.registry import init_default_scope

from handkd.artifacts.backgrounds import make_backgrounds
from handkd.datasets import DexYCBDataset
from handkd.datasets.readers.dexycb_files import SERIALS
from handkd.hand import chirality
from handkd.registry import DATASETS
from handkd.studio.layouts import write_layout

ALL = ('rgb', 'depth', 'mask')
SETUPS = ('s0', 's1', 's2', 's3')
SPLITS = ('train', 'val', 'test')
EYE = [1.0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0]
PERSON, CAMERA = '20200709-subject-01', '836212060125'


def is_in_split(setup, split, subject, place, view):
    """The specification's rules, subject by subject."""
    fifth, block = place % 5 == 4, place // 5
    if setup == 's0':
        return {'train': not fifth, 'val': fifth and subject in (1, 2), 'test': fifth and subject > 2}[split]
    if setup == 's1':
        return split == {7: 'val', 8: 'test', 9: 'test'}.get(subject, 'train')
    if setup == 's2':
        return split == (['train'] * 6 + ['val', 'test'])[view]
    return split == {3: 'val', 19: 'val', 7: 'test', 11: 'test', 15: 'test'}.get(block, 'train')


@pytest.fixture(scope='module')
def written(tmp_path_factory):
    root = tmp_path_factory.mktemp('dexycb')
    return root, list(write_layout('dexycb', root, 1))


@pytest.mark.parametrize('setup', SETUPS)
def test_the_studio_comes_back(written, setup):
    root, truths = written
    for split in SPLITS:
        dataset = DexYCBDataset(root, split, setup=setup)
        expected = {t['img_path']: t for t in truths if is_in_split(setup, split, t['subject'], t['place'], t['view'])}
        assert len(dataset) == len(expected) > 0
        for i in range(len(dataset)):
            record = dataset.get_record(i)
            truth = expected.pop(record['img_path'].removeprefix(f'{root}/'))
            np.testing.assert_allclose(record['keypoints_cam'][0], truth['keypoints_cam'], atol=1e-3)
            np.testing.assert_allclose(record['keypoints'][0], truth['keypoints'], atol=1e-3)
            for key in ('K', 'R', 'T'):
                np.testing.assert_allclose(record['camera'][key], truth['camera'][key], atol=1e-9)
            assert record['hand_side'] == truth['hand_side'] and (record['keypoints_valid'] == 1).all()
            assert [record[k] for k in ('subject', 'sequence', 'frame', 'view')] == [
                truth[k] for k in ('subject', 'sequence', 'frame', 'view')
            ]
        assert dataset.unlabelled == sum(is_in_split(setup, split, 1, 19, view) for view in range(8)), (
            'the frame without a hand'
        )
        assert split in dataset.PUBLISHED if setup == 's0' else not dataset.PUBLISHED


def test_the_backgrounds_of_its_cameras_are_made_and_loaded(written, tmp_path):
    init_default_scope('handkd')
    load = dict(type='LoadBackground', folder=str(tmp_path))
    dataset = dict(type='DexYCBDataset', data_root=str(written[0]), split='val', pipeline=[load])
    made, new = make_backgrounds(Config(dict(val_dataloader=dict(dataset=dataset))))[str(tmp_path)]
    samples = DATASETS.build(dataset)
    assert made == new == len({(samples[i]['sequence'], samples[i]['view']) for i in range(len(samples))})
    assert all(samples[i]['background'].shape == (480, 640, 3) for i in range(len(samples)))


def test_frames_have_the_owners_numbers(written):
    """They count all frames of a split, by subject, sequence, camera and frame, whether they show a hand or not."""
    root, _ = written
    for setup, split, cameras in (('s0', 'val', SERIALS), ('s1', 'train', SERIALS), ('s2', 'train', SERIALS[:6])):
        numbers = {}
        for subject, person in enumerate(sorted(root.glob('20*-subject-*')), 1):
            for place, sequence in enumerate(sorted(path for path in person.iterdir() if path.is_dir())):
                if not is_in_split(setup, split, subject, place, 0):
                    continue
                frames = yaml.safe_load((sequence / 'meta.yml').read_text())['num_frames']
                for camera in cameras:
                    for frame in range(frames):
                        numbers[f'{sequence}/{camera}/color_{frame:06d}.jpg'] = len(numbers)
        for settings in ({}, dict(sides=['right']), dict(cameras=cameras[2:3])):
            dataset = DexYCBDataset(root, split, setup=setup, **settings)
            records = [dataset.get_record(i) for i in range(len(dataset))]
            assert [r['img_id'] for r in records] == [numbers[r['img_path']] for r in records]


def test_images_depth_and_masks_come_back(written):
    root, truths = written
    dataset = DexYCBDataset(root, 'test', modalities=ALL)
    truths = {truth['img_path']: truth for truth in truths}
    agree = []
    for i in range(0, len(dataset), 3):
        sample = dataset.get_data_info(i)
        truth = truths[sample['img_path'].removeprefix(f'{root}/')]
        assert np.abs(sample['img'].astype(int) - truth['img']).mean() < 8, 'JPEG'
        assert sample['depth'].dtype == np.float32 and np.abs(sample['depth'] - truth['depth']).max() <= 0.51
        np.testing.assert_array_equal(sample['hand_mask'], truth['hand_mask'])
        u, v = np.rint(truth['keypoints']).astype(int).T
        # A joint is in sight if its own bone, or the next one, is what its pixel shows.
        shown = truth['part_seg'][v, u].astype(int)
        near = np.abs(truth['depth'][v, u] - truth['keypoints_cam'][:, 2]) < 25
        agree.append(((shown > 0) & near) == (sample['keypoints_visible'][0] > 0))
    assert np.mean(agree) > 0.95
    sides = [
        chirality(record['keypoints_cam'][0]) + (record['hand_side'],) for record in map(dataset.get_record, range(16))
    ]
    assert sum(c * (seen == side) for seen, c, side in sides) > 0.8 * sum(c for _, c, _ in sides)


def test_views_of_a_moment_show_one_hand(written):
    dataset = DexYCBDataset(written[0], 'train')
    groups, captures = dataset.view_groups(), dataset.captures()
    assert groups.shape == (3, 8) and (groups >= 0).all()
    assert captures.view[groups].tolist() == [list(range(8))] * 3
    for group in groups:
        records = [dataset.get_record(i) for i in group]
        world = [(r['keypoints_cam'][0] - r['camera']['T']) @ r['camera']['R'] for r in records]
        np.testing.assert_allclose(world, [world[2]] * 8, atol=1e-2)
        np.testing.assert_allclose(records[2]['camera']['R'], np.eye(3), atol=1e-9, err_msg='the master camera')
        assert {captures.names[captures.sequence[i]] for i in group} == {records[0]['sequence']}
    assert sorted(set(captures.subject.tolist())) == [2, 8, 10]
    some = DexYCBDataset(written[0], 'train', cameras=(SERIALS[7], SERIALS[1]))
    assert some.view_groups().shape == (3, 2) and sorted(set(some.captures().view.tolist())) == [1, 7]


def test_sides_and_subjects(written):
    sides = [[d.get_record(i)['hand_side'] for i in range(len(d))] for d in (
        DexYCBDataset(written[0], 'train', sides=(side,)) for side in ('left', 'right'))]  # fmt: skip
    assert [len(set(s)) for s in sides] == [1, 1] and [len(s) for s in sides] == [8, 16]
    assert len(DexYCBDataset(written[0], 'train', subjects=(2, 10))) == 16
    with pytest.raises(ValueError, match=r"no sequence of subjects \(3,\) is in split 'val' of setup 's0'"):
        DexYCBDataset(written[0], 'val', subjects=(3,))


# --- a small tree of one subject and one camera ----------------------------------------------------------------------


def save_labels(folder, frame, **changes):
    joints = np.random.default_rng(frame).normal(size=(1, 21, 3)) * 0.03 + (0, 0, 0.7)
    pixels = joints[..., :2] / joints[..., 2:] * 600 + (320, 240)
    labels = dict(
        seg=np.full((480, 640), 255, np.uint8), joint_3d=joints.astype(np.float32), joint_2d=pixels.astype(np.float32)
    )
    np.savez_compressed(folder / f'labels_{frame:06d}.npz', **{**labels, **changes})
    return labels


@pytest.fixture
def small(tmp_path):
    """Subject 1: sequences 0 (three frames) and 4 (one) of one camera; the other 98 have no frames."""
    root = tmp_path / 'dex-ycb'
    jpg = cv2.imencode('.jpg', np.full((480, 640, 3), 90, np.uint8))[1].tobytes()
    png = cv2.imencode('.png', np.full((480, 640), 700, np.uint16))[1].tobytes()
    for place in range(100):
        folder = root / PERSON / f'20200709_{100000 + place}'
        folder.mkdir(parents=True)
        frames = {0: 3, 4: 1}.get(place, 0)
        (folder / 'meta.yml').write_text(
            f"num_frames: {frames}\nmano_sides: ['right']\nextrinsics: '20200702_151821'\nserials: ['{CAMERA}']\n"
        )
        for frame in range(frames):
            camera = folder / CAMERA
            camera.mkdir(exist_ok=True)
            (camera / f'color_{frame:06d}.jpg').write_bytes(jpg)
            (camera / f'aligned_depth_to_color_{frame:06d}.png').write_bytes(png)
            save_labels(camera, frame)
    calibration = root / 'calibration'
    (calibration / 'intrinsics').mkdir(parents=True)
    (calibration / 'extrinsics_20200702_151821').mkdir()
    (calibration / f'intrinsics/{CAMERA}_640x480.yml').write_text('color: {fx: 600, fy: 600.0, ppx: 320, ppy: 240}\n')
    (calibration / 'extrinsics_20200702_151821/extrinsics.yml').write_text(f"extrinsics: {{'{CAMERA}': {EYE}}}\n")
    return root


def read(root, split='train', **settings):
    return DexYCBDataset(root, split, **{**dict(subjects=(1,), cameras=(CAMERA,)), **settings})


def camera_folder(root, place=0):
    return root / PERSON / f'20200709_{100000 + place}' / CAMERA


@pytest.mark.parametrize('visibility', ['depth', 'seg', 'inside'])
def test_visibility_is_derived_from_depth_and_segmentation(small, visibility):
    folder = camera_folder(small)
    labels = save_labels(folder, 0)
    u, v = np.rint(labels['joint_2d'][0]).astype(int).T
    joints = labels['joint_3d'].copy()
    joints[0, :, 2] = 0.7
    seg, depth = labels['seg'].copy(), np.full((480, 640), 690, np.uint16)
    seg[v[4], u[4]] = 7  # an object
    depth[v[8], u[8]] = 660  # another finger
    depth[v[12], u[12]] = 0  # no reading
    pixels = labels['joint_2d'].copy()
    pixels[0, 16] = (700, 240)  # outside
    save_labels(folder, 0, seg=seg, joint_3d=joints, joint_2d=pixels)
    cv2.imwrite(str(folder / 'aligned_depth_to_color_000000.png'), depth)
    hidden = {'depth': {4, 8, 16}, 'seg': {4, 16}, 'inside': {16}}[visibility]
    record = read(small, visibility=visibility).get_record(0)
    assert set(np.flatnonzero(record['keypoints_visible'][0] == 0)) == hidden
    if visibility == 'depth':
        record = read(small, visible_within=41.0).get_record(0)
        assert set(np.flatnonzero(record['keypoints_visible'][0] == 0)) == {4, 16}


def test_direction_of_the_extrinsics(small):
    path = small / 'calibration/extrinsics_20200702_151821/extrinsics.yml'
    path.write_text(f"extrinsics: {{'{CAMERA}': [0, -1, 0, 0.5, 1, 0, 0, 0, 0, 0, 1, 0]}}\n")
    there, back = (
        read(small, extrinsics=name).get_record(0)['camera'] for name in ('master_to_camera', 'camera_to_master')
    )
    np.testing.assert_allclose(there['T'], [500, 0, 0])
    np.testing.assert_allclose(back['R'], there['R'].T)
    np.testing.assert_allclose(back['T'], [0, 500, 0], atol=1e-9)


def test_frames_without_a_hand_are_counted(small):
    save_labels(
        camera_folder(small), 1, joint_3d=np.full((1, 21, 3), -1, np.float32), joint_2d=np.full((1, 21, 2), -1.0)
    )
    dataset = read(small)
    assert [dataset.get_record(i)['frame'] for i in range(len(dataset))] == [0, 2] and dataset.unlabelled == 1


def test_no_depth_is_needed_without_it(small):
    for path in camera_folder(small).glob('aligned*'):
        path.unlink()
    assert len(read(small, visibility='seg')) == 3
    with pytest.raises(ValueError, match='lacks files of 3 frames.*first.*aligned_depth_to_color_000000'):
        read(small)


# --- bad input -------------------------------------------------------------------------------------------------------


def test_wrong_folders_are_described(small, tmp_path):
    with pytest.raises(
        FileNotFoundError, match="expects '20200709-subject-01' there; .*dex-ycb' looks like the root of Dex"
    ):
        DexYCBDataset(tmp_path, 'train')
    with pytest.raises(FileNotFoundError, match='dex-ycb.* looks like the root of DexYCBDataset'):
        DexYCBDataset(small / PERSON, 'train')
    with pytest.raises(
        FileNotFoundError, match=r"expects '20200813-subject-02' there; the folder is incomplete.*choose subjects=\[1\]"
    ):
        DexYCBDataset(small, 'train')
    (tmp_path / 'rhd/training').mkdir(parents=True)
    (tmp_path / 'rhd/training/anno_training.pickle').touch()
    with pytest.raises(FileNotFoundError, match='the folder looks like the root of RHDDataset'):
        DexYCBDataset(tmp_path / 'rhd', 'train')


@pytest.mark.parametrize(
    ('settings', 'said'),
    [
        (dict(split='tests'), "did you mean 'test'"),
        (dict(setup='s4'), "no 's4'; expected one of"),
        (dict(sides='right'), r"sides=...\) must be some of \('left', 'right'\)"),
        (dict(subjects=(0,)), r'subjects=...\) must be some of'),
        (dict(cameras=('12',)), r'cameras=...\) must be some of'),
        (dict(setup='s2', split='test'), "none of cameras=.* is in split 'test' of setup 's2'"),
        (dict(visibility='dept'), "did you mean 'depth'"),
        (dict(visible_within=0), 'visible_within.*above 0 mm, found 0'),
        (dict(extrinsics='master'), 'extrinsics'),
        (dict(modalities=('parts',)), "no 'parts'"),
    ],
)
def test_wrong_settings_are_named(small, settings, said):
    with pytest.raises(ValueError, match=said):
        read(small, **settings)


def cut(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def drop(path):
    shutil.rmtree(path) if path.is_dir() else path.unlink()


META, FIRST = f'{PERSON}/20200709_100000/meta.yml', f'{PERSON}/20200709_100000/{CAMERA}'
POSES, LENS = 'calibration/extrinsics_20200702_151821/extrinsics.yml', f'calibration/intrinsics/{CAMERA}_640x480.yml'
LABELS, DEPTH = f'{FIRST}/labels_000001.npz', f'{FIRST}/aligned_depth_to_color_000001.png'


def gone(path):
    return lambda root: drop(root / path)


def text(path, content):
    return lambda root: (root / path).write_text(content)


def labels(**changes):
    return lambda root: save_labels(root / FIRST, 1, **changes)


@pytest.mark.parametrize(
    ('change', 'said'),
    [
        (gone(f'{PERSON}/20200709_100007'), "subject-01' has 99 sequences, expected 100"),
        (gone(FIRST), f'lacks files of 3 frames.*{CAMERA}/labels_000000.npz'),
        (gone(LABELS), "lacks files of 1 frames that 'num_frames' in meta.yml counts"),
        (gone(f'{FIRST}/color_000001.jpg'), 'first .*color_000001.jpg.*on_corrupt'),
        (gone(META), f"expects '{META}'"),
        (gone(POSES), "expects 'calibration/extrinsics_20200702_151821/extrinsics.yml'"),
        (gone(LENS), f"expects '{LENS}'"),
        (text(META, 'num_frames: 3\nmano_sides: [r'), 'meta.yml.* is not valid YAML'),
        (text(META, 'num_frames: x\n'), "meta.yml': 'num_frames' must be a whole number.*found 'x'"),
        (text(META, 'num_frames: 3\nmano_sides: [both]\n'), "'mano_sides' must be .* found .'both'"),
        (text(META, 'num_frames: 3\nmano_sides: [right]\nextrinsics: ../x\n'), 'plain name.*../x'),
        (text(LENS, 'color: {fx: 600, fy: 600}\n'), "480.yml': 'color' .fx, fy, ppx, ppy. must be 4"),
        (text(POSES, 'extrinsics: {a: [1]}\n'), f"'extrinsics', '{CAMERA}' must be 12 finite numbers"),
        (text(POSES, f"extrinsics: {{'{CAMERA}': {[2, *EYE[1:]]}}}\n"), "'R' must be a rotation"),
        (lambda root: cut(root / LABELS), 'labels_000001.npz: not a readable npz.*on_corrupt'),
        (lambda root: np.savez(root / LABELS, seg=1), "labels_000001.npz: has no array 'joint_3d'"),
        (labels(joint_3d=np.ones((21, 3))), r"joint_3d' must be .*\(1, 21, 3\), found float64 \(21"),
        (labels(joint_3d=np.full((1, 21, 3), np.nan)), "joint_3d' must be finite"),
        (labels(joint_3d=np.full((1, 21, 3), -2.0)), "'joint_3d' of 'wrist' is .*z above 0"),
        (labels(seg=np.ones((48, 64), np.uint8)), r"'seg' must be uint8 of shape \(480, 640\)"),
        (lambda root: cut(root / DEPTH), 'aligned_depth_to_color_000001.png'),
        (
            lambda root: cv2.imwrite(str(root / DEPTH), np.zeros((480, 640, 3), np.uint8)),
            '3 channel.* of uint8, expected 1 of uint16',
        ),
    ],
)
def test_damage_is_named(small, change, said):
    change(small)
    with pytest.raises((ValueError, OSError), match=said) as caught:
        read(small)
    assert '\n' not in str(caught.value)


def test_damaged_frames_are_left_out_on_request(small, monkeypatch):
    told = []
    monkeypatch.setattr(MMLogger, 'warning', lambda self, text: told.append(text))
    cut(camera_folder(small) / 'labels_000001.npz')
    drop(camera_folder(small) / 'color_000002.jpg')
    dataset = read(small, on_corrupt='skip')
    assert [dataset.get_record(i)['frame'] for i in range(len(dataset))] == [0]
    assert re.search('lacks files of 1 frames', told[0]) and re.search('1 damaged labels.*labels_000001', told[1])
    save_labels(camera_folder(small), 1)
    assert len(read(small, on_corrupt='skip')) == 2, 'the repaired label file is noticed'


def test_a_damaged_mask_is_named_when_it_is_read(small):
    dataset = read(small, modalities=('mask',), visibility='inside')
    cut(camera_folder(small) / 'labels_000000.npz')
    with pytest.raises(OSError, match='labels_000000.npz'):
        dataset.get_data_info(0)


def test_a_subject_with_few_sequences_is_counted_although_none_is_in_the_split(small):
    other = small / '20200820-subject-03/20200820_100000'
    other.mkdir(parents=True)
    with pytest.raises(ValueError, match='subject-03. has 1 sequences, expected 100'):
        DexYCBDataset(small, 'test', setup='s3', subjects=(1, 3), cameras=[CAMERA], visibility='inside')
