"""MMPose's own hand data sets give the samples of our reader, and train a 2D network through the runner."""

import numpy as np
import pytest
from mmengine.registry import init_default_scope

from handkd.datasets import CocoHandDataset, MMPoseHandDataset, SampleKey
from handkd.hints import ConfigError
from tests.datasets.coco_sets import SETS, write_set

CROP = [dict(type='HandCrop', rule='square'), dict(type='RandomCropNoise', shift=0.1), dict(type='WarpCrop', size=32)]


@pytest.fixture(autouse=True)
def scope():
    """As after load_config."""
    init_default_scope('handkd')


def settings(root, name, **more):
    return dict(type=SETS[name]['type'], data_root=str(root), ann_file=f'annotations/{name}_train.json', **more)


@pytest.mark.parametrize('name', SETS)
def test_a_set_of_mmposes_gives_the_samples_of_our_reader(name, tmp_path):
    write_set(tmp_path, name)
    theirs = MMPoseHandDataset(settings(tmp_path, name))
    ours = CocoHandDataset(tmp_path, f'{name}_train')
    assert len(theirs) == len(ours) and len(theirs.metainfo['joint_names']) == 21
    for index in range(len(ours)):
        found, expected = theirs.get_data_info(index), ours.get_data_info(index)
        if name == 'coco_wholebody':
            expected.pop('hand_side')  # MMPose drops it
        if name == 'freihand':
            found.pop('bbox'), expected.pop('bbox')  # MMPose's is the whole image
        assert found.keys() == expected.keys()
        for key, value in expected.items():
            if key == 'bbox':
                np.testing.assert_allclose(found[key], value, atol=1e-3)
            elif isinstance(value, np.ndarray):
                np.testing.assert_array_equal(found[key], value, err_msg=key)
            else:
                assert found[key] == value, key


def test_augmentation_is_that_of_the_samplers_seed(tmp_path):
    write_set(tmp_path, 'onehand10k')
    dataset = MMPoseHandDataset(settings(tmp_path, 'onehand10k'), [*CROP, dict(type='PackHandInputs')])
    one, same, other = (dataset[SampleKey(1, draw)]['data_samples'].gt_instances.keypoints for draw in (5, 5, 6))
    np.testing.assert_array_equal(one, same)
    assert np.abs(one - other).max() > 0.1


def test_what_is_not_a_hand_of_mmposes(tmp_path):
    write_set(tmp_path, 'onehand10k')
    inner = settings(tmp_path, 'onehand10k')
    with pytest.raises(ConfigError, match='OneHand10KDataset must have no pipeline; give it to the wrapper'):
        MMPoseHandDataset(dict(inner, pipeline=CROP))
    with pytest.raises(ConfigError, match="joints of CocoDataset must be a hand's 21, .* found 'nose' among them"):
        MMPoseHandDataset(dict(inner, type='CocoDataset', lazy_init=True))
    with pytest.raises(ConfigError, match='StudioDataset is no data set of MMPose: use it without the wrapper'):
        MMPoseHandDataset(dict(type='StudioDataset', split='train', length=1))
    with pytest.raises(IndexError, match='has 3 samples, found index 3'):
        MMPoseHandDataset(inner).get_labels(3)
