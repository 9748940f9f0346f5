"""A user's own data: a tree that the studio wrote comes back, every key does what it says, and errors name the line."""

import json
import os

import cv2
import numpy as np
import pytest
from PIL import Image

from handkd.datasets import HandFolderDataset
from handkd.datasets.transforms import HandCrop, PackHandInputs, WarpCrop
from handkd.geometry import project
from handkd.hand import JOINTS
from handkd.studio.layouts import write_layout

ALL = ('rgb', 'depth', 'mask', 'parts')
SIZE = (48, 32)
INTRINSICS = [[50.0, 0.0, 24.0], [0.0, 55.0, 16.0], [0.0, 0.0, 1.0]]
POINTS = [[-20.0 + 2 * j, 10.0 - j, 400.0 + 20 * (j % 2)] for j in range(21)]


@pytest.fixture(scope='module')
def written(tmp_path_factory):
    root = tmp_path_factory.mktemp('folder')
    return root, {truth['img_path']: truth for truth in write_layout('folder', root, 6)}


@pytest.fixture
def tiny(tmp_path):
    """Return a function that writes lines (or changes of one good line) and opens the set."""
    cv2.imwrite(str(tmp_path / 'a.png'), np.full((*SIZE[::-1], 3), 77, np.uint8))
    cv2.imwrite(str(tmp_path / 'a_depth.png'), np.full(SIZE[::-1], 1600, np.uint16))
    cv2.imwrite(str(tmp_path / 'a_mask.png'), np.eye(*SIZE[::-1], dtype=np.uint8) * 9)
    cv2.imwrite(str(tmp_path / 'a_parts.png'), np.tile(np.array([0, 7, 20, 255], np.uint8), (32, 12)))

    def open_set(*changes, description=None, modalities=('rgb',), **settings):
        lines = []
        for change in changes or ({},):
            line = dict(image='a.png', joints_3d=POINTS, K=INTRINSICS, side='left')
            line.update(change)
            lines.append(json.dumps({key: value for key, value in line.items() if value is not Ellipsis}))
        (tmp_path / 'train.jsonl').write_text('\n'.join(lines))
        if description is not None:
            (tmp_path / 'dataset.json').write_text(json.dumps(description))
        return HandFolderDataset(tmp_path, 'train', modalities=modalities, **settings)

    return open_set


@pytest.mark.parametrize('split', ['train', 'val', 'test'])
def test_the_studio_comes_back(written, split):
    root, truths = written
    dataset = HandFolderDataset(root, split, modalities=ALL)
    assert dataset.metainfo == {'dataset_name': 'studio_folder', 'joint_names': JOINTS}
    known = {path for path, truth in truths.items() if truth['split'] == split}
    assert len(dataset) == len(known) == 6
    for index in range(len(dataset)):
        record = dataset.get_data_info(index)
        path = os.path.relpath(record['img_path'], root)
        known.remove(path)
        truth = truths[path]
        assert record['img_id'] == index and record['hand_side'] == truth['hand_side']
        valid = truth['keypoints_valid'] > 0
        np.testing.assert_array_equal(record['keypoints_valid'][0] > 0, valid)
        np.testing.assert_allclose(record['keypoints_cam'][0, valid], truth['keypoints_cam'][valid], atol=1e-3)
        np.testing.assert_allclose(record['keypoints'][0, valid], truth['keypoints'][valid], atol=2e-3)
        assert record['camera'].keys() == truth['camera'].keys()
        for key, value in record['camera'].items():
            np.testing.assert_allclose(value, truth['camera'][key], atol=1e-9)
        for key in ('img', 'hand_mask', 'part_seg'):
            np.testing.assert_array_equal(record[key], truth[key])
        np.testing.assert_allclose(record['depth'], truth['depth'], atol=0.126)  # a count is 0.25 mm
    assert not known


def test_some_samples_of_the_studio_lack_joints(written):
    assert any(not truth['keypoints_valid'].all() for truth in written[1].values())


def test_a_plain_line(tiny):
    record = tiny().get_data_info(0)
    np.testing.assert_array_equal(record['keypoints_cam'][0], np.float32(POINTS))
    np.testing.assert_allclose(record['keypoints'][0], project(POINTS, {'K': INTRINSICS}), rtol=1e-6)
    assert record['camera'].keys() == {'K'} and record['hand_side'] == 'left' and record['img_shape'] == SIZE[::-1]
    assert (record['img'] == 77).all() and 'depth_path' not in record and record['keypoints_visible'].all()
    assert tiny().metainfo['dataset_name'] == tiny().data_root.name


def test_joints_in_the_users_order(tiny):
    names = ['index_tip', 'wrist', 'little_pip']
    record = tiny(
        dict(joints_3d=[[1, 2, 300], None, [4, 5, 600]], visible=[1, 1, 0], joints_2d=[[10, 11], None, None]),
        description=dict(joint_names=names, x_mine=1),
    ).get_record(0)
    labelled = [JOINTS.index('index_tip'), JOINTS.index('little_pip')]
    np.testing.assert_array_equal(np.flatnonzero(record['keypoints_valid'][0]), labelled)
    np.testing.assert_array_equal(np.flatnonzero(record['keypoints_visible'][0]), labelled[:1])
    np.testing.assert_array_equal(record['keypoints_cam'][0, labelled], [[1, 2, 300], [4, 5, 600]])
    # Labelled in 2D, and projected where there is only a 3D label.
    flat = project([4, 5, 600], record['camera'])
    np.testing.assert_allclose(record['keypoints'][0, labelled], [[10, 11], flat], rtol=1e-6)
    assert not record['keypoints_cam'][0, 0].any()


def test_two_dimensional_labels_alone(tiny):
    points = [[j, 2 * j] for j in range(20)] + [None]
    dataset = tiny(dict(joints_3d=..., K=..., joints_2d=points), dict(joints_3d=..., joints_2d=points))
    record = dataset.get_data_info(0)
    assert 'keypoints_cam' not in record and 'camera' not in record
    np.testing.assert_array_equal(record['keypoints'][0, :20], points[:20])
    assert record['keypoints_valid'].sum() == 20 and record['keypoints_visible'].sum() == 16  # 32 rows
    np.testing.assert_array_equal(dataset.get_record(1)['camera']['K'], INTRINSICS)
    for step in (HandCrop('box'), WarpCrop(16), PackHandInputs()):
        record = step(record)
    assert 'keypoints_cam' not in record['data_samples'].gt_instances


def test_depth_alone_and_its_unit(tiny):
    record = tiny(
        dict(image=..., depth='a_depth.png'), description=dict(depth_unit_mm=0.25), modalities=('depth',)
    ).get_data_info(0)
    assert (record['depth'] == 400).all() and record['depth'].dtype == np.float32
    assert 'img' not in record and 'img_path' not in record and record['img_shape'] == SIZE[::-1]


def test_masks_and_parts(tiny):
    files = dict(mask='a_mask.png', parts='a_parts.png')
    record = tiny(files, modalities=('mask', 'parts')).get_data_info(0)
    np.testing.assert_array_equal(record['hand_mask'], np.eye(*SIZE[::-1], dtype=bool))
    np.testing.assert_array_equal(record['part_seg'][3, :5], [0, 7, 20, 255, 0])
    own = {'0': 0, '7': 3, '20': 255, '255': 1}
    record = tiny(files, description=dict(parts=own), modalities=('parts',)).get_data_info(0)
    np.testing.assert_array_equal(record['part_seg'][3, :5], [0, 3, 255, 1, 0])
    dataset = tiny(files, description=dict(parts={'0': 0, '7': 3}), modalities=('parts',))
    with pytest.raises(OSError, match=r"a_parts\.png' has value 20, expected those of 'parts' in dataset\.json"):
        dataset.get_data_info(0)


def test_part_numbers_that_do_not_exist(tiny):
    dataset = tiny(dict(parts='a_mask.png'), modalities=('parts',))
    cv2.imwrite(str(dataset.data_root / 'a_mask.png'), np.full(SIZE[::-1], 21, np.uint8))
    with pytest.raises(OSError, match=r"a_mask\.png' has value 21, expected 0 to 20 or 255"):
        dataset.get_data_info(0)


def test_camera_and_box(tiny):
    turn = [[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]
    lens = [0.1, -0.05, 0.001, 0.002, 0.0]
    record = tiny(dict(R=turn, T=[1, 2, 3], dist=lens, box=[1, 2, 30, 20], x_subject='me', id='mine')).get_record(0)
    np.testing.assert_array_equal(record['bbox'], [[1, 2, 30, 20]])
    np.testing.assert_array_equal(record['camera']['R'], turn)
    np.testing.assert_array_equal(record['camera']['T'], [1, 2, 3])
    seen = project(POINTS, dict(K=np.array(INTRINSICS), dist=np.array(lens)))
    np.testing.assert_allclose(record['keypoints'][0], seen, rtol=1e-6)


@pytest.mark.parametrize('orientation', range(1, 9))
def test_a_photograph_gives_the_same_crop_however_it_is_stored(tiny, tmp_path, photograph, orientation):
    upright = cv2.GaussianBlur(np.random.default_rng(0).integers(0, 256, (32, 48, 3), dtype=np.uint8), (0, 0), 2)
    cv2.imwrite(str(tmp_path / 'upright.png'), upright)
    turned = photograph(upright, tmp_path, orientation).name
    dataset = tiny(dict(image='upright.png'), dict(image=turned))
    crop, warp = HandCrop('square', 1.5), WarpCrop(32)
    expected, found = (warp(crop(dataset.get_data_info(index))) for index in (0, 1))
    assert dataset.get_record(1)['img_shape'] == (32, 48)
    np.testing.assert_array_equal(found['keypoints'], expected['keypoints'])
    difference = np.abs(found['img'].astype(int) - expected['img'])
    assert difference.mean() < 2 if turned.endswith(('jpg', 'mpo')) else difference.max() == 0


def test_depth_lies_as_it_is_stored(tiny, tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(np.full(SIZE[::-1], 1600, np.uint16)).save(tmp_path / 'turned.png', exif=exif)
    record = tiny(dict(image=..., depth='turned.png'), modalities=('depth',)).get_data_info(0)
    assert record['depth'].shape == record['img_shape'] == SIZE[::-1]


@pytest.mark.parametrize(
    ('change', 'said'),
    [
        (dict(imgae='a.png'), "unknown key 'imgae'; did you mean 'image'"),
        (dict(side='lefft'), r"'side' must be one of \('left', 'right'\), found 'lefft'"),
        (dict(side=...), "'side' must be .* found 'nothing'"),
        (dict(image=...), "'image' or 'depth' is needed, found neither"),
        (dict(image=3), "'image' must be a file's path, found 3"),
        (dict(K=..., joints_3d=..., center=[0, 0, 300]), "'center' needs 'K' in the same line"),
        (dict(K=...), "'joints_3d' needs 'K' in the same line"),
        (dict(R=np.eye(3).tolist()), "'R' needs 'T' in the same line"),
        (dict(joints_3d=POINTS[:20]), r"'joints_3d' must be 21 x 3 numbers up to 1e.06, found shape \(20, 3\)"),
        (dict(joints_3d=[[1, 2]] * 21), r"'joints_3d' must be 21 x 3 numbers up to 1e.06, found shape \(21, 2\)"),
        (dict(joints_3d=[[1, None, 300], *POINTS[1:]]), "'joints_3d' must be 21 x 3 numbers"),
        (dict(joints_3d=[['1', '2', '3']] * 21), "'joints_3d' must be 21 x 3 numbers"),
        (dict(joints_3d=7), "'joints_3d' must be 21 x 3 numbers up to 1e.06, found 7"),
        (dict(joints_3d=[[0, 0, float('nan')], *POINTS[1:]]), 'NaN is not a JSON number; write null'),
        (dict(joints_3d=[*POINTS[:4], [1, 2, -3], *POINTS[5:]]), "'joints_3d': thumb_tip must be in front"),
        (dict(joints_3d=[None, *POINTS[1:]], joints_2d=[[1, 2]] * 21), "wrist has a label in 'joints_2d' and null in"),
        (dict(visible=[0.5] * 21), "'visible' must be 0 or 1 for each joint"),
        (dict(visible=['yes'] * 21), "'visible' must be 21 numbers"),
        (dict(visible=[1] * 20), r"'visible' must be 21 numbers up to 1e.06, found shape \(20,\)"),
        (dict(K=np.transpose(INTRINSICS).tolist()), "last row of 'K' must be 0 0 1, found .*rows, not columns"),
        (dict(K=[[-5, 0, 1], [0, 5, 1], [0, 0, 1]]), "focal lengths in 'K' must be above 0"),
        (dict(R=(2 * np.eye(3)).tolist(), T=[0, 0, 0]), "'R' must be a rotation"),
        (dict(R=np.diag([1, 1, -1]).tolist(), T=[0, 0, 0]), "'R' must be a rotation"),
        (dict(dist=[0, 0, 0, 0]), "'dist' must be 5 numbers"),
        (dict(joints_3d=[[0, 0, 1e39], *POINTS[1:]]), "'joints_3d' must be 21 x 3 numbers up to 1e.06"),
        (dict(joints_3d=[[0, 0, 10**400], *POINTS[1:]]), "'joints_3d' must be 21 x 3 numbers up to 1e.06"),
        (dict(joints_3d=[[0, -(2**63), 500], *POINTS[1:]]), "'joints_3d' must be 21 x 3 numbers up to 1e.06"),
        (dict(joints_3d=..., joints_2d=[[1e13, 0]] * 21), "'joints_2d' must be 21 x 2 numbers up to 1e.06"),
        (dict(K=[[1e39, 0, 1], [0, 5, 1], [0, 0, 1]]), "'K' must be 3 x 3 numbers up to 1e.06"),
        (dict(R=np.zeros((3, 3)).tolist(), T=[0, 0, 0]), "'R' must be a rotation"),
        (
            dict(image='../a.png'),
            "'image' must be inside the folder .* found '../a.png': .*allow_outside=True",
        ),
        (dict(image='b/../../a.png'), "'image' must be inside the folder"),
        (dict(image='/etc/a.png'), "'image' must be inside the folder"),
        (dict(depth='../a_depth.png'), "'depth' must be inside the folder"),
        (dict(mask='/a_mask.png'), "'mask' must be inside the folder"),
        (dict(parts='..'), "'parts' must be inside the folder"),
        (dict(box=[5, 5, 5, 9]), "'box' must be x1 y1 x2 y2 with x1 < x2"),
    ],
)
def test_a_wrong_line(tiny, change, said):
    with pytest.raises(ValueError, match=rf'train\.jsonl:2 \(id .b.\): .*{said}|train\.jsonl:2: .*{said}'):
        tiny(dict(id='a'), dict(id='b', **change))


@pytest.mark.parametrize(
    ('description', 'said'),
    [
        (dict(nmae='a'), "unknown key 'nmae'; did you mean 'name'"),
        (dict(name=3), "'name' must be text, found 3"),
        (dict(joint_names=['wrist', 'thumb_tp']), "unknown joint 'thumb_tp'; did you mean 'thumb_tip'"),
        (dict(joint_names=['wrist', 'wrist']), 'must be a list of different names'),
        (dict(depth_unit_mm=0), "'depth_unit_mm' must be a number above 0, up to 1e.06, found 0"),
        (dict(depth_unit_mm='1'), "'depth_unit_mm' must be a number above 0, up to 1e.06, found '1'"),
        (dict(depth_unit_mm=10**400), "'depth_unit_mm' must be a number above 0"),
        (dict(depth_unit_mm=-1.0), "'depth_unit_mm' must be a number above 0"),
        (dict(depth_unit_mm=float('nan')), 'NaN is not a JSON number'),
        (dict(parts={'1': [1]}), r"found '1': \[1\]"),
        (dict(parts={'9' * 5000: 1}), "'parts' must map values 0 to 255"),
        (dict(parts={'1': 21}), "found '1': 21"),
        (dict(parts=[1]), "'parts' must be an object"),
    ],
)
def test_a_wrong_description(tiny, description, said):
    with pytest.raises(ValueError, match=rf'dataset\.json: .*{said}'):
        tiny(description=description)


def test_a_unit_that_becomes_infinite(tiny):
    root = tiny().data_root
    (root / 'dataset.json').write_text('{"depth_unit_mm": 1e999}')
    with pytest.raises(ValueError, match=r"dataset\.json: 'depth_unit_mm' must be a number above 0.* found inf"):
        HandFolderDataset(root, 'train')


def test_paths_may_leave_the_folder_where_that_is_allowed(tiny, tmp_path):
    root = tiny().data_root
    inner = root / 'inner'
    inner.mkdir()
    (inner / 'link.png').symlink_to(root / 'a.png')  # the user's own
    line = dict(joints_3d=POINTS, K=INTRINSICS, side='left')
    paths = ('../a.png', str(root / 'a.png'), 'link.png', 'x/../link.png', '..a/../link.png')
    (inner / 'out.jsonl').write_text('\n'.join(json.dumps(dict(line, image=path)) for path in paths))
    dataset = HandFolderDataset(inner, 'out', allow_outside=True)
    assert all(dataset[index]['img'].max() == 77 for index in range(3))
    with pytest.raises(ValueError, match='out.jsonl:1: .*allow_outside'):
        HandFolderDataset(inner, 'out')
    (inner / 'in.jsonl').write_text('\n'.join(json.dumps(dict(line, image=path)) for path in paths[2:]))
    assert len(HandFolderDataset(inner, 'in')) == 3


def test_paths_that_are_none(tiny):
    for path in ('a\0b.png', '\ud800.png'):
        dataset = tiny(dict(image=path))
        with pytest.raises(OSError, match='can not be opened'):
            dataset[0]


def test_what_is_no_json(tiny):
    root = tiny().data_root
    for text, said in (('{"image": }', 'not valid JSON'), ('[1]', 'expected a JSON object .*found list')):
        (root / 'train.jsonl').write_text(f'\n{text}\n')
        with pytest.raises(ValueError, match=rf'train\.jsonl:2: {said}'):
            HandFolderDataset(root, 'train')
    (root / 'train.jsonl').write_text(' \n')
    with pytest.raises(ValueError, match=r"train\.jsonl' has no labels"):
        HandFolderDataset(root, 'train')


def test_modalities_need_their_files(tiny):
    with pytest.raises(ValueError, match=r"train\.jsonl:2: 'depth' is needed for the requested modalities"):
        tiny(dict(depth='a_depth.png'), {}, modalities=('rgb', 'depth'))


def test_lines_are_checked_again_where_something_else_is_asked_of_them(tiny):
    root = tiny().data_root
    with pytest.raises(ValueError, match="'depth' is needed"):
        HandFolderDataset(root, 'train', modalities=('rgb', 'depth'))
    (root / 'dataset.json').write_text(json.dumps(dict(joint_names=['wrist'])))
    with pytest.raises(ValueError, match="'joints_3d' must be 1 x 3 numbers"):
        HandFolderDataset(root, 'train')


def test_wrong_roots_and_splits(tiny, tmp_path):
    root = tiny().data_root
    with pytest.raises(ValueError, match="there is no 'trian'; did you mean 'train'"):
        HandFolderDataset(root, 'trian')
    (tmp_path / 'b' / 'empty').mkdir(parents=True)
    with pytest.raises(FileNotFoundError, match=r"expects 'train\.jsonl' there; the folder is empty"):
        HandFolderDataset(tmp_path / 'b' / 'empty', 'train')
    other = tmp_path / 'b' / 'rhd' / 'training'
    other.mkdir(parents=True)
    (other / 'anno_training.pickle').touch()
    with pytest.raises(FileNotFoundError, match='the folder looks like the root of RHDDataset'):
        HandFolderDataset(other.parent, 'train')
    with pytest.raises(FileNotFoundError, match='there is no such folder'):
        HandFolderDataset(tmp_path / 'c', 'train')


def test_missing_and_damaged_images(tiny):
    dataset = tiny(dict(image='gone.png'), dict(image='cut.png'), dict(depth='small.png'), modalities=('rgb',))
    root = dataset.data_root
    with pytest.raises(FileNotFoundError, match=r'gone\.png.*correct its path .*the entry of its labels'):
        dataset.get_data_info(0)
    whole = (root / 'a.png').read_bytes()
    (root / 'cut.png').write_bytes(whole[:-20])
    with pytest.raises(OSError, match=r'cut\.png.* is cut off'):
        dataset.get_data_info(1)
    (root / 'cut.png').write_bytes(b'text')
    with pytest.raises(OSError, match=r'cut\.png.* is damaged, or no image'):
        dataset.get_data_info(1)
    cv2.imwrite(str(root / 'small.png'), np.ones((8, 8), np.uint16))
    dataset = tiny(dict(depth='small.png'), modalities=('rgb', 'depth'))
    with pytest.raises(OSError, match=r"small\.png' has shape \(8, 8\), expected \(32, 48\)"):
        dataset.get_data_info(0)
