"""COCO-style JSON of hands: MMPose's five sets read alike by its classes and by ours, and wrong entries named."""

import json

import cv2
import numpy as np
import pytest

from handkd.datasets import CocoHandDataset
from handkd.datasets.transforms import HandCrop, PackHandInputs, WarpCrop
from tests.datasets.coco_sets import SETS, write_set


@pytest.fixture
def changed(tmp_path):
    """Return a function that opens a set whose JSON was edited."""
    write_set(tmp_path, 'rhd')
    path = tmp_path / 'annotations' / 'rhd_train.json'

    def open_set(edit, **settings):
        content = json.loads(path.read_text())
        edit(content)
        path.write_text(json.dumps(content))
        return CocoHandDataset(tmp_path, 'rhd_train', **settings)

    return open_set


@pytest.mark.parametrize('name', SETS)
def test_a_set_is_read(name, tmp_path):
    truths = write_set(tmp_path, name)
    dataset = CocoHandDataset(tmp_path, f'{name}_train')
    assert len(dataset) == len(truths) and dataset.metainfo['dataset_name'] == f'{name}_train'
    for index, (joints, valid, side) in enumerate(truths):
        record = dataset.get_data_info(index)
        np.testing.assert_array_equal(record['keypoints_valid'][0] > 0, valid)
        np.testing.assert_allclose(record['keypoints'][0, valid], joints[valid], rtol=1e-6)
        np.testing.assert_allclose(record['bbox'][0], [*joints.min(0), *joints.max(0)], rtol=1e-5)
        assert record.get('hand_side') == side and not record['keypoints'][0, ~valid].any()
        assert record['img'].shape[:2] == SETS[name]['size'][::-1] == record['img_shape']
        assert not {'keypoints_cam', 'camera'} & record.keys()
        for rule in ('box', 'square'):
            sample = dataset.get_data_info(index)
            for step in (HandCrop(rule), WarpCrop(32), PackHandInputs()):
                sample = step(sample)
            assert 'keypoints_cam' not in sample['data_samples'].gt_instances


def test_side_and_order_may_be_given(tmp_path):
    (joints, *_), *_ = write_set(tmp_path, 'freihand')
    record = CocoHandDataset(tmp_path, 'freihand_train', side='right').get_record(0)
    assert record['hand_side'] == 'right'
    turned = CocoHandDataset(tmp_path, 'freihand_train', order='rhd').get_record(0)['keypoints'][0]
    np.testing.assert_allclose(turned[[0, 1, 4, 17, 20]], joints[[0, 4, 1, 20, 17]], rtol=1e-6)


def test_images_and_files_may_lie_elsewhere(tmp_path):
    write_set(tmp_path / 'a', 'coco_wholebody')
    (tmp_path / 'a' / 'train2017').mkdir()
    for path in (tmp_path / 'a').glob('*.jpg'):
        path.rename(tmp_path / 'a' / 'train2017' / path.name)
    (tmp_path / 'a' / 'annotations' / 'coco_wholebody_train.json').rename(tmp_path / 'a' / 'hands.json')
    dataset = CocoHandDataset(tmp_path / 'a', 'hands', annotations='', images='train2017')
    assert dataset.get_data_info(5)['img'][0, 0, 0] in range(138, 143)


def test_images_beside_the_file_under_other_peoples_numbers(tmp_path):
    # The form of MMPose's test data of FreiHAND: ids of the full set, and keys that are not used.
    numbers, joints = (17620, 355, 115300, 0), np.arange(42.0).reshape(21, 2) * 4 + 20.5
    images = [dict(file_name=f'{number:08d}.jpg', height=224, width=224, id=number) for number in numbers]
    for image in images:
        cv2.imwrite(str(tmp_path / image['file_name']), np.zeros((224, 224, 3), np.uint8))
    rows = np.column_stack([joints, np.ones(21)])
    said = dict(bbox=[62, 82, 104, 63], area=6552, category_id=1, iscrowd=0, segmentation=[[62, 82, 62, 113.0]])
    hands = [said | dict(keypoints=rows.ravel().tolist(), id=number, image_id=number) for number in numbers]
    category = dict(supercategory='hand', id=1, name='hand', keypoints=['wrist'], skeleton=[[1, 2]])
    info = dict(description='FreiHand', version='1.0', year='2020', date_created='2020/09/08')
    content = dict(info=info, licenses='', images=images, annotations=hands, categories=[category])
    (tmp_path / 'test_freihand.json').write_text(json.dumps(content))
    dataset = CocoHandDataset(str(tmp_path), 'test_freihand', annotations='', side='right')
    samples = [dataset[index] for index in range(len(dataset))]
    assert [sample['img_path'][-12:-4] for sample in samples] == [f'{number:08d}' for number in numbers]
    for sample in samples:
        np.testing.assert_allclose(sample['keypoints'][0], joints)
        assert sample['bbox'].tolist() == [[62, 82, 166, 145]] and sample['hand_side'] == 'right'


def test_hands_without_a_label_are_counted(changed):
    dataset = changed(lambda content: content['annotations'][1].update(keypoints=[[0, 0, 0]] * 21))
    assert len(dataset) == 2 and dataset.unlabelled == 1


def test_a_box_without_area_is_that_of_the_joints(changed):
    record = changed(lambda content: content['annotations'][0].update(bbox=[0, 0, 0, 0])).get_record(0)
    joints = record['keypoints'][0]
    np.testing.assert_allclose(record['bbox'][0], [*joints.min(0), *joints.max(0)], rtol=1e-6)


def entry(**change):
    return lambda content: content['annotations'][2].update(change)


def image(**change):
    return lambda content: content['images'][1].update(change)


@pytest.mark.parametrize(
    ('edit', 'said'),
    [
        (entry(keypoints=[1, 2, 2] * 17), r"annotations\[2\]: 'keypoints' must be x, y, visibility of 21 .* found 51"),
        (entry(keypoints=None), r"annotations\[2\]: 'keypoints' must be .* found None"),
        (entry(keypoints=[[1, 2, 1]] * 20 + [[1, 2, 1e9]]), r"annotations\[2\]: 'keypoints' must be"),
        (entry(keypoints='none'), r"annotations\[2\]: 'keypoints' must be .* found 'none'"),
        (
            entry(hand_type='interacting'),
            r"annotations\[2\]: 'hand_type' must be one of \('left', 'right'\), found 'inter",
        ),
        (entry(bbox=[1, 2, -3, 4]), r"annotations\[2\]: 'bbox' must be x, y, width, height, found \[1, 2, -3, 4\]"),
        (entry(image_id=99), r"annotations\[2\]: 'image_id' must be an id in 'images', found 99"),
        (entry(image_id='12'), r"annotations\[2\]: 'image_id' must be a whole number, found '12'"),
        (image(file_name='../secret.png'), r"images\[1\]: 'file_name' must be inside the folder"),
        (image(file_name=3), r"images\[1\]: 'file_name' must be a file's path, found 3"),
        (image(id=10), r"images\[1\]: 'id' must be different in each image, found 10 twice"),
        (image(id=None), r"images\[1\]: 'id' must be a whole number, found None"),
        (image(width=-1), r"images\[1\]: 'width' and 'height' must be px"),
        (lambda content: content['annotations'].insert(1, 7), r'annotations\[1\]: expected an object \{...\}, found 7'),
        (lambda content: content.pop('annotations'), "has no list 'annotations', expected COCO's 'images' and"),
        (lambda content: content.update(annotations=[]), "has no (list 'annotations'|hand with a labelled joint)"),
    ],
)
def test_a_wrong_entry(changed, edit, said):
    with pytest.raises(ValueError, match=rf'rhd_train\.json.*{said}'):
        changed(edit)


def test_wrong_entries_may_be_skipped(changed):
    dataset = changed(entry(keypoints=None), on_corrupt='skip')
    assert len(dataset) == 2 and 'annotations[2]' in dataset.damaged[0]


@pytest.mark.parametrize('cut', [0, 1, 400])
def test_a_file_that_was_cut_off(tmp_path, cut):
    write_set(tmp_path, 'rhd')
    path = tmp_path / 'annotations' / 'rhd_train.json'
    path.write_bytes(path.read_bytes()[: cut - 1 if cut else 0])
    with pytest.raises(ValueError, match=r'rhd_train\.json'):
        CocoHandDataset(tmp_path, 'rhd_train', on_corrupt='skip')


def test_an_image_of_another_size_than_its_labels(tmp_path):
    write_set(tmp_path, 'onehand10k')
    cv2.imwrite(str(tmp_path / 'Train/source/1.jpg'), np.zeros((32, 48, 3), np.uint8))
    dataset = CocoHandDataset(tmp_path, 'onehand10k_train')
    with pytest.raises(ValueError, match=r"1\.jpg' has 48 x 32 px, but its labels are for 96 x 64"):
        dataset.get_data_info(1)
    (tmp_path / 'Train/source/0.jpg').unlink()
    with pytest.raises(FileNotFoundError, match=r'Train/source/0\.jpg'):
        dataset.get_data_info(0)


def test_a_wrong_split_or_folder(tmp_path):
    write_set(tmp_path / 'a', 'onehand10k')
    with pytest.raises(
        ValueError, match="unknown .*'onehand10k_tran'.* did you mean 'onehand10k_train'|onehand10k_train"
    ):
        CocoHandDataset(tmp_path / 'a', 'onehand10k_tran')
    with pytest.raises(FileNotFoundError, match='looks like the root of CocoHandDataset'):
        CocoHandDataset(tmp_path, 'onehand10k_train')
