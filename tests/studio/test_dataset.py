"""The studio as a data set: reproducible, split, checked."""

from __future__ import annotations

import hashlib
import json
import pickle
import subprocess
import sys

import numpy as np
import pytest

from handkd.registry import DATASETS
from handkd.studio import StudioDataset


def digest(sample: dict) -> str:
    """Hash everything in a sample."""
    total = hashlib.sha256()
    for key in sorted(sample):
        value = sample[key]
        if isinstance(value, dict):
            value = np.concatenate([np.ravel(value[k]) for k in sorted(value)])
        total.update(key.encode())
        total.update(value.tobytes() if isinstance(value, np.ndarray) else repr(value).encode())
    return total.hexdigest()


ARGUMENTS = {'length': 50, 'seed': 3, 'randomisation': 'strong', 'depth_sensor': 'kinect', 'label_noise_mm': 2.0}


def test_samples_are_identical_in_another_process_and_order():
    here = StudioDataset('train', **ARGUMENTS)
    expected = [digest(here[k]) for k in range(6)]
    code = (
        'import json, sys; from test_dataset import *\n'
        "d = StudioDataset('train', **ARGUMENTS); print(json.dumps({k: digest(d[k]) for k in (5, 2, 0, 4, 1, 3)}))"
    )
    folder = str(__import__('pathlib').Path(__file__).parent)
    out = subprocess.run([sys.executable, '-c', code], cwd=folder, capture_output=True, text=True, check=True).stdout
    there = json.loads(out.strip().splitlines()[-1])
    assert [there[str(k)] for k in range(6)] == expected


def test_samples_do_not_touch_or_follow_the_global_generator():
    dataset = StudioDataset('train', 10)
    np.random.seed(1)
    before = np.random.get_state()[1].copy()
    first = digest(dataset.get_data_info(4))
    assert (np.random.get_state()[1] == before).all()
    np.random.seed(2)
    assert digest(dataset.get_data_info(4)) == first


def test_geometry_does_not_depend_on_modalities():
    both = StudioDataset('val', 5, modalities=('rgb', 'depth')).get_data_info(2)
    alone = StudioDataset('val', 5, modalities=('depth',)).get_data_info(2)
    assert 'img' not in alone and 'img' in both
    for key in ('depth', 'part_seg', 'keypoints_cam', 'keypoints'):
        np.testing.assert_array_equal(both[key], alone[key])


def test_pickles_small_and_gives_the_same_samples():
    dataset = StudioDataset('train', 20)
    dataset[0]
    data = pickle.dumps(dataset)
    assert len(data) < 4096
    assert digest(pickle.loads(data)[7]) == digest(dataset[7])


def test_keys_types_and_shapes():
    sample = StudioDataset('test', 3, resolution=48, modalities=('rgb', 'depth'))[1]
    kinds = {
        'img': ((48, 48, 3), np.uint8), 'depth': ((48, 48), np.float32), 'part_seg': ((48, 48), np.uint8),
        'hand_mask': ((48, 48), np.bool_), 'keypoints': ((1, 21, 2), np.float32), 'bbox': ((1, 4), np.float32),
        'keypoints_visible': ((1, 21), np.float32), 'keypoints_cam': ((1, 21, 3), np.float32),
    }  # fmt: skip
    for key, (shape, dtype) in kinds.items():
        assert sample[key].shape == shape and sample[key].dtype == dtype, key
    assert sample['hand_side'] in ('left', 'right')
    assert {'K', 'R', 'T'} <= set(sample['camera'])


def test_registered_by_name_with_metainfo():
    dataset = DATASETS.build({'type': 'StudioDataset', 'split': 'val', 'length': 2})
    assert dataset.metainfo['dataset_name'] == 'studio' and len(dataset.metainfo['joint_names']) == 21
    assert len(dataset) == 2
    with pytest.raises(IndexError, match='has 2 samples, found index 2'):
        dataset.get_data_info(2)


def test_one_side_only():
    dataset = StudioDataset('train', 12, sides=('left',), modalities=('depth',))
    assert {dataset[k]['hand_side'] for k in range(12)} == {'left'}


def test_background_depth_fills_the_wall():
    arguments = {'length': 4, 'modalities': ('depth',), 'randomisation': {'front': 0.0, 'stick': 0.0}}
    bare = StudioDataset('train', **arguments)[1]['depth']
    wall = StudioDataset('train', background_depth=True, **arguments)[1]['depth']
    empty = bare == 0
    assert empty.any() and len(np.unique(wall[empty])) == 1
    assert wall[empty][0] > bare[~empty].min()
    np.testing.assert_array_equal(wall[~empty], bare[~empty])


def test_label_noise_moves_joints_but_not_pixels():
    clean = StudioDataset('train', 40, modalities=('depth',))
    noisy = StudioDataset('train', 40, modalities=('depth',), label_noise_mm=5.0)
    moved = np.stack([noisy[k]['keypoints_cam'] - clean[k]['keypoints_cam'] for k in range(40)])
    assert moved.std() == pytest.approx(5.0, rel=0.08)
    np.testing.assert_array_equal(clean[3]['depth'], noisy[3]['depth'])


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        ({'split': 'trian'}, "split: there is no 'trian'; did you mean 'train'"),
        ({'modalities': ('rgbd',)}, "modalities: there is no 'rgbd'; did you mean 'rgb'"),
        ({'sides': ('lefft',)}, "sides: there is no 'lefft'; did you mean 'left'"),
        ({'randomisation': 'defualt'}, "randomisation: there is no 'defualt'; did you mean 'default'"),
        ({'randomisation': {'blurr': (0, 1)}}, "unknown key 'blurr'; did you mean 'blur'"),
        ({'randomisation': {'jpeg': 2}}, r"randomisation\['jpeg'\] must be in \[0, 1\], found 2"),
        ({'randomisation': {'focal': 3}}, r"randomisation\['focal'\] must be a range"),
        ({'depth_sensor': 'kinnect'}, "depth_sensor: there is no 'kinnect'; did you mean 'kinect'"),
        ({'depth_sensor': {'nosie': 1}}, "unknown key 'nosie'; did you mean 'noise'"),
        ({'crop_noise': {'scal': (1, 1)}}, "unknown key 'scal'; did you mean 'scale'"),
        ({'crop_noise': {'scale': (0, 1)}}, 'must be a range'),
        ({'length': 0}, 'length must be an integer of at least 1, found 0'),
        ({'resolution': 4.5}, 'resolution must be an integer of at least 8, found 4.5'),
    ],
)
def test_wrong_arguments_name_the_right_ones(change, message):
    with pytest.raises(ValueError, match=message):
        StudioDataset(**{'split': 'train', 'length': 5} | change)


@pytest.mark.parametrize(('view', 'upright'), [(40.0, True), (180.0, False)])
def test_the_view_setting_bounds_how_far_hands_lean_from_upright(view, upright):
    data = StudioDataset('test', 200, modalities=('parts',), randomisation={'view': view})
    joints = np.concatenate([data.get_data_info(i)['keypoints_cam'] for i in range(200)])
    fingers = joints[:, 9] - joints[:, 0]
    lean = np.degrees(np.arccos(-fingers[:, 1] / np.linalg.norm(fingers, axis=1)))  # the image's y points down
    # Ten degrees to spare: the middle metacarpal is not exactly the palm frame's axis.
    assert (lean.max() < 50) == upright


def test_labels_are_those_of_the_rendered_sample():
    dataset = StudioDataset('train', **ARGUMENTS)
    for i in (0, 17):
        labels, sample = dataset.get_labels(i), dataset.get_data_info(i)
        assert sample.keys() - labels.keys() == {'img', 'depth', 'hand_mask', 'part_seg'}
        assert digest(labels) == digest({key: sample[key] for key in labels})
    with pytest.raises(IndexError, match='50 samples, found index 50'):
        dataset.get_labels(50)
