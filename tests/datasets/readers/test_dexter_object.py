"""Dexter+Object: a tree that the studio wrote comes back, and trees that are not it, or not whole, are refused."""

import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
from mmengine.config import Config
from mmengine.logging import MMLogger

from handkd.datasets import DexterObjectDataset
from handkd.geometry import project, unproject
from handkd.hand import TIPS
from handkd.registry import DATASETS
from handkd.studio.layouts import write_layout

FILMS = ('Grasp1', 'Grasp2', 'Occlusion', 'Rigid', 'Pinch', 'Rotate')


@pytest.fixture(scope='module')
def written(tmp_path_factory):
    root = tmp_path_factory.mktemp('dexter')
    return root, {truth['img_path']: truth for truth in write_layout('dexter', root, 12)}


@pytest.fixture
def copy(written, tmp_path):
    shutil.copytree(written[0] / 'data/Rigid', tmp_path / 'data/Rigid')
    return tmp_path


def samples(dataset, written):
    """Pairs of a sample as loaded and its truth."""
    root, truths = written
    for i in range(len(dataset)):
        record = dataset.get_data_info(i)
        yield record, truths[record['img_path'].removeprefix(f'{root}/')]


def check_labels(record, truth, joints_key, tolerance):
    labelled = np.zeros(21, bool)
    labelled[list(TIPS)] = True
    labelled &= np.asarray(truth['labelled'], bool)
    np.testing.assert_array_equal(record['keypoints_valid'][0] > 0, labelled)
    assert not record['keypoints_cam'][0, ~labelled].any() and not record['keypoints'][0, ~labelled].any()
    expected = truth[joints_key][labelled]
    np.testing.assert_allclose(record['keypoints_cam'][0, labelled], expected, atol=tolerance)
    return labelled


def test_the_config_for_pixels_measures_in_the_view_in_which_the_tips_were_labelled(written):
    """Where the colour image's pixels are, two published calibrations do not agree on."""
    cfg = Config.fromfile(Path(__file__).parents[3] / 'configs/pi/cpm2d_rgb_dexter.py').test_dataloader.dataset
    cfg.data_root, cfg.pipeline = str(written[0]), []
    record = DATASETS.build(cfg)[0]
    assert record['img'].shape == (240, 320, 3)
    assert record['camera']['K'][0, 0] == pytest.approx(224.502)


def test_colour_view(written):
    dataset = DexterObjectDataset(written[0], 'all', modalities=('rgb', 'depth'))
    assert len(dataset) == len(written[1]) == 12
    invalid = 0
    for record, truth in samples(dataset, written):
        labelled = check_labels(record, truth, 'keypoints_cam', 0.02)
        invalid += 5 - labelled.sum()
        np.testing.assert_allclose(record['keypoints'][0, labelled], truth['keypoints'][labelled], atol=0.05)
        np.testing.assert_array_equal(record['img'], truth['img'])
        for key in ('K', 'R', 'T'):
            np.testing.assert_allclose(record['camera'][key], truth['camera'][key])
        assert record['hand_side'] == truth['hand_side'] == 'left'
        # Back in the depth camera's frame, the depth map in the colour view lies on what that camera saw.
        v, u = np.argwhere(record['depth'] > 0)[::37].T
        points = unproject(np.stack([u, v], -1), record['depth'][v, u], truth['camera'])
        back = (points - truth['camera']['T']) @ truth['camera']['R']
        at = np.rint(project(back, truth['depth_camera'])).astype(int)
        error = np.abs(truth['depth'][at[:, 1], at[:, 0]] - back[:, 2])
        assert len(error) > 100 and np.median(error) < 2 and (error < 15).mean() > 0.9
    assert invalid >= 1, 'the studio leaves a tip without a label'


def test_depth_view(written):
    dataset = DexterObjectDataset(written[0], 'all', modalities=('rgb', 'depth'), camera='depth')
    for record, truth in samples(dataset, written):
        labelled = check_labels(record, truth, 'keypoints_depth_cam', 0.01)
        expected = project(truth['keypoints_depth_cam'][labelled], truth['depth_camera'])
        np.testing.assert_allclose(record['keypoints'][0, labelled], expected, atol=0.01)
        np.testing.assert_allclose(record['depth'], truth['depth'], atol=0.501)
        assert record['img'].shape == (240, 320, 3) and not record['img'][record['depth'] == 0].any()
        v, u = np.argwhere(record['depth'] > 0)[::97].T
        points = unproject(np.stack([u, v], -1), record['depth'][v, u], truth['depth_camera'])
        at = project(points @ truth['camera']['R'].T + truth['camera']['T'], truth['camera']).astype(np.float32)
        expected = cv2.remap(truth['img'], at[:, None, 0], at[:, None, 1], cv2.INTER_LINEAR)[:, 0]
        assert np.abs(record['img'][v, u].astype(int) - expected).max() <= 4


def test_labels_are_read_as_published(copy):
    """X and y point left and up; the columns are thumb to little finger; 32001 is no reading."""
    lines = (copy / 'data/Rigid/annotations/Rigid3D.txt').read_text().splitlines()
    lines[0] = '1, 2, 300; 4, 5, 301; 7,8,302 ; 10, 11, 32001; 13, 14, 304; ; ,,'
    (copy / 'data/Rigid/annotations/Rigid3D.txt').write_text('\n'.join(lines) + '\n\n')
    record = DexterObjectDataset(copy, 'Rigid', camera='depth', modalities=('depth',)).get_record(0)
    expected = [[-1, -2, 300], [-4, -5, 301], [-7, -8, 302], [0, 0, 0], [-13, -14, 304]]
    np.testing.assert_array_equal(record['keypoints_cam'][0, [4, 8, 12, 16, 20]], expected)
    assert record['keypoints_valid'][0].nonzero()[0].tolist() == [4, 8, 12, 20]


def put_line(root, line):
    """Write a film's first line of 3D labels, the other one staying."""
    path = root / 'data/Rigid/annotations/Rigid3D.txt'
    path.write_text(f'{line}\n{path.read_text().splitlines()[1]}\n')


def test_readings_that_are_none(copy):
    put_line(copy, '1, 2, 300; 4, 5, 0; 7, 8, -302; 10, 11, 32001; 13, 14, 999;')
    labelled = lambda **more: DexterObjectDataset(copy, 'Rigid', **more).get_record(0)['keypoints_valid'][0]  # noqa: E731
    assert labelled().nonzero()[0].tolist() == [4, 20]
    assert labelled(invalid_z=999.0).nonzero()[0].tolist() == [4, 16]
    assert labelled(axes=(1, 1, -1), min_tips=1).nonzero()[0].tolist() == [12]


def test_axes_of_the_labels(copy):
    put_line(copy, '1, 2, 300; 4, 5, 301; 7, 8, 302; 10, 11, 303; 13, 14, 304;')
    tips = DexterObjectDataset(copy, 'Rigid', camera='depth', axes=(1, -1, 2)).get_record(0)['keypoints_cam'][0, 4::4]
    np.testing.assert_array_equal(tips[:2], [[1, -2, 600], [4, -5, 602]])


def test_colour_camera(copy):
    """Projected by hand, with a camera that is turned by 90 degrees about its axis."""
    put_line(copy, '-10, -20, 300; -40, -50, 310; -7, -8, 302; 1, 1, 303; 1, 1, 304;')
    record = DexterObjectDataset(
        copy, 'Rigid', color_focal=(500, 600), color_center=(310, 250), color_translation=(5, 6, 100),
        color_rotation=((0, -1, 0), (1, 0, 0), (0, 0, 1)),
    ).get_record(0)  # fmt: skip
    np.testing.assert_allclose(record['keypoints_cam'][0, [4, 8]], [[-15, 16, 400], [-45, 46, 410]])
    expected = [[310 - 500 * 15 / 400, 250 + 600 * 16 / 400], [310 - 500 * 45 / 410, 250 + 600 * 46 / 410]]
    np.testing.assert_allclose(record['keypoints'][0, [4, 8]], expected, rtol=1e-6)


def test_unit_of_depth(copy):
    counts = np.full((240, 320), 800, np.uint16)
    counts[0, :2] = 0, 32001
    cv2.imwrite(str(copy / 'data/Rigid/depth/Depth_0001.png'), counts)
    dataset = DexterObjectDataset(copy, 'Rigid', modalities=('depth',), camera='depth', depth_unit=0.125)
    depth = dataset.get_data_info(0)['depth']
    assert not depth[0, :2].any() and (depth.ravel()[2:] == 100).all()


def test_numbers_without_zeros_in_front_are_in_order(copy):
    folder = copy / 'data/Rigid'
    for number, name in (('0001', '2'), ('0002', '10')):
        (folder / f'color/Color_{number}.bmp').rename(folder / f'color/Color_{name}.bmp')
        (folder / f'depth/Depth_{number}.png').rename(folder / f'depth/x_{name}.png')
    dataset = DexterObjectDataset(copy, 'Rigid', modalities=('rgb', 'depth'))
    names = [dataset.get_record(i)[key].split('/')[-1] for i in range(2) for key in ('img_path', 'depth_path')]
    assert names == ['Color_2.bmp', 'x_2.png', 'Color_10.bmp', 'x_10.png']


def test_films_and_published_numbers(written):
    lengths = [len(DexterObjectDataset(written[0], film)) for film in FILMS]
    assert sum(lengths) == 12 and min(lengths) > 0
    assert sum(DexterObjectDataset.PUBLISHED[film] for film in FILMS) == DexterObjectDataset.PUBLISHED['all'] == 3145
    assert '/data/Pinch/' in DexterObjectDataset(written[0], 'Pinch').get_record(0)['img_path']


def test_uncertain_settings(written):
    plain, moved = (
        DexterObjectDataset(written[0], 'Rigid', **settings).get_record(0)
        for settings in ({}, dict(color_center=(320, 240), side='right'))
    )
    valid = plain['keypoints_valid'][0] > 0
    shift = np.broadcast_to([5, 9], (valid.sum(), 2))
    np.testing.assert_allclose(plain['keypoints'][0, valid] - moved['keypoints'][0, valid], shift, atol=1e-3)
    np.testing.assert_array_equal(plain['keypoints_cam'], moved['keypoints_cam'])
    assert moved['hand_side'] == 'right'


def test_frames_without_labels_are_counted_and_told(copy, monkeypatch):
    told = []
    monkeypatch.setattr(MMLogger, 'warning', lambda self, text: told.append(text))
    path = copy / 'data/Rigid/annotations/Rigid3D.txt'
    lines = path.read_text().splitlines()
    lines[0] = '1, 2, 300; ' + '0, 0, 32001; ' * 4
    path.write_text('\n'.join(lines))
    dataset = DexterObjectDataset(copy, 'Rigid')
    assert (len(dataset), dataset.unlabelled) == (1, 1) and 'Color_0002' in dataset.get_record(0)['img_path']
    assert told == [f'{copy}: 1 frames with fewer than 2 labelled tips are left out']
    assert len(DexterObjectDataset(copy, 'Rigid', min_tips=1)) == 2 and len(told) == 1


# --- bad input -------------------------------------------------------------------------------------------------------


def test_wrong_folders_are_told(written, tmp_path):
    message = r"DexterObjectDataset.*expects 'data/Grasp1/annotations/Grasp12D.txt' there; the folder is empty"
    with pytest.raises(FileNotFoundError, match=message):
        DexterObjectDataset(tmp_path, 'all')
    (tmp_path / 'labels').mkdir()
    (tmp_path / 'labels/B1Counting_SK.mat').touch()
    with pytest.raises(FileNotFoundError, match='looks like the root of STBDataset'):
        DexterObjectDataset(tmp_path, 'all')
    with pytest.raises(FileNotFoundError, match='looks like the root of DexterObjectDataset'):
        DexterObjectDataset(written[0] / 'data', 'all')


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (dict(split='Grasp3'), "no 'Grasp3'; did you mean 'Grasp"),
        (dict(modalities=('mask',)), "no 'mask'"),
        (dict(camera='colour'), "did you mean 'color'"),
        (dict(side='Left'), "did you mean 'left'"),
        (dict(axes=(-1, 1)), r'axes=\.\.\.\) must be numbers of shape \(3,\), found \(-1, 1\)'),
        (dict(color_focal=(500, float('nan'))), r'color_focal=\.\.\.\) must be numbers of shape \(2,\)'),
        (dict(color_rotation=(1, 0, 0)), r'color_rotation=\.\.\.\) must be numbers of shape \(3, 3\)'),
        (dict(depth_unit=0.0), r'depth_unit=\.\.\.\) must be a number above 0.*found 0.0'),
        (dict(depth_unit=float('nan')), r'depth_unit=\.\.\.\) must be a number above 0.*found nan'),
        (dict(color_focal=(0, 600)), r'color_\.\.\.=.*focal lengths'),
        (dict(color_rotation=((0, 0, 0),) * 3), r"'R' must be a rotation"),
    ],
)
def test_wrong_arguments_are_named(written, arguments, message):
    with pytest.raises(ValueError, match=message):
        DexterObjectDataset(written[0], **{'split': 'all', **arguments})


def test_labels_and_images_that_differ_in_number(copy):
    (copy / 'data/Rigid/depth/Depth_0002.png').unlink()
    assert len(DexterObjectDataset(copy, 'Rigid')) == 2, 'depth is not asked for'
    with pytest.raises(ValueError, match=r"Rigid' has 1 images 'depth/\*.png'.*Rigid3D.txt has labels for 2"):
        DexterObjectDataset(copy, 'Rigid', modalities=('depth',))
    with pytest.raises(ValueError, match=r"has 0 images 'depth/other_\*.png'"):
        DexterObjectDataset(copy, 'Rigid', modalities=('depth',), depth_files='depth/other_*.png')
    path = copy / 'data/Rigid/annotations/Rigid2D.txt'
    path.write_text(path.read_text().splitlines()[0])
    with pytest.raises(ValueError, match='Rigid3D.txt has labels for 2 frames, and Rigid2D.txt for 1'):
        DexterObjectDataset(copy, 'Rigid')


@pytest.mark.parametrize(
    ('line', 'message'),
    [
        ('1, 2, 300; 4, 5, 301; 7, 8, nan; 1, 1, 300; 1, 1, 300;', "Rigid3D.txt'.*frame 2, joint 'middle_tip'"),
        ('1, 2, 300; 4, 5, 301; 7, 8, 1e39; 1, 1, 300; 1, 1, 300;', "Rigid3D.txt'.*frame 2, joint 'middle_tip'"),
        ('1, 2, 300; 4, 5, 301; 7, 8, 302; 1, 1, 300;', "Rigid3D.txt':2: expected 5 tips of 3 numbers"),
        ('1, 2, 300; 4, 5; 7, 8, 302; 1, 1, 300; 1, 2, 3', "Rigid3D.txt':2"),
        ('1, 2, 300; 4, x, 1; 7, 8, 302; 1, 1, 300; 1, 2, 3', "Rigid3D.txt':2"),
    ],
)
def test_wrong_labels_are_named(copy, line, message):
    path = copy / 'data/Rigid/annotations/Rigid3D.txt'
    path.write_text(f'{path.read_text().splitlines()[0]}\n{line}\n')
    with pytest.raises(ValueError, match=message):
        DexterObjectDataset(copy, 'Rigid')


def test_damaged_images_are_named(copy):
    dataset = DexterObjectDataset(copy, 'Rigid', modalities=('depth',), camera='depth')
    path = copy / 'data/Rigid/depth/Depth_0001.png'
    path.write_bytes(path.read_bytes()[:300])
    with pytest.raises(OSError, match='Depth_0001.png.*cut off'):
        dataset.get_data_info(0)
    cv2.imwrite(str(path), np.zeros((240, 320, 3), np.uint8))
    with pytest.raises(OSError, match='Depth_0001.png.*has 3 channel.*expected 1 of uint16'):
        dataset.get_data_info(0)
