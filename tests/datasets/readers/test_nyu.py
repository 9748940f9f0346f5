"""NYU: a tree that the studio wrote comes back, and trees that are not NYU, or not whole, are refused."""

import os
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
from scipy.io import loadmat, savemat

from handkd.datasets import NYUDataset
from handkd.datasets.readers.nyu import NYU_EVALUATION, NYU_JOINTS
from handkd.datasets.transforms import HandCrop, PackHandInputs, RandomHandFlip, WarpCrop
from handkd.geometry import project
from handkd.studio.layouts import write_layout

SAMPLES = Path(__file__).parents[3] / '..' / 'shared' / 'samples'
# As other people's programs have them.
GATHER = [32, 28, 27, 25, 24, 22, 21, 19, 18, 16, 15, 13, 12, 10, 9, 7, 6, 4, 3, 1, 0]
EVALUATED = [0, 3, 6, 9, 12, 15, 18, 21, 24, 25, 27, 30, 31, 32]


@pytest.fixture(scope='module')
def written(tmp_path_factory):
    root = tmp_path_factory.mktemp('nyu')
    return root, {truth['img_path']: truth for truth in write_layout('nyu', root, 3)}


@pytest.fixture
def copy(written, tmp_path):
    """The test set, to be spoilt."""
    shutil.copytree(written[0] / 'test', tmp_path / 'test')
    return tmp_path


def change_labels(root, **changes):
    path = root / 'test' / 'joint_data.mat'
    labels = {key: value for key, value in loadmat(path).items() if key[0] != '_'}
    savemat(path, labels | {key: change(labels[key]) for key, change in changes.items()})


def test_joints():
    dataset = NYUDataset
    assert len(NYU_JOINTS) == 36 and list(NYU_EVALUATION) == EVALUATED
    assert NYU_JOINTS[:6] == ('F1_KNU3_A', 'F1_KNU3_B', 'F1_KNU2_A', 'F1_KNU2_B', 'F1_KNU1_A', 'F1_KNU1_B')
    assert NYU_JOINTS[24:] == (
        *('TH_KNU3_A', 'TH_KNU3_B', 'TH_KNU2_A', 'TH_KNU2_B', 'TH_KNU1_A', 'TH_KNU1_B'),
        *('PALM_1', 'PALM_2', 'PALM_3', 'PALM_4', 'PALM_5', 'PALM_6'),
    )
    assert dataset.METAINFO['native_joint_names'] == NYU_JOINTS
    assert list(dataset.METAINFO['native_evaluation']) == EVALUATED


@pytest.mark.parametrize('split', ['train', 'test'])
def test_the_studio_comes_back(written, split):
    root, truths = written
    dataset = NYUDataset(root, split, modalities=('rgb', 'depth'), views=(1, 2, 3))
    known = {path for path, truth in truths.items() if truth['split'] == split}
    assert len(dataset) == len(known) == 9
    for index in range(len(dataset)):
        record = dataset.get_data_info(index)
        path = os.path.relpath(record['img_path'], root)
        known.remove(path)
        truth = truths[path]
        assert os.path.relpath(record['depth_path'], root) == truth['depth_path']
        assert record['img_id'] == index and record['hand_side'] == truth['hand_side'] == 'right'
        np.testing.assert_allclose(record['keypoints_cam'][0, 1:], truth['keypoints_cam'][1:], atol=1e-3)
        np.testing.assert_allclose(record['keypoints'][0, 1:], truth['keypoints'][1:], atol=1e-3)
        np.testing.assert_allclose(record['keypoints_cam_native'][0], truth['joints_36'], atol=1e-3)
        np.testing.assert_array_equal(record['keypoints_cam'][0], record['keypoints_cam_native'][0, GATHER])
        np.testing.assert_array_equal(record['keypoints'][0], record['keypoints_native'][0, GATHER])
        seen = project(record['keypoints_cam_native'], record['camera'])
        np.testing.assert_allclose(record['keypoints_native'], seen, atol=1e-3)
        np.testing.assert_allclose(record['camera']['K'], truth['camera']['K'])
        np.testing.assert_array_equal(record['img'], truth['img'])
        np.testing.assert_allclose(record['depth'], truth['depth'], atol=0.501)
        assert record['depth'].any() and (truth['depth'] == 0).any() and record['keypoints_valid'].all()
    assert not known


def test_views_of_a_frame_belong_together(written):
    root, truths = written
    dataset = NYUDataset(root, 'test', views=(3, 1))
    groups = dataset.view_groups()
    assert groups.shape == (3, 2) and groups.dtype == np.int64
    assert sorted(groups.ravel()) == list(range(len(dataset)))
    for frame, group in enumerate(groups, 1):
        for view, index in zip((3, 1), group):
            truth = truths[os.path.relpath(dataset.get_record(index)['img_path'], root)]
            assert (truth['frame'], truth['view']) == (frame, view)
    assert NYUDataset.PUBLISHED['test'] == 8252 and dataset.PUBLISHED['test'] == 2 * 8252
    # One column a view.
    np.testing.assert_array_equal(NYUDataset(root, 'test').view_groups(), [[0], [1], [2]])


def test_the_two_persons_of_the_test_set(written):
    root = written[0]
    all_of_them = NYUDataset(root, 'test', views=(1, 2))
    first, second = (NYUDataset(root, split, views=(1, 2), subject_boundary=2) for split in ('test_1', 'test_2'))
    assert (len(first), len(second)) == (4, 2)
    for part, start in ((first, 0), (second, 4)):
        for index in range(len(part)):
            a, b = part.get_record(index), all_of_them.get_record(start + index)
            assert a['img_path'] == b['img_path']
            np.testing.assert_array_equal(a['keypoints_cam'], b['keypoints_cam'])
    with pytest.raises(ValueError, match='has 3 frames, but test_2 begins at frame 2440; .*subject_boundary'):
        NYUDataset(root, 'test_2')


def test_roots(copy):
    def move_the_wrist(xyz):
        xyz = xyz.copy()
        xyz[..., 35, :] += (3, 5, 7)
        return xyz

    change_labels(copy, joint_xyz=move_the_wrist)
    near, far = (NYUDataset(copy, 'test', joint0=joint0) for joint0 in ('palm_3', 'palm_6'))
    assert near.metainfo['joint0'] == 'palm_3' and far.metainfo['joint0'] == 'palm_6'
    a, b = near.get_record(0), far.get_record(0)
    np.testing.assert_array_equal(b['keypoints_cam'][0, 0], a['keypoints_cam_native'][0, 35])
    np.testing.assert_array_equal(b['keypoints_cam'][0, 1:], a['keypoints_cam'][0, 1:])
    # The studio puts both points at its wrist.
    np.testing.assert_allclose(b['keypoints_cam'][0, 0] - a['keypoints_cam'][0, 0], (3, -5, 7), atol=1e-3)


def test_rendered_depth_and_another_focal_length(written):
    dataset = NYUDataset(written[0], 'test', modalities=('depth',), depth_source='synthdepth', focal=(588.03, 587.07))
    record = dataset.get_data_info(0)
    assert Path(record['depth_path']).name == 'synthdepth_1_0000001.png' and record['depth'].any()
    np.testing.assert_array_equal(record['camera']['K'], [[588.03, 0, 320], [0, 587.07, 240], [0, 0, 1]])


def test_part_labels(tmp_path):
    truths = {truth['img_path']: truth for truth in write_layout('nyu_parts', tmp_path, 1)}
    for split in ('train', 'test'):
        dataset = NYUDataset(tmp_path, split, modalities=('depth', 'parts'), views=(1, 3))
        for index in range(2):
            record = dataset.get_data_info(index)
            truth = truths[os.path.relpath(record['img_path'], tmp_path)]
            assert record['part_seg'].dtype == np.uint8 and record['part_seg'].any()
            np.testing.assert_array_equal(record['part_seg'], truth['part_seg'])
            assert os.path.relpath(record['parts_path'], tmp_path) == truth['parts_path']
    # Which are the tree's own: the archive has none.
    assert 'parts' not in NYUDataset.offers({}) and 'parts' not in NYUDataset.offers({'modalities': ['depth']})
    assert NYUDataset.offers({'modalities': ['depth', 'parts']}) == ('rgb', 'depth', 'parts')


def test_missing_and_wrong_part_labels(copy):
    dataset = NYUDataset(copy, 'test', modalities=('depth', 'parts'))
    with pytest.raises(
        OSError, match=r"no part labels '.*parts_1_0000001\.png': the archive has none; .*'parts' out of"
    ):
        dataset.get_data_info(0)
    path = copy / 'test' / 'parts_1_0000001.png'
    parts = np.zeros((480, 640), np.uint8)
    parts[5, 6], parts[7, 8] = 20, 255
    cv2.imwrite(str(path), parts)
    record = dataset.get_data_info(0)
    np.testing.assert_array_equal(record['part_seg'], parts)
    parts[5, 6] = 21
    cv2.imwrite(str(path), parts)
    with pytest.raises(OSError, match=r"parts_1_0000001\.png' has value 21, expected 0 to 20 or 255"):
        dataset.get_data_info(0)
    cv2.imwrite(str(path), parts[::2, ::2])
    with pytest.raises(OSError, match=r"parts_1_0000001\.png' has shape \(240, 320\), expected \(480, 640\)"):
        dataset.get_data_info(0)
    cv2.imwrite(str(path), parts.astype(np.uint16))
    with pytest.raises(OSError, match=r"parts_1_0000001\.png' has 1 channel\(s\) of uint16"):
        dataset.get_data_info(0)


def test_own_joints_reach_the_network_with_the_image(written):
    pipeline = [HandCrop('box', factor=1.5), RandomHandFlip(1.0, 0.0), WarpCrop(64), PackHandInputs(('depth',))]
    dataset = NYUDataset(written[0], 'test')
    packed = dataset.get_data_info(1)
    for step in pipeline:
        packed = step(packed)
    packed = packed['data_samples']
    labels, record = packed.gt_instances, dataset.get_record(1)
    assert packed.hand_side == 'left'
    np.testing.assert_allclose(project(labels.keypoints_cam_native, packed.camera), labels.keypoints_native, atol=1e-3)
    np.testing.assert_allclose(labels.keypoints_native[0, GATHER], labels.keypoints[0], atol=1e-4)
    # A mirrored hand has the bones of the hand.
    bones = [
        np.linalg.norm(np.diff(j[0], axis=0), axis=1)
        for j in (labels.keypoints_cam_native, record['keypoints_cam_native'])
    ]
    np.testing.assert_allclose(bones[0], bones[1], atol=1e-3)


@pytest.mark.skipif(not SAMPLES.is_dir(), reason='no frame of NYU here')
def test_real_frame(tmp_path):
    """The official first test frame, with the 14 joints that are published of it."""
    folder = tmp_path / 'test'
    folder.mkdir()
    for name in ('rgb', 'depth'):
        shutil.copy(SAMPLES / 'nyu' / f'{name}_1_0000001.png', folder)
    uvd, xyz = np.ones((3, 1, 36, 3)), np.ones((3, 1, 36, 3))
    with open(SAMPLES / 'nyu_predictions' / 'groundtruth_uvd.txt') as file:
        uvd[0, 0, EVALUATED] = np.array(file.readline().split(), float).reshape(14, 3)
    u, v, d = np.moveaxis(uvd, -1, 0)
    xyz[..., 0], xyz[..., 1], xyz[..., 2] = (u - 320) * d / 588.036865, (240 - v) * d / 587.075073, d
    names = np.array([[name] for name in NYU_JOINTS], object)
    savemat(folder / 'joint_data.mat', dict(joint_names=names.T, joint_uvd=uvd, joint_xyz=xyz))
    record = NYUDataset(tmp_path, 'test', modalities=('rgb', 'depth')).get_data_info(0)
    assert record['img'].shape == (480, 640, 3) and record['depth'].shape == (480, 640)
    joints = record['keypoints_cam_native'][0, EVALUATED]
    pixels = record['keypoints_native'][0, EVALUATED]
    np.testing.assert_allclose(project(joints, record['camera']), pixels, atol=1e-2)
    # The labels are joints of a model inside the hand: the skin is 0 to 45 mm nearer. A swapped byte would be far off.
    u, v = np.rint(pixels).astype(int).T
    seen = record['depth'][v, u]
    assert (seen > 0).sum() >= 12
    gap = (joints[:, 2] - seen)[seen > 0]
    assert np.median(gap) == pytest.approx(15, abs=15) and (np.abs(gap) < 60).mean() > 0.9
    assert (record['depth'] == 0).any() and record['depth'].max() != 2001
    # Colour is where depth is.
    assert record['img'][record['depth'] > 0].any(-1).mean() > 0.9


def test_wrong_roots(copy, tmp_path, written):
    with pytest.raises(FileNotFoundError, match=r"expects 'train/joint_data\.mat' there; the folder is incomplete"):
        NYUDataset(copy, 'train')
    (tmp_path / 'b' / 'empty').mkdir(parents=True)
    with pytest.raises(FileNotFoundError, match='the folder is empty'):
        NYUDataset(tmp_path / 'b' / 'empty', 'test')
    with pytest.raises(FileNotFoundError, match="'.*test_wrong_roots.*' looks like the root of NYUDataset"):
        NYUDataset(copy / 'test', 'test')
    other = tmp_path / 'b' / 'rhd' / 'training'
    other.mkdir(parents=True)
    (other / 'anno_training.pickle').touch()
    with pytest.raises(FileNotFoundError, match='the folder looks like the root of RHDDataset'):
        NYUDataset(other.parent, 'test')


@pytest.mark.parametrize(
    ('settings', 'said'),
    [
        (dict(split='test1'), "there is no 'test1'; did you mean 'test_1'"),
        (dict(split='test', depth_source='synth'), "there is no 'synth'; did you mean 'synthdepth'"),
        (dict(split='test', joint0='palm3'), "there is no 'palm3'; did you mean 'palm_3'"),
        (dict(split='test', side='rihgt'), "did you mean 'right'"),
        (dict(split='test', modalities=('mask',)), "there is no 'mask'"),
        (dict(split='test', views=(0,)), r'views=...\) must be some of 1, 2, 3, found \(0,\)'),
        (dict(split='test', views=(1, 1)), r'found \(1, 1\)'),
        (dict(split='test', subject_boundary=0), 'must be at least 1, found 0'),
    ],
)
def test_wrong_settings(written, settings, said):
    with pytest.raises(ValueError, match=said):
        NYUDataset(written[0], **settings)


def beyond_float32(values):
    values = values.astype(np.float64)
    values[0, 1, 32, 0] = 1e39
    return values


def without_a_number(values):
    values = values.copy()
    values[0, 1, 32, 1] = np.nan
    return values


@pytest.mark.parametrize(
    ('changes', 'said'),
    [
        (dict(joint_xyz=without_a_number), r"joint_data\.mat': frame 2, joint 'PALM_3' is \[.*nan.*\].*1 of 3 frames"),
        (dict(joint_uvd=without_a_number), r"joint_data\.mat': frame 2, joint 'PALM_3' is \[.*nan\]"),
        (dict(joint_xyz=beyond_float32), r"frame 2, joint 'PALM_3' is \[1e\+39, .*no finite number up to 1e\+06"),
        (dict(joint_uvd=beyond_float32), r"frame 2, joint 'PALM_3' is \[1e\+39, .*no finite number up to 1e\+06"),
        (dict(joint_names=lambda names: names[:, ::-1]), "'joint_names' must be .*found .'PALM_6', 'PALM_5'"),
        (dict(joint_uvd=lambda uvd: uvd[:, :2]), r'must have shape \(3, N, 36, 3\), found \(3, 2, 36, 3\) and'),
        (
            dict(joint_uvd=lambda uvd: uvd[:, :2], joint_xyz=lambda xyz: xyz[:, :2]),
            r"test' has 3 images depth_1_\*\.png, but .* has labels for 2",
        ),
    ],
)
def test_wrong_labels(copy, changes, said):
    change_labels(copy, **changes)
    with pytest.raises(ValueError, match=said):
        NYUDataset(copy, 'test')


def test_wrong_label_files(copy):
    path = copy / 'test' / 'joint_data.mat'
    whole = path.read_bytes()
    path.write_bytes(whole[:2000])
    with pytest.raises(ValueError, match=r"joint_data\.mat' was not read"):
        NYUDataset(copy, 'test')
    path.write_bytes(b'MATLAB 7.3 MAT-file, Platform: GLNXA64'.ljust(124) + b'\x00\x02IM' + b'\x89HDF')
    with pytest.raises(ValueError, match='is a MATLAB file of version 7.3, .*-v7'):
        NYUDataset(copy, 'test')
    savemat(path, {'handPara': np.zeros((3, 21, 3))})
    with pytest.raises(ValueError, match="lacks the variable 'joint_names'"):
        NYUDataset(copy, 'test')


def test_missing_and_damaged_images(copy):
    dataset = NYUDataset(copy, 'test', modalities=('rgb', 'depth'))
    for name in ('rgb', 'depth'):
        path = copy / 'test' / f'{name}_1_0000002.png'
        whole = path.read_bytes()
        path.write_bytes(whole[: len(whole) // 2])
        with pytest.raises(OSError, match=rf'{name}_1_0000002\.png.* is cut off'):
            dataset.get_data_info(1)
        path.write_bytes(whole)
    depth = copy / 'test' / 'depth_1_0000003.png'
    whole = depth.read_bytes()
    cv2.imwrite(str(depth), np.ascontiguousarray(cv2.imread(str(depth))[..., ::-1]))
    with pytest.raises(OSError, match='red and blue were swapped'):
        dataset.get_data_info(2)
    depth.write_bytes(whole)
    (copy / 'test' / 'rgb_1_0000001.png').unlink()
    with pytest.raises(ValueError, match=r'has 2 images rgb_1_\*\.png, but .* has labels for 3'):
        NYUDataset(copy, 'test', modalities=('rgb', 'depth'))
    assert len(NYUDataset(copy, 'test')) == 3  # depth alone is whole
