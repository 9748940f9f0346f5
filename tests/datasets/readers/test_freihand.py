"""FreiHAND: a tree that the studio wrote comes back, and trees that are not FreiHAND, or not whole, are refused."""

import json
import os
import shutil

import cv2
import numpy as np
import pytest

from handkd.datasets import FreiHANDDataset, SampleKey
from handkd.datasets.readers.freihand import FREIHAND_JOINTS
from handkd.hand import JOINTS
from handkd.studio.layouts import write_layout

HANDS = 3


@pytest.fixture(scope='module')
def written(tmp_path_factory):
    root = tmp_path_factory.mktemp('freihand')
    return root, {truth['img_path']: truth for truth in write_layout('freihand', root, HANDS)}


@pytest.fixture
def copy(written, tmp_path):
    """A tree to be spoilt."""
    shutil.copytree(written[0], tmp_path / 'FreiHAND_pub_v2')
    return tmp_path / 'FreiHAND_pub_v2'


def change(root, name, edit):
    """Replace a label file's content by what ``edit`` makes of it."""
    (root / name).write_text(json.dumps(edit(json.loads((root / name).read_text()))))


def setting(*keys, to):
    """An edit that sets one value, or removes it."""

    def edit(content):
        inner = content
        for key in keys[:-1]:
            inner = inner[key]
        if to is None:
            del inner[keys[-1]]
        else:
            inner[keys[-1]] = to
        return content

    return edit


def test_joint_order():
    assert FREIHAND_JOINTS == JOINTS


@pytest.mark.parametrize(
    ('split', 'versions', 'modalities'),
    [
        ('training', ('gs', 'hom', 'sample', 'auto'), ('rgb',)),
        ('training', ('gs',), ('rgb', 'mask')),
        ('evaluation', ('gs', 'hom', 'sample', 'auto'), ('rgb',)),
    ],
)
def test_the_studio_comes_back(written, split, versions, modalities):
    root, truths = written
    dataset = FreiHANDDataset(root, split, versions=versions, modalities=modalities)
    known = {path for path, t in truths.items() if t['split'] == split and t['copy'] < len(versions)}
    assert len(dataset) == len(known) and not dataset.damaged
    for index in range(len(dataset)):
        record = dataset.get_data_info(index)
        path = os.path.relpath(record['img_path'], root)
        known.remove(path)
        truth = truths[path]
        assert record['img_id'] == index and record['hand_side'] == truth['hand_side'] == 'right'
        np.testing.assert_allclose(record['keypoints_cam'][0], truth['keypoints_cam'], atol=1e-4)
        np.testing.assert_allclose(record['keypoints'][0], truth['keypoints'], atol=1e-3)
        np.testing.assert_array_equal(record['camera']['K'], truth['camera']['K'])
        assert abs(record['bone_length'] - truth['bone_length']) < 1e-9
        assert record['img'].shape == (224, 224, 3) and record['keypoints_valid'].all()
        assert np.abs(record['img'].astype(int) - truth['img']).mean() < 4
        if 'mask' in modalities:
            np.testing.assert_array_equal(record['hand_mask'], truth['hand_mask'])
    assert not known


@pytest.mark.parametrize(
    ('versions', 'copies'), [(('gs',), [0]), (('auto', 'hom'), [1, 3]), (('gs', 'hom', 'sample', 'auto'), range(4))]
)
def test_copies_are_chosen_and_show_the_same_hands(written, versions, copies):
    dataset = FreiHANDDataset(written[0], 'training', versions=versions)
    records = [dataset.get_record(index) for index in range(len(dataset))]
    names = [os.path.basename(record['img_path']) for record in records]
    assert names == [f'{hand + HANDS * copy:08d}.jpg' for copy in copies for hand in range(HANDS)]
    for index, record in enumerate(records):
        np.testing.assert_array_equal(record['keypoints_cam'], records[index % HANDS]['keypoints_cam'])
    assert {'training': 32560 * len(versions), 'evaluation': 3960} == dataset.PUBLISHED
    assert FreiHANDDataset.PUBLISHED['training'] == 130240


def test_masks_of_other_copies_are_refused_and_not_offered(written):
    for settings in (dict(split='training'), dict(split='evaluation', versions=('gs',))):
        with pytest.raises(
            ValueError, match=r"only the first copy .* has masks; .*split='training' and versions=\('gs',"
        ):
            FreiHANDDataset(written[0], modalities=('rgb', 'mask'), **settings)
        assert FreiHANDDataset.offers(settings) == ('rgb',)
    assert FreiHANDDataset.offers(dict(split='training', versions=['gs'])) == ('rgb', 'mask')


def test_absent_evaluation_labels_are_named_or_done_without(written, copy):
    (copy / 'evaluation_xyz.json').unlink()
    with pytest.raises(FileNotFoundError, match=r"expects 'evaluation_xyz\.json'.*published after.*truth=False"):
        FreiHANDDataset(copy, 'evaluation')
    bare = FreiHANDDataset(copy, 'evaluation', truth=False)
    assert len(bare) == HANDS
    record, full = bare.get_data_info(1), FreiHANDDataset(written[0], 'evaluation').get_data_info(1)
    assert not record['keypoints_valid'].any() and not record['keypoints_visible'].any()
    np.testing.assert_array_equal(record['bbox'], [[0, 0, 223, 223]])
    np.testing.assert_array_equal(record['camera']['K'], full['camera']['K'])
    assert record['bone_length'] == full['bone_length']
    with pytest.raises(ValueError, match='training always has labels'):
        FreiHANDDataset(copy, 'training', truth=False)


def test_wrong_roots(written, copy, tmp_path):
    with pytest.raises(FileNotFoundError, match='looks like the root of FreiHANDDataset'):
        FreiHANDDataset(copy / 'training', 'training')
    with pytest.raises(FileNotFoundError, match="FreiHAND_pub_v2' looks like the root of FreiHANDDataset"):
        FreiHANDDataset(tmp_path, 'training')
    (tmp_path / 'other' / 'training').mkdir(parents=True)
    (tmp_path / 'other' / 'training' / 'anno_training.pickle').touch()
    with pytest.raises(FileNotFoundError, match='the folder looks like the root of RHDDataset'):
        FreiHANDDataset(tmp_path / 'other', 'training')


@pytest.mark.parametrize(
    ('settings', 'said'),
    [
        (dict(split='train'), "there is no 'train'; did you mean 'training'"),
        (dict(split='training', versions=('green',)), "there is no 'green'"),
        (dict(split='training', versions='gs'), 'must be names such as'),
        (dict(split='training', versions=()), 'must be names such as'),
        (dict(split='training', versions=('gs', 'gs')), 'must be names such as'),
    ],
)
def test_wrong_settings(written, settings, said):
    with pytest.raises(ValueError, match=said):
        FreiHANDDataset(written[0], **settings)


@pytest.mark.parametrize(
    ('name', 'edit', 'said'),
    [
        ('training_xyz.json', lambda c: c[:2], r"training_xyz\.json' has 2 entries, but .*training_K\.json' has 3"),
        ('training_xyz.json', lambda c: {'a': c}, r"training_xyz\.json' must be a list"),
        ('training_K.json', lambda c: [], r"training_K\.json' must be a list"),
        (
            'training_xyz.json',
            setting(1, 4, to=None),
            r"xyz\.json', entry 1: expected numbers of shape \(21, 3\), found",
        ),
        ('training_xyz.json', setting(1, 4, 0, to=None), r'entry 1: expected numbers of shape \(21, 3\), found \['),
        ('training_xyz.json', setting(1, 0, to=[0, 0, 1e9]), r"frame 1, joint 'wrist' is .* no finite"),
        ('training_xyz.json', setting(1, to='none'), r"entry 1: expected numbers of shape \(21, 3\), found 'none'"),
        ('training_xyz.json', setting(1, 0, to=['0', 0, 1]), 'entry 1: expected numbers'),
        ('training_K.json', setting(2, 0, 0, to=0), "entry 2: focal lengths in 'K' must be above 0"),
        ('training_K.json', setting(0, to=[1, 2]), r'entry 0: expected numbers of shape \(3, 3\)'),
        ('training_scale.json', setting(0, to=28.0), 'entry 0: expected the length of a bone in metres'),
    ],
)
def test_wrong_labels(copy, name, edit, said):
    change(copy, name, edit)
    with pytest.raises(ValueError, match=said) as caught:
        FreiHANDDataset(copy, 'training').get_record(1)
    assert '\n' not in str(caught.value)


@pytest.mark.parametrize(
    ('data', 'said'), [(b'[[[0.1, 0.2', 'not valid JSON'), (b'[NaN]', 'NaN is not a JSON'), (b'[' * 99999, 'not valid')]
)
def test_broken_json(copy, data, said):
    (copy / 'training_xyz.json').write_bytes(data)
    with pytest.raises(ValueError, match=rf'training_xyz\.json.*{said}'):
        FreiHANDDataset(copy, 'training')


def test_half_a_download_is_named_or_trained_with_on_request(copy):
    """The copies after the first are often left out; the number of hands is that of the labels."""
    for number in range(HANDS, 4 * HANDS):
        (copy / 'training' / 'rgb' / f'{number:08d}.jpg').unlink()
    with pytest.raises(
        ValueError,
        match=r"rgb' has 3 images .* labels for 12: 9 missing \(00000003\.jpg.*of 3 hands, the published .*32560",
    ):
        FreiHANDDataset(copy, 'training')
    dataset = FreiHANDDataset(copy, 'training', on_corrupt='skip')
    assert dataset[SampleKey(5, 0)]['img_id'] == 0 and dataset.skipped.indices()
    (copy / 'training' / 'mask' / '00000001.jpg').unlink()
    with pytest.raises(ValueError, match=r"mask' has 2 images"):
        FreiHANDDataset(copy, 'training', versions=('gs',), modalities=('mask',))


def test_a_tree_of_the_chosen_copies_alone_is_read(copy):
    for name in ('training_scale.json', 'training/mask'):
        path = copy / name
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    whole = [FreiHANDDataset(copy, 'training', versions=('gs', 'auto')).get_data_info(i) for i in range(2 * HANDS)]
    for number in range(HANDS, 3 * HANDS):
        (copy / 'training' / 'rgb' / f'{number:08d}.jpg').unlink()
    dataset = FreiHANDDataset(copy, 'training', versions=('gs', 'auto'))
    assert len(dataset) == 2 * HANDS and 'bone_length' not in dataset.get_record(0)
    for index, known in enumerate(whole):
        sample = dataset.get_data_info(index)
        np.testing.assert_array_equal(sample['img'], known['img'])
        np.testing.assert_array_equal(sample['keypoints_cam'], known['keypoints_cam'])
    with pytest.raises(FileNotFoundError, match="expects 'training/mask' there"):
        FreiHANDDataset(copy, 'training', versions=('gs',), modalities=('mask',))
    with pytest.raises(ValueError, match=r"rgb' has 0 images .* labels for 3: 3 missing \(00000003\.jpg"):
        FreiHANDDataset(copy, 'training', versions=('hom',))
    (copy / 'training' / 'rgb' / '00000012.jpg').touch()
    with pytest.raises(ValueError, match=r'1 without a label \(00000012\.jpg'):
        FreiHANDDataset(copy, 'training', versions=('gs',))


def test_a_damaged_entry_is_left_out_on_request(copy):
    change(copy, 'training_xyz.json', setting(1, 20, to=None))
    with pytest.raises(ValueError, match="on_corrupt='skip'"):
        FreiHANDDataset(copy, 'training')
    dataset = FreiHANDDataset(copy, 'training', on_corrupt='skip')
    assert len(dataset) == 8 and len(dataset.damaged) == 1
    names = [os.path.basename(dataset.get_record(index)['img_path']) for index in range(3)]
    assert names == ['00000000.jpg', '00000002.jpg', '00000003.jpg']


def test_masks_are_the_bright_pixels_of_grey_and_of_colour_files(copy):
    path = copy / 'training' / 'mask' / '00000000.jpg'
    dataset = FreiHANDDataset(copy, 'training', versions=('gs',), modalities=('mask',))
    grey = np.full((224, 224), 90, np.uint8)
    grey[:100] = 170
    for image in (grey, np.repeat(grey[..., None], 3, 2)):
        cv2.imwrite(str(path), image)
        mask = dataset.get_data_info(0)['hand_mask']
        assert mask.dtype == bool and mask[:96].all() and not mask[104:].any()
