"""STB: a tree that the studio wrote comes back, and trees that are not STB, or not whole, are refused."""

import shutil

import cv2
import numpy as np
import pytest
from scipy.io import loadmat, savemat

from handkd.datasets import STBDataset
from handkd.geometry import project, unproject
from handkd.hand import JOINT_INDEX
from handkd.studio.layouts import write_layout

# Z&B's and others' table of STB's order, as indices.
GATHER = [0, 17, 18, 19, 20, 13, 14, 15, 16, 9, 10, 11, 12, 5, 6, 7, 8, 1, 2, 3, 4]
R_PUBLISHED = [[0.999924, -0.003042, -0.011952], [0.002978, 0.999981, -0.005328], [0.011968, 0.005292, 0.999914]]
T_PUBLISHED = np.array([-24.0381, -0.4563, -1.2326])


@pytest.fixture(scope='module')
def written(tmp_path_factory):
    root = tmp_path_factory.mktemp('stb')
    return root, {truth['img_path']: truth for truth in write_layout('stb', root, 1)}


@pytest.fixture
def copy(written, tmp_path):
    """The two test sequences, to be spoilt."""
    (tmp_path / 'labels').mkdir()
    for name in ('B1Counting', 'B1Random'):
        shutil.copytree(written[0] / 'images' / name, tmp_path / 'images' / name)
        for device in ('SK', 'BB'):
            shutil.copy(written[0] / 'labels' / f'{name}_{device}.mat', tmp_path / 'labels')
    return tmp_path


def samples(dataset, written):
    """Pairs of a sample as loaded and its truth."""
    root, truths = written
    for i in range(len(dataset)):
        record = dataset.get_data_info(i)
        yield record, truths[record['img_path'].removeprefix(f'{root}/')]


@pytest.mark.parametrize('split', ['train', 'test'])
@pytest.mark.parametrize('camera', ['SK_color', 'BB'])
def test_the_studio_comes_back(written, split, camera):
    dataset = STBDataset(written[0], split, camera=camera)
    known = {path for path, truth in written[1].items() if truth['split'] == split and camera[:2] in path}
    assert len(dataset) == len(known) > 1
    for record, truth in samples(dataset, written):
        known.remove(truth['img_path'])
        np.testing.assert_allclose(record['keypoints_cam'][0, 1:], truth['keypoints_cam'][1:], atol=0.02)
        np.testing.assert_allclose(record['keypoints'][0, 1:], truth['keypoints'][1:], atol=0.05)
        np.testing.assert_allclose(record['keypoints_cam'][0, 0], truth['palm'], atol=0.02)
        np.testing.assert_array_equal(record['img'], truth['img'])
        np.testing.assert_allclose(record['camera']['K'], truth['camera']['K'])
        assert record['hand_side'] == truth['hand_side'] == 'left' and record['keypoints_valid'].all()
    assert not known


def test_depth_frame(written):
    dataset = STBDataset(written[0], 'test', modalities=('depth', 'rgb'), camera='SK_depth')
    for record, truth in samples(dataset, written):
        np.testing.assert_allclose(record['keypoints_cam'][0, 1:], truth['keypoints_depth_cam'][1:], atol=0.02)
        np.testing.assert_allclose(record['camera']['K'], truth['depth_camera']['K'])
        np.testing.assert_allclose(record['depth'], truth['depth'], atol=0.501)
        assert record['depth'].dtype == np.float32 and record['depth'].any()
        # A pixel of the depth map has the colour that the colour camera saw at its point.
        assert not record['img'][record['depth'] == 0].any()
        v, u = np.argwhere(record['depth'] > 0)[::997].T
        seen = to_color(unproject(np.stack([u, v], -1), record['depth'][v, u], truth['depth_camera']))
        at = project(seen, truth['camera']).astype(np.float32)
        expected = cv2.remap(truth['img'], at[:, None, 0], at[:, None, 1], cv2.INTER_LINEAR)[:, 0]
        assert np.abs(record['img'][v, u].astype(int) - expected).max() <= 4


def to_color(points):
    return (points - T_PUBLISHED) @ np.array(R_PUBLISHED)  # row vectors: R^T (x - t)


def test_depth_comes_into_the_colour_view(written):
    dataset = STBDataset(written[0], 'test', modalities=('rgb', 'depth'))
    for record, truth in samples(dataset, written):
        v, u = np.argwhere(record['depth'] > 0)[::17].T
        points = unproject(np.stack([u, v], -1), record['depth'][v, u], truth['camera'])
        back = points @ np.array(R_PUBLISHED).T + T_PUBLISHED
        at = np.rint(project(back, truth['depth_camera'])).astype(int)
        error = np.abs(truth['depth'][at[:, 1], at[:, 0]] - back[:, 2])
        assert len(error) > 200 and np.median(error) < 1.5 and (error < 8).mean() > 0.95
        hand = truth['hand_mask'] & (cv2.erode(truth['hand_mask'].astype(np.uint8), np.ones((7, 7))) > 0)
        assert (record['depth'][hand] > 0).mean() > 0.9


def test_joint_order_and_cameras_are_the_published_ones(written):
    dataset = STBDataset(written[0], 'test', camera='SK_depth')
    raw = loadmat(written[0] / 'labels' / 'B1Counting_SK.mat')['handPara'].transpose(2, 1, 0)
    np.testing.assert_allclose(dataset.get_record(0)['keypoints_cam'][0], raw[0][GATHER], rtol=1e-6)
    color = STBDataset(written[0], 'test').get_record(0)
    np.testing.assert_allclose(color['keypoints_cam'][0], to_color(raw[0][GATHER]), atol=2e-3)
    np.testing.assert_allclose(color['camera']['R'], np.transpose(R_PUBLISHED), atol=1e-6)
    world = (color['keypoints_cam'][0] - color['camera']['T']) @ color['camera']['R']
    np.testing.assert_allclose(world, raw[0][GATHER], atol=1e-3)


def test_the_stereo_pair(written):
    dataset = STBDataset(written[0], 'test', camera='BB')
    groups = dataset.view_groups()
    assert groups.shape == (len(dataset) // 2, 2) and sorted(groups.ravel()) == list(range(len(dataset)))
    for left, right in groups:
        one, other = dataset.get_record(left), dataset.get_record(right)
        assert one['img_path'].replace('BB_left', 'BB_right') == other['img_path']
        shift = one['keypoints_cam'] - other['keypoints_cam']
        np.testing.assert_allclose(shift, np.broadcast_to([120.054, 0, 0], shift.shape), atol=1e-3)
        np.testing.assert_allclose(other['camera']['T'], [-120.054, 0, 0])
    alone = STBDataset(written[0], 'test', camera='BB_right')
    np.testing.assert_array_equal(alone.get_record(1)['keypoints'], dataset.get_record(groups[1, 1])['keypoints'])


@pytest.mark.parametrize(
    ('rule', 'fingers', 'factor'),
    [
        ('wrist_ring2.0', ['ring'], 2.0),
        ('wrist_middle2.2', ['middle'], 2.2),
        ('wrist_mean2.25', ['index', 'middle', 'ring', 'little'], 2.25),
    ],
)
def test_wrists_made_of_the_palm(written, rule, fingers, factor):
    palm = STBDataset(written[0], 'test')
    wrist = STBDataset(written[0], 'test', joint0=rule)
    before, after = (dataset.get_record(0)['keypoints_cam'][0].astype(float) for dataset in (palm, wrist))
    base = np.mean([before[JOINT_INDEX[f'{finger}_mcp']] for finger in fingers], 0)
    np.testing.assert_allclose(after[0], base + factor * (before[0] - base), atol=1e-3)
    np.testing.assert_allclose(after[1:], before[1:], atol=1e-4)
    assert palm.metainfo['joint0'] == 'palm' and wrist.metainfo['joint0'] == rule
    if rule == 'wrist_ring2.0':  # the studio's own, of which its palm was made
        truth = written[1][palm.get_record(0)['img_path'].removeprefix(f'{written[0]}/')]
        np.testing.assert_allclose(after[0], truth['keypoints_cam'][0], atol=0.06)


def test_other_sequences_and_published_numbers(written):
    dataset = STBDataset(written[0], 'test', sequences=('B2Counting', 'B2Random', 'B4Random'), camera='BB')
    assert len(dataset) == 6 and dataset.PUBLISHED == {'test': 9000}
    assert '/B4Random/BB_right_0.png' in dataset.get_record(5)['img_path']
    assert STBDataset(written[0], 'train').PUBLISHED == {'train': 15000}
    with pytest.raises(ValueError, match='B2Countin.*B2Counting'):
        STBDataset(written[0], 'test', sequences=('B2Countin',))


def test_images_in_a_folder_of_their_own(copy):
    (copy / 'images/B1Counting').rename(copy / 'images/inner')
    (copy / 'images/B1Counting').mkdir()
    (copy / 'images/inner').rename(copy / 'images/B1Counting/B1Counting')
    dataset = STBDataset(copy, 'test', modalities=('rgb', 'depth'))
    assert dataset.get_data_info(0)['img'].shape == (480, 640, 3)


# --- bad input -------------------------------------------------------------------------------------------------------


def test_wrong_folders_are_told(written, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"STBDataset.*expects 'labels/B1Counting_SK.mat'.*empty"):
        STBDataset(tmp_path, 'test')
    (tmp_path / 'annotated_frames/data_1').mkdir(parents=True)
    with pytest.raises(FileNotFoundError, match='the folder looks like the root of LMDataset'):
        STBDataset(tmp_path, 'test')
    with pytest.raises(FileNotFoundError, match='looks like the root of STBDataset'):
        STBDataset(written[0] / 'images', 'test')


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (dict(split='tset'), "no 'tset'; did you mean 'test'"),
        (dict(camera='SK_colour'), "did you mean 'SK_color'"),
        (dict(joint0='wrist_ring2'), "did you mean 'wrist_ring2.0'"),
        (dict(camera='BB', modalities=('rgb', 'depth')), 'stereo pair has no depth'),
    ],
)
def test_wrong_arguments_are_named(written, arguments, message):
    with pytest.raises(ValueError, match=message):
        STBDataset(written[0], **{'split': 'test', **arguments})


def test_labels_and_images_that_differ_in_number(copy):
    (copy / 'images/B1Random/SK_depth_0.png').unlink()
    assert len(STBDataset(copy, 'test')) == 2, 'depth is not asked for'
    with pytest.raises(ValueError, match=r'B1Random.* has 0 images SK_depth_\*\.png.*B1Random_SK.mat.* labels for 1'):
        STBDataset(copy, 'test', modalities=('depth',))


@pytest.mark.parametrize(
    ('labels', 'message'),
    [
        ({'handPara': np.zeros((21, 3, 1))}, r'B1Random_SK.mat.*\(3, 21, N\), found float64 \(21, 3, 1\)'),
        ({'other': np.zeros((3, 21, 1))}, "B1Random_SK.mat.* lacks the variable 'handPara'"),
        (None, 'B1Random_SK.mat.* was not read'),
    ],
)
def test_wrong_label_files_are_named(copy, labels, message):
    path = copy / 'labels/B1Random_SK.mat'
    path.write_text('nothing of the kind') if labels is None else savemat(path, labels)
    with pytest.raises(ValueError, match=message):
        STBDataset(copy, 'test')


@pytest.mark.parametrize('value', [np.nan, 1e39, -2e6])
def test_what_is_no_sane_number_is_named(copy, value):
    path = copy / 'labels/B1Random_SK.mat'
    labels = loadmat(path)['handPara']
    labels[1, 16, 0] = value
    savemat(path, {'handPara': labels})
    with pytest.raises(ValueError, match="B1Random_SK.mat.*frame 0, joint 'index_tip'"):
        STBDataset(copy, 'test')


def test_damaged_images_are_named(copy):
    dataset = STBDataset(copy, 'test', modalities=('rgb', 'depth'))
    for name in ('SK_color_0.png', 'SK_depth_0.png'):
        path = copy / 'images/B1Counting' / name
        data = path.read_bytes()
        path.write_bytes(data[: len(data) // 2])
        with pytest.raises(OSError, match=f'B1Counting/{name}.*cut off'):
            dataset.get_data_info(0)
        path.write_bytes(data)


def test_swapped_depth_channels_are_seen(copy):
    path = str(copy / 'images/B1Counting/SK_depth_0.png')
    cv2.imwrite(path, cv2.imread(path)[..., ::-1])
    with pytest.raises(OSError, match='red and blue were swapped'):
        STBDataset(copy, 'test', modalities=('depth',), camera='SK_depth').get_data_info(0)


def test_records_are_not_shared(written):
    dataset = STBDataset(written[0], 'test')
    first = dataset.get_record(0)
    first['camera']['K'][:] = 0
    first['keypoints_cam'][:] = 0
    assert dataset.get_record(0)['camera']['K'][0, 0] == 607.92271
    assert dataset.get_record(0)['keypoints_cam'].all()
