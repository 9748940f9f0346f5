"""HO-3D: what the studio wrote comes back in both versions, with and without the published truth."""

import json
import pickle
import re
import shutil

import cv2
import numpy as np
import pytest
from mmengine.logging import MMLogger

from handkd.datasets import HO3DDataset
from handkd.hand import chirality
from handkd.studio.layouts import write_layout

# The specification's table: places in the file of handkd's joints.
GATHER = [0, 13, 14, 15, 16, 1, 2, 3, 17, 4, 5, 6, 18, 10, 11, 12, 19, 7, 8, 9, 20]
BOTH = ('rgb', 'depth')


@pytest.fixture(scope='module', params=['v3', 'v2'])
def written(request, tmp_path_factory):
    root = tmp_path_factory.mktemp('ho3d')
    layout = {'v3': 'ho3d', 'v2': 'ho3d_v2'}[request.param]
    return root, {truth['img_path']: truth for truth in write_layout(layout, root, 4)}, request.param


@pytest.mark.parametrize('split', ['train', 'evaluation'])
def test_the_studio_comes_back(written, split):
    root, truths, version = written
    dataset = HO3DDataset(root, split, version=version, modalities=BOTH)
    expected = {path: truth for path, truth in truths.items() if truth['split'] == split}
    assert len(dataset) == len(expected) > 5 and dataset.unlabelled == (split == 'train')
    lines = [line for line in (root / f'{split}.txt').read_text().split() if line != 'MC1/0004']
    for i, line in enumerate(lines):
        sample = dataset.get_data_info(i)
        truth = expected.pop(sample['img_path'].removeprefix(f'{root}/'))
        assert sample['img_path'].endswith('{}/{}/rgb/{}.{}'.format(split, *line.split('/'), sample['img_path'][-3:]))
        np.testing.assert_allclose(sample['keypoints_cam'][0], truth['keypoints_cam'], atol=1e-3)
        np.testing.assert_allclose(sample['keypoints'][0], truth['keypoints'], atol=1e-2)
        np.testing.assert_allclose(sample['camera']['K'], truth['camera']['K'])
        for key in ('R', 'T'):
            np.testing.assert_allclose(sample['camera'][key], truth['camera'][key], atol=1e-6)
        np.testing.assert_allclose(sample['bbox'][0], truth['bbox'], atol=1e-2)
        assert np.abs(sample['img'].astype(int) - truth['img']).mean() < (8 if version == 'v3' else 0.01)
        assert sample['depth'].dtype == np.float32 and np.abs(sample['depth'] - truth['depth']).max() < 0.07
        assert sample['hand_side'] == 'right' and (sample['keypoints_valid'] == 1).all()
        assert sample['frame'] == truth['frame'] and sample['view'] == (truth['view'] if truth['calibrated'] else 0)
    assert not expected
    sides = [chirality(dataset.get_record(i)['keypoints_cam'][0]) for i in range(len(dataset))]
    assert sum(c * (s == 'right') for s, c in sides) > 0.8 * sum(c for _, c in sides)


def test_views_of_a_moment_show_one_hand(written):
    root, _, version = written
    dataset = HO3DDataset(root, 'train', version=version)
    groups, captures = dataset.view_groups(), dataset.captures()
    together = groups[(groups >= 0).all(1)]
    assert groups.shape == (4, 5) and len(together) == 2 and ((groups >= 0).sum(1) == 1).sum() == 2
    assert captures.names == ('ABF1', 'MC1') and captures.view[together].tolist() == [[0, 1, 2, 3, 4]] * 2
    for group in together:
        records = [dataset.get_record(i) for i in group]
        world = [(r['keypoints_cam'][0] - r['camera']['T']) @ r['camera']['R'] for r in records]
        np.testing.assert_allclose(world, [world[0]] * 5, atol=1e-2)
        assert {(r['sequence'], r['frame']) for r in records} == {('ABF1', records[0]['frame'])}
    other = HO3DDataset(root, 'train', version=version, extrinsics='world_to_camera').get_record(int(together[0, 0]))
    np.testing.assert_allclose(other['camera']['R'], dataset.get_record(int(together[0, 0]))['camera']['R'].T)
    shown = HO3DDataset(root, 'evaluation', version=version).view_groups()
    assert sorted((shown >= 0).sum(1).tolist()) == [1, 1, 3, 3]


@pytest.fixture(scope='module')
def small(tmp_path_factory):
    root = tmp_path_factory.mktemp('small')
    for _ in write_layout('ho3d', root, 1):
        pass
    return root


@pytest.fixture
def copy(small, tmp_path):
    return shutil.copytree(small, tmp_path / 'sets' / 'HO3D_v3')


def test_the_order_of_the_joints_is_the_published_one(copy):
    line = (copy / 'train.txt').read_text().split()[0]
    path = copy / f'train/{line.replace("/", "/meta/")}.pkl'
    labels = pickle.loads(path.read_bytes(), encoding='latin1')
    record = HO3DDataset(copy, 'train').get_record(0)
    expected = labels['handJoints3D'][GATHER] * (1000, -1000, -1000)
    np.testing.assert_allclose(record['keypoints_cam'][0], expected, atol=1e-3)
    pixels = expected @ labels['camMat'].T
    np.testing.assert_allclose(record['keypoints'][0], pixels[:, :2] / pixels[:, 2:], atol=1e-2)


def test_only_the_wrist_is_labelled_without_the_truth(copy, monkeypatch):
    told = []
    monkeypatch.setattr(MMLogger, 'warning', lambda self, text: told.append(text))
    whole = HO3DDataset(copy, 'evaluation').get_record(0)
    assert not told
    for settings in (dict(truth='wrist'), dict()):
        if not settings:
            (copy / 'evaluation_xyz.json').unlink()
        record = HO3DDataset(copy, 'evaluation', **settings).get_record(0)
        assert record['keypoints_valid'].tolist() == [[1] + [0] * 20] and not record['keypoints_cam'][0, 1:].any()
        np.testing.assert_allclose(record['keypoints_cam'][0, 0], whole['keypoints_cam'][0, 0], atol=1e-3)
        np.testing.assert_array_equal(record['bbox'], whole['bbox'])
        remedy = 'leave it out' if settings else 'evaluation_xyz.json is missing: download it'
        assert re.search(f'only wrists are labelled.*take no figures.*{remedy}', told.pop())
    with pytest.raises(FileNotFoundError, match="expects 'evaluation_xyz.json' there"):
        HO3DDataset(copy, 'evaluation', truth='file')


def test_the_order_of_the_truth_is_an_argument(copy):
    path = copy / 'evaluation_xyz.json'
    before = HO3DDataset(copy, 'evaluation').get_record(0)['keypoints_cam']
    path.write_text(json.dumps(np.array(json.loads(path.read_text()))[:, GATHER].tolist()))
    after = HO3DDataset(copy, 'evaluation', truth_order='handkd').get_record(0)['keypoints_cam']
    np.testing.assert_allclose(after, before, atol=1e-6)


# --- bad input -------------------------------------------------------------------------------------------------------


def test_wrong_folders_are_described(copy, tmp_path):
    with pytest.raises(FileNotFoundError, match="expects 'train' there; .*HO3D_v3' looks like the root of HO3DDataset"):
        HO3DDataset(copy.parent, 'train')
    with pytest.raises(FileNotFoundError, match='HO3D_v3.* looks like the root of HO3DDataset'):
        HO3DDataset(copy / 'train', 'train')
    (tmp_path / 'calibration/intrinsics').mkdir(parents=True)
    (tmp_path / 'calibration/intrinsics/836212060125_640x480.yml').touch()
    with pytest.raises(FileNotFoundError, match='the folder looks like the root of DexYCBDataset'):
        HO3DDataset(tmp_path, 'train')


@pytest.mark.parametrize(
    ('settings', 'said'),
    [
        (dict(split='test'), "there is no 'test'"),
        (dict(version='v4'), "no 'v4'; expected one of"),
        (dict(truth='files'), "did you mean 'file'"),
        (dict(truth_order='freihand'), "no 'freihand'"),
        (dict(extrinsics='camera_to_wrld'), "did you mean 'camera_to_world'"),
        (dict(modalities=('mask',)), "no 'mask'"),
    ],
)
def test_wrong_settings_are_named(copy, settings, said):
    with pytest.raises(ValueError, match=said):
        HO3DDataset(copy, **{'split': 'train', **settings})


def cut(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def change_meta(path, **changes):
    labels = pickle.loads(path.read_bytes(), encoding='latin1')
    path.write_bytes(pickle.dumps({**labels, **changes}, protocol=2))


def append(path, text):
    path.write_text(path.read_text() + text)


def swap_wrists(path):
    joints = np.array(json.loads(path.read_text()))
    joints[1, 0] += 0.2
    path.write_text(json.dumps(joints.tolist()))


class Hostile:
    def __reduce__(self):
        return print, ('run',)


META, RIG, TRUTH = 'train/ABF10/meta/0000.pkl', 'calibration/ABF1/calibration', 'evaluation_xyz.json'


def gone(path):
    return lambda root: shutil.rmtree(root / path) if (root / path).is_dir() else (root / path).unlink()


def more(path, text):
    return lambda root: append(root / path, text)


def meta(**changes):
    return lambda root: change_meta(root / META, **changes)


@pytest.mark.parametrize(
    ('change', 'said'),
    [
        (gone('train.txt'), "expects 'train.txt' there; the folder is incomplete"),
        (more('train.txt', 'ABF10\n'), "train.txt':8: expected SEQUENCE/FRAME.*found 'ABF10'"),
        (more('train.txt', 'ABF10/0000\n'), "'ABF10/0000' is in line . too"),
        (more('train.txt', 'ABF10/0009\n'), 'lacks files of 1 of the 8 frames.*ABF10/meta/0009'),
        (more('train.txt', 'ZZ1/0000\n'), "expects 'train/ZZ1/meta'"),
        (gone(META), 'lacks files of 1 of the 7 frames in train.txt, first .*0000.pkl'),
        (gone('train/ABF10/rgb/0000.jpg'), 'first .*rgb/0000.jpg'),
        (gone('train/ABF13'), "expects 'train/ABF13/meta'"),
        (lambda root: cut(root / META), 'ABF10/meta/0000.pkl.* was not read.*on_corrupt'),
        (meta(objName=Hostile()), 'requests (builtins|__builtin__).print'),
        (lambda root: (root / META).write_bytes(pickle.dumps([1])), 'must hold a dict of labels, found list'),
        (lambda root: (root / META).write_bytes(pickle.dumps({'camMat': None})), "has no 'handJoints3D', found"),
        (meta(handJoints3D=np.zeros((3,))), r"'handJoints3D' must be .*\(21, 3\)"),
        (meta(handJoints3D='a'), "'handJoints3D' must be an array of numbers or None"),
        (meta(handJoints3D=np.full((21, 3), np.nan)), 'must be finite numbers'),
        (meta(handJoints3D=np.ones((21, 3))), "must be in OpenGL's frame, with z below 0"),
        (meta(camMat=np.ones((3, 3))), "'camMat': the last row of 'K'"),
        (more(f'{RIG}/trans_2.txt', '1'), 'must hold 16 numbers, found 17'),
        (more(f'{RIG}/trans_2.txt', 'x'), 'trans_2.txt.* must hold numbers'),
        (lambda root: (root / RIG / 'cam_orders.txt').write_text('0 1\n'), 'must list camera 2'),
    ],
)
def test_damage_is_named(copy, change, said):
    change(copy)
    with pytest.raises((ValueError, OSError), match=said) as caught:
        HO3DDataset(copy, 'train')
    assert '\n' not in str(caught.value)


@pytest.mark.parametrize(
    ('change', 'said'),
    [
        (lambda root: cut(root / TRUTH), 'evaluation_xyz.json: not valid JSON'),
        (lambda root: (root / TRUTH).write_text('[[1]]'), 'must hold 4 lists of 21 points'),
        (more('evaluation.txt', 'SM1/0007\n'), r'must hold 5 lists of 21 points, .* found \(4, 21, 3\)'),
        (lambda root: swap_wrists(root / TRUTH), 'entry 1, of .* has the wrist .*not of the same'),
    ],
)
def test_a_wrong_truth_is_named(copy, change, said):
    change(copy)
    with pytest.raises(ValueError, match=said):
        HO3DDataset(copy, 'evaluation')


def test_the_other_version_is_recognised(copy):
    with pytest.raises(ValueError, match="lists no frame with its files;.*the images are .jpg, as in version='v3'"):
        HO3DDataset(copy, 'train', version='v2')


def test_swapped_channels_of_depth_are_refused(copy):
    dataset = HO3DDataset(copy, 'train', modalities=('depth',))
    path = dataset.get_record(0)['depth_path']
    raster = cv2.imread(path, cv2.IMREAD_UNCHANGED)
    cv2.imwrite(path, raster[..., ::-1])
    with pytest.raises(OSError, match='red and blue were swapped'):
        dataset.get_data_info(0)


def test_damaged_frames_are_left_out_on_request(copy):
    cut(copy / META)
    (copy / 'train/ABF11/rgb/0000.jpg').unlink()
    dataset = HO3DDataset(copy, 'train', on_corrupt='skip')
    assert len(dataset) == 4 and len(dataset.damaged) == 1 and dataset.unlabelled == 1
    assert (dataset.view_groups() >= 0).sum() == 4
