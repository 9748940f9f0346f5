"""InterHand2.6M: a tree that the studio wrote comes back, and trees that are not it, or not whole, are refused."""

import json
import os
import shutil

import cv2
import numpy as np
import pytest

from handkd.datasets import InterHand26MDataset, SampleKey
from handkd.datasets.readers import interhand
from handkd.datasets.readers.interhand_files import INTERHAND_JOINTS
from handkd.hand import JOINTS
from handkd.studio.layouts import write_layout

GATHER = [20, 3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12, 19, 18, 17, 16]  # as in others' loaders
FRAMES, CAMERAS = 4, 4  # interacting, right, left, interacting; the last without the tips of the little fingers
DATA, CAMERA, JOINT_3D = (
    f'annotations/train/InterHand2.6M_train_{kind}.json' for kind in ('data', 'camera', 'joint_3d')
)


@pytest.fixture(scope='module')
def written(tmp_path_factory):
    root = tmp_path_factory.mktemp('interhand')
    truths = list(write_layout('interhand', root, FRAMES))
    return root, {(truth['img_path'], truth['hand_side']): truth for truth in truths}


@pytest.fixture
def copy(written, tmp_path):
    """The training set, to be spoilt."""
    for folder in ('images', 'annotations'):
        shutil.copytree(written[0] / folder / 'train', tmp_path / 'InterHand2.6M' / folder / 'train')
    return tmp_path / 'InterHand2.6M'


def change(root, name, edit):
    content = json.loads((root / name).read_text())
    edit(content)
    (root / name).write_text(json.dumps(content))


def test_joint_order():
    assert [INTERHAND_JOINTS.index(name) for name in JOINTS] == GATHER


@pytest.mark.parametrize('split', ['train', 'val', 'test'])
@pytest.mark.parametrize('hands', ['all', 'single', 'interacting'])
def test_the_studio_comes_back(written, split, hands):
    root, truths = written
    dataset = InterHand26MDataset(root, split, hands=hands)
    kept = {'all': ('left', 'right', 'interacting'), 'single': ('left', 'right'), 'interacting': ('interacting',)}
    known = {key for key, t in truths.items() if t['split'] == split and t['hand_type'] in kept[hands]}
    assert len(dataset) == len(known) == CAMERAS * {'all': 6, 'single': 2, 'interacting': 4}[hands]
    captures = dataset.captures()
    for index in range(len(dataset)):
        record = dataset.get_data_info(index)
        key = os.path.relpath(record['img_path'], root), record['hand_side']
        known.remove(key)
        truth = truths[key]
        valid = truth['keypoints_valid']
        assert record['img_id'] == index and record['hand_type'] == truth['hand_type']
        np.testing.assert_array_equal(record['keypoints_valid'][0], valid)
        np.testing.assert_allclose(record['keypoints_cam'][0, valid], truth['keypoints_cam'][valid], atol=1e-3)
        np.testing.assert_allclose(record['keypoints'][0, valid], truth['keypoints'][valid], atol=1e-2)
        for name in ('K', 'R', 'T'):
            np.testing.assert_allclose(record['camera'][name], truth['camera'][name], atol=1e-9)
        assert record['img'].shape == truth['img'].shape and record['ori_shape'] == truth['img'].shape[:2]
        assert record['img'].shape[:2] in ((512, 334), (334, 512))
        assert np.abs(record['img'].astype(int) - truth['img']).mean() < 4
        assert record['sequence'] == f'{split}_Capture{truth["capture"]}'
        assert (record['frame'], record['view']) == (truth['frame'], truth['view'])
        assert record['subject'] == captures.subject[index] == truth['capture']
        assert captures.names[captures.sequence[index]] == record['sequence']
        assert (captures.frame[index], captures.view[index]) == (truth['frame'], truth['view'])
    assert not known and dataset.unlabelled == 0


def test_views_of_a_moment_are_one_hand_in_one_world(written):
    dataset = InterHand26MDataset(written[0], 'train')
    groups, captures = dataset.view_groups(), dataset.captures()
    assert groups.shape == (6, CAMERAS) and (groups >= 0).all() and len(np.unique(groups)) == 24
    for group in groups:
        records = [dataset.get_record(int(index)) for index in group]
        assert len({(r['frame'], r['hand_side'], r['sequence']) for r in records}) == 1
        assert [r['view'] for r in records] == list(range(CAMERAS))
        assert len(set(captures.track[group])) == 1
        worlds = [(r['keypoints_cam'][0] - r['camera']['T']) @ r['camera']['R'] for r in records]
        valid = records[0]['keypoints_valid'][0] > 0
        for world in worlds:
            np.testing.assert_allclose(world[valid], worlds[0][valid], atol=0.01)
    assert len(np.unique(captures.track)) == 2 and captures.names == ('train_Capture0',)


def test_cameras_and_captures_are_chosen(written):
    names = ['400022', '400002']
    dataset = InterHand26MDataset(written[0], 'val', cameras=names, captures=['8'])
    assert dataset.view_groups().shape == (6, 2)
    for index in range(len(dataset)):
        record = dataset.get_record(index)
        assert record['img_path'].split('/')[-2] == f'cam{400002 + 10 * record["view"]}'
        assert dataset.view_groups()[:, names.index('400022') if record['view'] == 2 else 1].tolist().count(index) == 1
    with pytest.raises(ValueError, match=r"cameras=\.\.\.\): there is no '400003'; did you mean .*'400002'"):
        InterHand26MDataset(written[0], 'val', cameras=['400003'])
    with pytest.raises(ValueError, match=r"captures=\.\.\.\): there is no '0'"):
        InterHand26MDataset(written[0], 'val', captures=['0'])


def test_other_settings_and_a_killed_process_read_no_json_again(copy, monkeypatch):
    def killed(_path):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(interhand, 'read_joints', killed)
        with pytest.raises(KeyboardInterrupt):
            InterHand26MDataset(copy, 'train')
    monkeypatch.setattr(interhand, 'read_data', killed)  # its content was kept
    assert len(InterHand26MDataset(copy, 'train')) == 24
    monkeypatch.setattr(interhand, 'read_joints', killed)
    assert len(InterHand26MDataset(copy, 'train', hands='single')) == 8
    change(copy, DATA, lambda content: content['annotations'].pop())
    with pytest.raises(KeyboardInterrupt):
        InterHand26MDataset(copy, 'train')


def flat_tree(root, copy):
    """Four images beside their annotation files, with names of other people's, as in MMPose's test data."""
    root.mkdir()
    content = json.loads((copy / DATA).read_text())
    pairs = list(zip(content['images'], content['annotations']))[::4]
    for number, (image, annotation) in enumerate(pairs):
        name = f'image{image["frame_idx"]}.jpg'
        shutil.copy(copy / 'images' / 'train' / image['file_name'], root / name)
        image.update(id=680801 - number, file_name=name)
        annotation.update(id=680801 - number, image_id=680801 - number)
    parts = {'images': [image for image, _ in pairs], 'annotations': [annotation for _, annotation in pairs]}
    (root / 'test_interhand2.6m_data.json').write_text(json.dumps(parts, indent=4))
    for kind, path in (('camera', CAMERA), ('joint_3d', JOINT_3D)):
        text = json.dumps(json.loads((copy / path).read_text()), indent=4)
        (root / f'test_interhand2.6m_{kind}.json').write_text(text)
    return pairs


def test_annotations_beside_the_images(copy, tmp_path):
    pairs = flat_tree(tmp_path / 'flat', copy)
    places = dict(annotations='test_interhand2.6m_{kind}.json', images='.')
    dataset = InterHand26MDataset(tmp_path / 'flat', 'test', **places)
    assert len(dataset) == sum(2 if annotation['hand_type'] == 'interacting' else 1 for _, annotation in pairs) == 6
    whole = InterHand26MDataset(copy, 'train', cameras=['400002'])
    for index in range(6):
        a, b = dataset.get_data_info(index), whole.get_data_info(index)
        np.testing.assert_array_equal(a['keypoints_cam'], b['keypoints_cam'])
        assert a['hand_side'] == b['hand_side'] and (a['img'] == b['img']).all()
    with pytest.raises(FileNotFoundError, match=r"expects 'annotations/test/InterHand2\.6M_test_data\.json'"):
        InterHand26MDataset(tmp_path / 'flat', 'test')


def test_wrong_roots(copy, tmp_path):
    looks = r"InterHand2\.6M' looks like the root of InterHand26MDataset"
    with pytest.raises(FileNotFoundError, match=looks):
        InterHand26MDataset(copy / 'annotations', 'train')
    with pytest.raises(FileNotFoundError, match=looks):
        InterHand26MDataset(tmp_path, 'train')
    with pytest.raises(
        FileNotFoundError,
        match=r"expects 'annotations/val/.*; the folder is incomplete, it holds 'annotations', 'images'",
    ):
        InterHand26MDataset(copy, 'val')
    (tmp_path / 'other').mkdir()
    (tmp_path / 'other' / 'training_K.json').touch()
    with pytest.raises(FileNotFoundError, match='the folder looks like the root of FreiHANDDataset'):
        InterHand26MDataset(tmp_path / 'other', 'train')


@pytest.mark.parametrize(
    ('settings', 'said'),
    [
        (dict(split='training'), "there is no 'training'; did you mean 'train'"),
        (dict(split='train', hands='both'), "there is no 'both'"),
        (dict(split='train', cameras='400002'), 'must be names, each once'),
        (dict(split='train', captures=[]), 'must be names, each once'),
        (dict(split='train', every_nth_frame=0), 'must be a whole number from 1 on, found 0'),
        (dict(split='train', need_joints=['palm']), "there is no 'palm'"),
        (dict(split='train', annotations='data.json'), r'must contain \{kind\}'),
        (dict(split='train', modalities=('depth',)), "there is no 'depth'"),
    ],
)
def test_wrong_settings(written, settings, said):
    with pytest.raises(ValueError, match=said):
        InterHand26MDataset(written[0], **settings)


def first(content):
    return next(iter(content['0'].values()))


@pytest.mark.parametrize(
    ('name', 'edit', 'said'),
    [
        (DATA, lambda c: c.pop('images'), r"data\.json' must have a list 'images' with entries, found none"),
        (DATA, lambda c: c.update(annotations={}), "must have a list 'annotations'"),
        (DATA, lambda c: c['images'].__setitem__(3, 'x'), r"images\[3\] must be an object with 'id', found 'x'"),
        (DATA, lambda c: c['images'][3].pop('camera'), r"images\[3\] has no 'camera', only"),
        (DATA, lambda c: c['images'][3].update(frame_idx='2001'), r"images\[3\]: 'frame_idx' must be a whole number"),
        (DATA, lambda c: c['images'][3].update(width=-1), r"'width' must be a whole number .* found -1"),
        (DATA, lambda c: c['images'][3].update(file_name='../../a.jpg'), r"images\[3\], a folder .* found '\.\.'"),
        (DATA, lambda c: c['images'][3].update(file_name='a/'), r"images\[3\], the last part of 'file_name'"),
        (DATA, lambda c: c['images'][3].update(file_name='a' * 999), r"'file_name' has 999 characters"),
        (DATA, lambda c: c['images'][3].update(id=0), r"'images' has the id 0 twice"),
        (DATA, lambda c: c['annotations'][2].update(image_id=77), r"1 of 16 annotations .* 'images', such as 77"),
        (DATA, lambda c: c['annotations'][2].update(hand_type='both'), r"annotations\[2\]: 'hand_type' must be one of"),
        (
            DATA,
            lambda c: c['annotations'][2]['joint_valid'].pop(),
            r"annotations\[2\]: 'joint_valid' must be 42 numbers",
        ),
        (DATA, lambda c: c['annotations'][2].update(joint_valid=[2] * 42), r"'joint_valid' must be 42 numbers 0 or 1"),
        (DATA, lambda c: c['annotations'][2].update(joint_valid=[[]] * 42), r"'joint_valid' must be 42 numbers 0 or 1"),
        (DATA, lambda c: [a.update(joint_valid=[0] * 42) for a in c['annotations']], 'none of the 24 hands .* wrist'),
        (DATA, lambda c: c['annotations'].append(c['annotations'][5]), 'two annotations of one hand in one camera'),
        (JOINT_3D, lambda c: c.clear(), r"joint_3d\.json' must have joints by capture and frame"),
        (JOINT_3D, lambda c: first(c)['world_coord'].pop(), r"0\.2001: 'world_coord' .* \(42, 3\), found \(41, 3\)"),
        (JOINT_3D, lambda c: first(c)['world_coord'][20].pop(), r"'world_coord' must be numbers of shape"),
        (
            JOINT_3D,
            lambda c: first(c)['world_coord'].__setitem__(20, [0, 0, 1e9]),
            "of 'right wrist' is .*, expected mm",
        ),
        (JOINT_3D, lambda c: first(c).pop('joint_valid'), r"0\.2001 has no 'joint_valid', only"),
        (JOINT_3D, lambda c: c['0'].update(a=first(c)), r'0\.a: frames must have numbers as keys'),
        (JOINT_3D, lambda c: c['0'].pop('2004'), "lacks the frames of 4 images, such as capture '0', frame 2004"),
        (CAMERA, lambda c: c['0'].pop('focal'), r"camera\.json', 0 has no 'focal'"),
        (CAMERA, lambda c: c['0']['campos'].pop('400012'), r"camera\.json' has no camera '400012' of capture '0'"),
        (
            CAMERA,
            lambda c: c['0']['focal'].pop('400012'),
            r"camera 400012: 'focal' must be .* shape \(2,\), found None",
        ),
        (CAMERA, lambda c: c['0']['camrot']['400012'].reverse(), "camera 400012: 'R' must be a rotation"),
        (CAMERA, lambda c: c.clear(), 'must have cameras by capture'),
    ],
)
def test_wrong_labels(copy, name, edit, said):
    change(copy, name, edit)
    with pytest.raises(ValueError, match=said) as caught:
        InterHand26MDataset(copy, 'train')
    assert '\n' not in str(caught.value)


@pytest.mark.parametrize('name', [DATA, CAMERA, JOINT_3D])
def test_json_that_is_cut_in_the_middle(copy, name):
    whole = (copy / name).read_bytes()
    (copy / name).write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match=rf'{os.path.basename(name)}.*not valid JSON'):
        InterHand26MDataset(copy, 'train', on_corrupt='skip')


def test_a_damaged_entry_is_left_out_on_request(copy):
    change(copy, DATA, lambda content: content['annotations'][0].update(hand_type='both'))
    with pytest.raises(ValueError, match="on_corrupt='skip'"):
        InterHand26MDataset(copy, 'train')
    dataset = InterHand26MDataset(copy, 'train', on_corrupt='skip')
    assert len(dataset) == 22 and len(dataset.damaged) == 1 and 'hand_type' in dataset.damaged[0]


def test_a_file_of_something_else_is_not_skipped_entry_by_entry(copy, monkeypatch):
    monkeypatch.setattr('handkd.datasets.readers.interhand_files._FAULTS', 3)
    change(copy, DATA, lambda content: [image.pop('camera') for image in content['images']])
    with pytest.raises(ValueError, match=r'images\[3\].*more than 3 entries are damaged, the first: .*images\[0\]'):
        InterHand26MDataset(copy, 'train', on_corrupt='skip')


def test_hands_without_a_wrist_or_any_label(copy):
    def hide(content):
        content['annotations'][0]['joint_valid'][20] = [0]  # the right hand's wrist
        content['annotations'][1]['joint_valid'] = [0] * 42

    change(copy, DATA, hide)
    dataset = InterHand26MDataset(copy, 'train')
    assert len(dataset) == 21 and dataset.unlabelled == 3
    loose = InterHand26MDataset(copy, 'train', need_joints=())
    assert len(loose) == 22 and loose.unlabelled == 2
    record = next(r for r in map(loose.get_record, range(22)) if not r['keypoints_valid'][0, 0])
    assert record['hand_side'] == 'right' and record['keypoints_valid'].sum() == 20


def test_hands_without_the_joints_that_a_codec_needs(written):
    dataset = InterHand26MDataset(written[0], 'train', need_joints=['wrist', 'little_tip'])
    assert len(dataset) == 16 and dataset.unlabelled == 8
    assert all(dataset.get_record(index)['keypoints_valid'].all() for index in range(16))


def test_every_nth_frame_of_each_sequence(written):
    dataset = InterHand26MDataset(written[0], 'train', every_nth_frame=2)
    # Frames 2001 and 2010 are of one sequence; the others have one frame each.
    assert set(dataset.captures().frame) == {2001, 2004, 2007} and len(dataset) == 16
    assert set(InterHand26MDataset(written[0], 'train').captures().frame) == {2001, 2004, 2007, 2010}


def test_a_joint_needs_a_label_in_both_files(copy):
    change(copy, JOINT_3D, lambda content: first(content)['joint_valid'].__setitem__(4, [False]))
    dataset = InterHand26MDataset(copy, 'train')
    unlabelled = [record for record in map(dataset.get_record, range(16)) if not record['keypoints_valid'].all()]
    assert len(unlabelled) == CAMERAS
    assert all(r['frame'] == 2001 and not r['keypoints_valid'][0, JOINTS.index('index_tip')] for r in unlabelled)


def test_half_a_download_is_named_or_trained_with_on_request(copy):
    shutil.rmtree(copy / 'images/train/Capture0/0007_thumbup_normal')
    gone = copy / 'images/train/Capture0/0390_dh_touchROM/cam400012/image2001.jpg'
    gone.unlink()
    said = r"images of 6 of 24 hands in 'annotations/train/.*_data\.json' are missing, first '.*unpack the"
    with pytest.raises(ValueError, match=said):
        InterHand26MDataset(copy, 'train')
    dataset = InterHand26MDataset(copy, 'train', on_corrupt='skip')
    assert len(dataset) == 18 and len(dataset.damaged) == 1 and 'images of 6 of 24' in dataset.damaged[0]
    assert dataset[SampleKey(3, 0)]['img_id'] == 3
    with pytest.raises(ValueError, match='only a training may leave them out'):
        dataset[3]
    assert (dataset.view_groups() < 0).sum() == 2


def test_a_damaged_image_is_named(copy):
    dataset = InterHand26MDataset(copy, 'train')
    path = copy / 'images/train/Capture0/0390_dh_touchROM/cam400002/image2001.jpg'
    cv2.imwrite(str(path.with_suffix('.png')), np.zeros((4, 4), np.uint16))
    path.with_suffix('.png').rename(path)
    with pytest.raises(OSError, match=r'image2001\.jpg'):
        dataset.get_data_info(0)


@pytest.mark.parametrize('beside', [True, False])
def test_a_tree_of_four_images_is_read(tmp_path, beside):
    # Four images, numbered as in the full set: beside their files, as MMPose's test data are, or in the full layout.
    annotations_at = 'test_interhand2.6m_{kind}.json' if beside else 'annotations/test/InterHand2.6M_test_{kind}.json'
    (tmp_path / 'annotations' / 'test').mkdir(parents=True)
    images, annotations, joints, cameras = [], [], {}, {}
    for number, (capture, kind) in enumerate([(3, 'interacting'), (2, 'interacting'), (7, 'left'), (4, 'right')]):
        size, name, frame = ((334, 512) if number < 3 else (512, 334)), f'image{2017 + number}.jpg', 2017 + number
        name = name if beside else f'Capture{capture}/0390_dh_touchROM/cam400026/{name}'
        path = tmp_path / ('.' if beside else 'images/test') / name
        path.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(path), np.zeros((size[1], size[0], 3), np.uint8))
        valid = [[int(kind in ('interacting', side))] for side in ('right', 'left') for _ in range(21)]
        said = dict(id=680801 - number, width=size[0], height=size[1], file_name=name, capture=capture, subject=number)
        images.append(said | dict(seq_name='0390_dh_touchROM', camera='400026', frame_idx=frame))
        annotation = dict(id=680801 - number, image_id=680801 - number, bbox=[33.5, 64.9, 185.0, 142.7])
        annotations.append(annotation | dict(joint_valid=valid, hand_type=kind, hand_type_valid=1))
        world = np.random.default_rng(number).uniform(-60, 60, (42, 3)) + (0, 0, 1050)
        joint_valid = [[bool(flag)] for (flag,) in valid]
        entry = dict(world_coord=world.tolist(), joint_valid=joint_valid, hand_type=kind, hand_type_valid=True)
        joints[str(capture)] = {str(frame): entry}
        rig = dict(campos=[0.0, 0.0, 0.0], camrot=np.eye(3).tolist(), focal=[1261.9, 1261.8], princpt=[167.0, 256.0])
        cameras[str(capture)] = {key: {'400026': value} for key, value in rig.items()}
    contents = dict(data=dict(images=images, annotations=annotations), camera=cameras, joint_3d=joints)
    for kind, content in contents.items():
        (tmp_path / annotations_at.replace('{kind}', kind)).write_text(json.dumps(content))
    files = dict(annotations=annotations_at, images='.') if beside else {}
    dataset = InterHand26MDataset(str(tmp_path), 'test', pipeline=[], **files)
    assert [dataset[i]['hand_side'] for i in range(len(dataset))] == ['left', 'right', 'left', 'right', 'left', 'right']
    np.testing.assert_allclose(dataset[1]['keypoints_cam'][0, 0], joints['3']['2017']['world_coord'][20], atol=1e-3)
