"""Samples that go through the pipeline together come out as they do one by one."""

import numpy as np
import pytest
import torch
from mmengine.dataset import Compose
from mmengine.registry import init_default_scope

from handkd.datasets import ReproducibleDataset, SampleKey
from handkd.datasets.transforms import BatchTransform, HandCrop, PackHandInputs, SampleBatch, WarpCrop, take_batches
from handkd.datasets.transforms.batch import empty_arrays

CROP = [
    dict(type='HandCrop', rule='square', factor=1.25),
    dict(type='RandomCropNoise', scale=(0.9, 1.2), shift=0.1, rotation=180.0),
    dict(type='RandomHandFlip', horizontal=0.5, vertical=0.5),
    dict(type='WarpCrop', size=32),
    dict(type='DepthToCube', cube=300.0),
    dict(type='PackHandInputs', modalities=('rgb', 'depth'), fields=('hand_mask', 'part_seg')),
]


@pytest.fixture(autouse=True)
def scope():
    init_default_scope('handkd')


class Drawn(ReproducibleDataset):
    """Samples of the fixture; ``change`` may do something to each."""

    def __init__(self, make_sample, pipeline, change=lambda index, sample: None):
        super().__init__(pipeline)
        self.make_sample, self.change = make_sample, change

    def __len__(self):
        return 8

    def get_data_info(self, index):
        # With a lens or without: two kinds of camera do not go together.
        sample = self.make_sample(index, size=(65, 49) if index % 2 else (80, 50))
        sample['camera'].pop('dist', None)
        self.change(index, sample)
        return sample


def flat(packed):
    """All that a packed sample holds, by dotted key."""
    found = dict(packed['inputs'])
    labels = packed['data_samples']
    for name in ('gt_instances', 'gt_fields'):
        found |= {f'{name}.{key}': value for key, value in labels.get(name, {}).items()}
    for key in labels.metainfo_keys():
        value = labels.get(key)
        found |= {f'{key}.{name}': part for name, part in value.items()} if isinstance(value, dict) else {key: value}
    return found


def assert_same(one, other):
    one, other = flat(one), flat(other)
    assert one.keys() == other.keys()
    for key, value in one.items():
        assert type(value) is type(other[key]), key
        np.testing.assert_array_equal(np.asarray(value), np.asarray(other[key]), err_msg=key)


KEYS = [SampleKey(i, 100 + i) for i in (3, 1, 4, 1, 5)]


@pytest.mark.parametrize('rule', ['square', 'box', 'zb'])
def test_together_is_as_one_by_one(make_sample, rule):
    crop = dict(type='HandCrop', rule=rule)
    data = Drawn(make_sample, [crop, *CROP[1:]])
    assert take_batches(data.pipeline.transforms)
    for key, packed in zip(KEYS, data.__getitems__(KEYS), strict=True):
        np.random.seed(key.draw)
        alone = data.pipeline(data.get_data_info(int(key)))
        alone['data_samples'].set_metainfo(dict(sample_idx=int(key)))
        assert_same(packed, alone)
        assert_same(packed, data[key])


def test_flips_without_a_crop(make_sample):
    data = Drawn(make_sample, [CROP[2], CROP[5]])
    for key, packed in zip(KEYS, data.__getitems__(KEYS), strict=True):
        assert_same(packed, data[key])
    sides = {packed['data_samples'].hand_side for packed in data.__getitems__([SampleKey(1, i) for i in range(20)])}
    assert sides == {'left', 'right'}


def test_samples_that_do_not_fit_together_go_one_by_one(make_sample):
    def change(index, sample):
        if index == 1:
            del sample['bbox']
        if index == 4:
            sample['camera']['dist'] = np.zeros(5)

    data = Drawn(make_sample, CROP, change)
    for key, packed in zip(KEYS, data.__getitems__(KEYS), strict=True):
        assert_same(packed, data[key])
    assert 'bboxes' not in data[1]['data_samples'].gt_instances


def test_labels_that_are_missing_in_one(make_sample):
    def change(index, sample):
        if index == 4:
            sample['keypoints'][0, 7], sample['keypoints_visible'][0, 7] = np.nan, 0

    data = Drawn(make_sample, CROP, change)
    packed = data.__getitems__(KEYS)
    for key, one in zip(KEYS, packed):
        assert_same(one, data[key])
    valid = [one['data_samples'].gt_instances.keypoints_valid.sum() for one in packed]
    assert valid == [21, 21, 20, 21, 21]


@pytest.mark.parametrize(
    ('change', 'said'),
    [
        (lambda s: s['keypoints'].__setitem__((0, 3), np.nan), r"img_id 4.*'keypoints' is not finite at thumb_ip"),
        (lambda s: s.update(keypoints=s['keypoints'] * 0), r'HandCrop on sample \(img_id 4\)'),
        (lambda s: s.update(hand_side='both'), r"img_id 4.*'hand_side' must be one of"),
        (lambda s: s.update(depth=s['depth'].astype(int)), r"img_id 4.*'depth' must be"),
        (lambda s: s.update(keypoints_valid=np.arange(21)[None] != 9), r'img_id 4.*no label for its root middle_mcp'),
    ],
)
def test_the_culprit_in_a_batch_is_named(make_sample, change, said):
    def only_one(index, sample):
        sample['keypoints_valid'] = np.ones((1, 21), np.float32)
        if index == 4:
            change(sample)

    # What comes before would stumble over it, without a name.
    pipeline = CROP[5:] if "'depth'" in said or "'hand_side'" in said else CROP
    data = Drawn(make_sample, pipeline, only_one)
    with pytest.raises(ValueError, match=said):
        data.__getitems__(KEYS)


def test_pipelines_that_can_not_run_together():
    assert not take_batches([])
    assert not take_batches([HandCrop(), lambda results: results])
    assert not take_batches([PackHandInputs(), WarpCrop()])
    assert take_batches([HandCrop(), WarpCrop(), PackHandInputs()])


def test_a_batch_gives_its_samples_back(make_sample):
    samples = [make_sample(i) for i in range(3)]
    for sample in samples:
        sample['camera'].pop('dist', None)
        sample['nothing'] = None
    for sample, again in zip(samples, SampleBatch.of(samples).samples(), strict=True):
        del sample['nothing']
        assert sample.keys() == again.keys()
        for key, value in sample.items():
            if key == 'camera':
                assert value.keys() == again[key].keys()
            else:
                np.testing.assert_array_equal(value, again[key], err_msg=key)


def test_a_camera_may_say_that_it_has_no_lens(make_sample):
    def none(index, sample):
        sample['camera'] |= dict(dist=None, R=None, T=None)

    def absent(index, sample):
        sample['camera'] = {'K': sample['camera']['K']}

    for key in KEYS:
        assert_same(Drawn(make_sample, CROP, none)[key], Drawn(make_sample, CROP, absent)[key])


def test_a_transform_of_ones_own(make_sample):
    class Shift(BatchTransform):
        num_draws = 1

        def transform_batch(self, batch, draws):
            batch['keypoints'] = batch['keypoints'] + draws[:, :, None].astype(np.float32)

    data = Drawn(make_sample, [Shift(), CROP[5]])
    shifts = [packed['data_samples'].gt_instances.keypoints - make_sample(1)['keypoints'] for packed in (data[1],)]
    np.random.seed(1)
    np.testing.assert_allclose(shifts[0], np.random.random(), atol=1e-4)
    assert Compose([Shift()])(make_sample(0))['keypoints'].shape == (1, 21, 2)


def test_arrays_in_one_block_do_not_overlap():
    arrays = empty_arrays(
        {'a': ((3, 5), np.uint8), 'b': ((2, 2), np.float64), 'c': ((7,), bool), 'd': ((1,), np.uint16)}
    )
    for i, array in enumerate(arrays.values()):
        array[...] = i % 2 if array.dtype == bool else i
    assert [array.dtype for array in arrays.values()] == [np.uint8, np.float64, bool, np.uint16]
    assert (arrays['a'] == 0).all() and (arrays['b'] == 1).all() and not arrays['c'].any() and arrays['d'][0] == 3
    assert isinstance(torch.from_numpy(arrays['b']), torch.Tensor) and arrays['b'].flags.aligned
