"""RHD: a tree that the studio wrote comes back, and trees that are not RHD, or not whole, are refused."""

import json
import os
import pickle
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

from handkd.datasets import RHDDataset, SampleKey
from handkd.datasets.readers.rhd import RHD_JOINTS, nearest_palm_part
from handkd.geometry import project
from handkd.hand import JOINTS, PALM_PARTS, chirality
from handkd.studio.layouts import write_layout

SAMPLES = Path(__file__).parents[3] / '..' / 'shared' / 'samples' / 'rhd'
GATHER = [0, 4, 3, 2, 1, 8, 7, 6, 5, 12, 11, 10, 9, 16, 15, 14, 13, 20, 19, 18, 17]  # as other people's loaders have it
ALL = ('rgb', 'depth', 'mask', 'parts')


@pytest.fixture(scope='module')
def written(tmp_path_factory):
    root = tmp_path_factory.mktemp('rhd')
    return root, {truth['img_path']: truth for truth in write_layout('rhd', root, 4)}


@pytest.fixture
def copy(written, tmp_path):
    """The evaluation set, to be spoilt."""
    shutil.copytree(written[0] / 'evaluation', tmp_path / 'evaluation')
    return tmp_path


def change_labels(root, change):
    path = root / 'evaluation' / 'anno_evaluation.pickle'
    labels = pickle.loads(path.read_bytes())
    change(labels)
    path.write_bytes(pickle.dumps(labels))


def test_joint_order():
    assert [RHD_JOINTS.index(name) for name in JOINTS] == GATHER


@pytest.mark.parametrize('split', ['training', 'evaluation'])
def test_the_studio_comes_back(written, split):
    root, truths = written
    dataset = RHDDataset(root, split, modalities=ALL)
    known = {path for path, truth in truths.items() if truth['split'] == split}
    assert len(dataset) == len(known) == 4
    guessed = []
    for index in range(len(dataset)):
        record = dataset.get_data_info(index)
        known.remove(os.path.relpath(record['img_path'], root))
        truth = truths[os.path.relpath(record['img_path'], root)]
        assert record['img_id'] == index and record['hand_side'] == truth['hand_side']
        # Four digits of metres, and of px.
        np.testing.assert_allclose(record['keypoints_cam'][0], truth['keypoints_cam'], atol=0.06)
        np.testing.assert_allclose(record['keypoints'][0], truth['keypoints'], atol=0.06)
        np.testing.assert_array_equal(record['keypoints_visible'][0], truth['keypoints_visible'])
        np.testing.assert_allclose(record['camera']['K'], truth['camera']['K'], rtol=1e-6)
        np.testing.assert_array_equal(record['img'], truth['img'])
        np.testing.assert_allclose(record['depth'], truth['depth'], atol=0.51 * 5000 / 65535)
        np.testing.assert_array_equal(record['hand_mask'], truth['hand_mask'])
        guessed.append(check_parts(record['part_seg'], truth['part_seg']))
        assert record['hand_mask'].any() and record['keypoints_valid'].all()
    assert not known
    assert np.concatenate(guessed).mean() > 0.6  # chance is a fifth; a palm that is seen edge-on tells nothing


def check_parts(parts, truth):
    """Fingers are the studio's. In the palm, whose bones RHD does not tell apart, return where the guess is right.

    The studio's part 1, the carpus, is left out: it lies along all bones.
    """
    palm = np.isin(truth, PALM_PARTS)
    np.testing.assert_array_equal(np.isin(parts, PALM_PARTS), palm)
    np.testing.assert_array_equal(parts[~palm], truth[~palm])
    return (parts == truth)[palm & (truth != 1)]


def test_which_hand_is_the_sample(written):
    root, truths = written
    assert len(RHDDataset(root, 'training', hand='keypoints')) == 4  # its index is not taken for another rule's
    both = RHDDataset(root, 'training', hand='both')
    assert not both.PUBLISHED and RHDDataset(root, 'training').PUBLISHED['training'] == 41258
    sides = {}
    for index in range(len(both)):
        record = both.get_record(index)
        sides.setdefault(os.path.relpath(record['img_path'], root), []).append(record)
    assert any(len(records) == 2 for records in sides.values())
    for path, records in sides.items():
        # What the label file says of the two hands, read as the format's owners do: left first.
        labels = pickle.loads((root / 'training' / 'anno_training.pickle').read_bytes())[int(Path(path).stem)]
        visible = labels['uv_vis'].reshape(2, 21, 3)[..., 2]
        assert [record['hand_side'] for record in records] == [
            side for side, seen in zip(('left', 'right'), visible) if seen.any()
        ]
        for record in records:
            hand = labels['xyz'].reshape(2, 21, 3)[['left', 'right'].index(record['hand_side'])] * 1000
            np.testing.assert_allclose(record['keypoints_cam'][0], hand[GATHER], rtol=1e-5)
        larger = next(r for r in records if r['hand_side'] == truths[path]['hand_side'])
        np.testing.assert_allclose(larger['keypoints_cam'][0], truths[path]['keypoints_cam'], atol=0.06)


def test_the_rules_differ_where_pixels_and_joints_do(copy):
    def more_visible_joints_on_the_smaller_hand(labels):
        mask = cv2.imread(str(copy / 'evaluation' / 'mask' / '00000.png'), cv2.IMREAD_UNCHANGED)
        left = ((mask >= 2) & (mask <= 17)).sum() > ((mask >= 18) & (mask <= 33)).sum()
        labels[0]['uv_vis'][:, 2] = np.repeat([0, 1] if left else [1, 0], 21)

    change_labels(copy, more_visible_joints_on_the_smaller_hand)
    by_mask, by_joints = (RHDDataset(copy, 'evaluation', hand=hand).get_record(0) for hand in ('mask', 'keypoints'))
    assert by_mask['hand_side'] != by_joints['hand_side']

    # Equal counts: the right hand.
    change_labels(copy, lambda labels: labels[0]['uv_vis'].__setitem__((slice(None), 2), 1))
    assert RHDDataset(copy, 'evaluation', hand='keypoints').get_record(0)['hand_side'] == 'right'
    cv2.imwrite(str(copy / 'evaluation' / 'mask' / '00000.png'), np.zeros((320, 320), np.uint8))
    os.utime(copy / 'evaluation' / 'mask', (0, 0))
    assert RHDDataset(copy, 'evaluation').get_record(0)['hand_side'] == 'right'


def test_palm_as_joint_0(written):
    wrist, palm = (RHDDataset(written[0], 'training', modalities=ALL, joint0=joint0) for joint0 in ('wrist', 'palm'))
    assert 'joint0' not in wrist.metainfo and palm.metainfo['joint0'] == 'palm'
    for index in range(len(wrist)):
        a, b = wrist.get_data_info(index), palm.get_data_info(index)
        joints = a['keypoints_cam'][0]
        np.testing.assert_allclose(b['keypoints_cam'][0, 0], (joints[0] + joints[9]) / 2, rtol=1e-6)
        np.testing.assert_array_equal(b['keypoints_cam'][0, 1:], joints[1:])
        seen = project(b['keypoints_cam'][0, 0], b['camera'])
        np.testing.assert_allclose(b['keypoints'][0, 0], seen, atol=1e-3)
        assert b['keypoints_visible'][0, 0] == a['keypoints_visible'][0, [0, 9]].max()
        np.testing.assert_array_equal(a['part_seg'], b['part_seg'])


def test_a_palm_is_seen_where_one_end_of_it_is(copy):
    wrists, middles = [0, 21], [12, 33]  # in the file

    def hide(labels):
        for frame, hidden in enumerate((wrists, middles, wrists + middles)):
            labels[frame]['uv_vis'][:, 2] = 1
            labels[frame]['uv_vis'][hidden, 2] = 0

    change_labels(copy, hide)
    dataset = RHDDataset(copy, 'evaluation', joint0='palm')
    assert [dataset.get_record(index)['keypoints_visible'][0, 0] for index in range(3)] == [1, 1, 0]


def test_a_palm_pixel_belongs_to_the_nearest_bone():
    keypoints = np.zeros((21, 2))
    keypoints[[1, 5, 9, 13, 17]] = [[10, -4], [10, -2], [10, 0], [10, 2], [10, 4]]
    pixels = np.array([[10, -4], [9, -2.1], [5, 0.1], [20, 2], [8, 9]])
    np.testing.assert_array_equal(nearest_palm_part(pixels, keypoints), [1, 5, 9, 13, 17])


@pytest.mark.skipif(not SAMPLES.is_dir(), reason='no frames of RHD here')
def test_real_frames(tmp_path):
    """Three official frames, whose joints are published in the file's order for one hand."""
    said = json.loads((SAMPLES / 'test_rhd.json').read_text())
    folder, labels = tmp_path / 'evaluation', {}
    (folder / 'color').mkdir(parents=True)
    for image, annotation in zip(said['images'], said['annotations']):
        xyz, uv_vis = np.zeros((2, 21, 3)), np.zeros((2, 21, 3))
        side = ('left', 'right').index(annotation['hand_type'])
        xyz[side], uv_vis[side] = np.array(annotation['joint_cam']) / 1000, annotation['keypoints']
        (fx, fy), (cx, cy) = image['cam_param']['focal'], image['cam_param']['princpt']
        labels[image['id']] = {
            'xyz': xyz.reshape(42, 3).astype(np.float32),
            'uv_vis': uv_vis.reshape(42, 3).astype(np.float32),
            'K': np.array([[fx, 0, cx], [0, fy, cy], [0, 0, 1]], np.float32),
        }
        shutil.copy(SAMPLES / image['file_name'], folder / 'color' / image['file_name'])
    (folder / 'anno_evaluation.pickle').write_bytes(pickle.dumps(labels))
    dataset = RHDDataset(tmp_path, 'evaluation', hand='keypoints')
    assert len(dataset) == 3
    for index, annotation in enumerate(said['annotations']):
        record = dataset.get_data_info(index)
        assert record['img'].shape == (320, 320, 3) and record['hand_side'] == annotation['hand_type']
        joints = record['keypoints_cam'][0].astype(np.float64)
        assert np.abs(project(joints, record['camera']) - record['keypoints'][0]).max() < 0.1
        side, sure = chirality(joints)
        assert side == annotation['hand_type'] or sure < 0.1
        # Along each finger from the palm, bones get no longer than the one before by much, and a hand is a hand.
        bones = np.linalg.norm(np.diff(joints[1:].reshape(5, 4, 3), axis=1), axis=-1)
        assert (bones > 10).all() and (bones < 80).all() and (bones[1:, 0] > bones[1:, 2]).all()


def test_hostile_pickle(copy):
    class Hostile:
        def __reduce__(self):
            return os.mkdir, (str(copy / 'gotcha'),)

    change_labels(copy, lambda labels: labels.update({0: Hostile()}))
    path = copy / 'evaluation' / 'anno_evaluation.pickle'
    shutil.rmtree(copy / 'gotcha', ignore_errors=True)
    with pytest.raises(ValueError, match=r'anno_evaluation\.pickle.*requests (posix|nt)\.mkdir'):
        RHDDataset(copy, 'evaluation')
    assert path.exists() and not (copy / 'gotcha').exists()


def test_wrong_roots(copy, tmp_path, written):
    with pytest.raises(
        FileNotFoundError, match=r"expects 'training/anno_training.pickle' there; the folder is incomplete, it holds"
    ):
        RHDDataset(copy, 'training')
    (tmp_path / 'b' / 'empty').mkdir(parents=True)
    with pytest.raises(FileNotFoundError, match='the folder is empty'):
        RHDDataset(tmp_path / 'b' / 'empty', 'training')
    with pytest.raises(FileNotFoundError, match="rhd.*' looks like the root of RHDDataset"):
        RHDDataset(written[0] / 'training', 'training')
    (tmp_path / 'other' / 'training' / 'images').mkdir(parents=True)
    (tmp_path / 'other' / 'training' / 'Training_Annotation.txt').touch()
    with pytest.raises(FileNotFoundError, match='the folder looks like the root of BigHandDataset'):
        RHDDataset(tmp_path / 'other', 'training')


@pytest.mark.parametrize(
    ('settings', 'said'),
    [
        (dict(split='evaluate'), "there is no 'evaluate'; did you mean 'evaluation'"),
        (dict(split='training', hand='masks'), "there is no 'masks'; did you mean 'mask'"),
        (dict(split='training', joint0='plam'), "there is no 'plam'; did you mean 'palm'"),
        (dict(split='training', modalities=('part',)), "did you mean 'parts'"),
    ],
)
def test_wrong_settings(written, settings, said):
    with pytest.raises(ValueError, match=said):
        RHDDataset(written[0], **settings)


@pytest.mark.parametrize(
    ('change', 'said'),
    [
        (lambda l: l[2]['xyz'].__setitem__((21, 1), np.nan), r"frame 2, joint 'right wrist' is \[.*nan.*1 of 4 frames"),
        (lambda l: l[1]['uv_vis'].__setitem__((1, 0), np.inf), r"frame 1, joint 'left thumb_tip' is \[inf"),
        (lambda l: l[1]['K'].__setitem__((0, 0), np.nan), "sample 1: 'K' must be finite numbers up to 1e.06"),
        (lambda l: l[1]['K'].__setitem__((0, 0), 0), "sample 1: focal lengths in 'K' must be above 0"),
        (lambda l: l[1].update(xyz=l[1]['xyz'] * 1e39), "frame 1, joint 'left wrist'.* no finite number up to 1e.06"),
        (lambda l: l[1].update(uv_vis=l[1]['uv_vis'] * 1e39), "frame 1, joint 'left wrist'"),
        (lambda l: l[3].pop('K'), r"sample 3, 'K' must have shape \(3, 3\), found nothing"),
        (lambda l: l[3].update(xyz=np.zeros((21, 3))), r"sample 3, 'xyz' must have shape \(42, 3\), found \(21, 3\)"),
        (lambda l: l.clear(), 'must hold a dict of samples'),
        (lambda l: l.update(a=l[0]), "must be numbered, found 'a'"),
        (lambda l: l.pop(3), "color' has 4 images .*has labels for 3"),
    ],
)
def test_wrong_labels(copy, change, said):
    change_labels(copy, change)
    with pytest.raises(ValueError, match=said):
        RHDDataset(copy, 'evaluation')


def test_missing_and_damaged_images(copy):
    folder = copy / 'evaluation'
    dataset = RHDDataset(copy, 'evaluation', modalities=ALL)
    mask = folder / 'mask' / '00001.png'
    whole = mask.read_bytes()
    classes = cv2.imread(str(mask), cv2.IMREAD_UNCHANGED)
    cv2.imwrite(str(mask), np.where(classes == 0, 34, classes).astype(np.uint8))
    with pytest.raises(OSError, match=r'00001\.png.* has class 34, expected 0 to 33'):
        dataset.get_data_info(1)
    mask.write_bytes(whole)
    for name in ('color', 'depth'):
        path = folder / name / '00001.png'
        whole = path.read_bytes()
        path.write_bytes(whole[: len(whole) // 2])
        with pytest.raises(OSError, match=rf'{name}/00001\.png.* is cut off'):
            dataset.get_data_info(1)
        path.write_bytes(whole)
    depth = folder / 'depth' / '00002.png'
    cv2.imwrite(str(depth), np.ascontiguousarray(cv2.imread(str(depth))[..., ::-1]))
    with pytest.raises(OSError, match='red and blue were swapped'):
        dataset.get_data_info(2)
    (folder / 'color' / '00003.png').unlink()
    with pytest.raises(
        ValueError, match=r"color' has 3 images \*\.png, but '.*anno_evaluation\.pickle' has labels for 4"
    ):
        RHDDataset(copy, 'evaluation')


def test_a_missing_image_is_named_at_once_or_left_out_on_request(written, copy):
    gone = sorted((copy / 'evaluation' / 'color').iterdir())[1]
    gone.unlink()
    with pytest.raises(ValueError, match=rf"1 missing \({gone.name}\).*on_corrupt='skip'"):
        RHDDataset(copy, 'evaluation')
    dataset = RHDDataset(copy, 'evaluation', on_corrupt='skip')
    assert len(dataset) == len(RHDDataset(written[0], 'evaluation'))
    with pytest.raises(FileNotFoundError, match=gone.name):
        dataset.get_data_info(1)
    assert dataset[SampleKey(1, 0)]['img_id'] == 2 and dataset.skipped.indices() == [1]
