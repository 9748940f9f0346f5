"""InterHand2.6M's annotation files become arrays: sides, joint order, numbers of texts, cameras."""

import json

import numpy as np
import pytest

from handkd.datasets.readers.interhand_files import HAND_TYPES, pack_flags, read_cameras, read_data, read_joints

JOINTS_42 = np.arange(126.0).reshape(42, 3)
FROM_FILE = [20, 3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12, 19, 18, 17, 16]  # one hand, in handkd's order


def unpack(valid):
    return np.unpackbits(valid, axis=-1, count=21) > 0


def save(tmp_path, content):
    path = tmp_path / 'labels.json'
    path.write_text(json.dumps(content))
    return path


def image(number, **changes):
    entry = dict(id=number, file_name=f'Capture1/seq/cam40/image{number}.jpg', width=334, height=512, capture=1)
    return {**entry, 'subject': 2, 'seq_name': 'seq', 'camera': '40', 'frame_idx': number, **changes}


def annotation(number, **changes):
    return dict(id=5, image_id=number, joint_valid=[[1]] * 42, hand_type='right', hand_type_valid=1) | changes


def test_images_and_annotations_are_columns(tmp_path):
    images = [image(7), image(3, camera='41', width=512, height=334), image(9, capture='x', file_name='a.jpg')]
    flags = [0] * 21 + [1] * 21
    flags[41] = 0
    annotations = [annotation(9), annotation(7, hand_type='left', joint_valid=flags)]
    read = read_data(save(tmp_path, dict(info={}, images=images, annotations=annotations)))
    assert read['id'].tolist() == [7, 3, 9] and read['frame'].tolist() == [7, 3, 9]
    assert read['width'].tolist() == [334, 512, 334] and read['name'].tolist() == [
        b'image7.jpg',
        b'image3.jpg',
        b'a.jpg',
    ]
    assert read['cameras'][read['camera']].tolist() == ['40', '41', '40']
    assert read['captures'][read['capture']].tolist() == ['1', '1', 'x']
    assert read['folders'][read['folder']].tolist() == ['Capture1/seq/cam40', 'Capture1/seq/cam40', '']
    assert read['image_id'].tolist() == [9, 7] and [HAND_TYPES[t] for t in read['hand_type']] == ['right', 'left']
    left, right = unpack(read['valid'])[1]
    assert not right.any() and not left[0] and left[1:].all(), 'the wrist is the last of the 21 in the file'
    assert len(read['faults']) == 0


def test_joints_are_in_handkds_order_and_the_left_hand_comes_first(tmp_path):
    frame = dict(world_coord=JOINTS_42.tolist(), joint_valid=[True] * 41 + [False], hand_type='interacting')
    read = read_joints(save(tmp_path, {'3': {'8': frame, '12': frame}, '11': {'8': frame}}))
    assert read['captures'][read['capture']].tolist() == ['3', '3', '11'] and read['frame'].tolist() == [8, 12, 8]
    left, right = read['joints'][2]
    np.testing.assert_array_equal(right, JOINTS_42[FROM_FILE])
    np.testing.assert_array_equal(left[1:], JOINTS_42[21:][FROM_FILE][1:])
    assert (left[0] == 0).all()
    valid = unpack(read['valid'])[2]
    assert not valid[0, 0] and valid.sum() == 41


def test_numbers_of_joints_without_a_label_are_not_read(tmp_path):
    points = JOINTS_42.copy()
    points[3] = 1e300
    flags = [1] * 42
    good = dict(world_coord=JOINTS_42.tolist(), joint_valid=flags)
    bad = dict(world_coord=points.tolist(), joint_valid=flags)
    read = read_joints(save(tmp_path, {'3': {'8': bad, '9': good}}))
    assert read['frame'].tolist() == [9] and "3.8: 'world_coord' of 'right thumb_cmc' is" in read['faults'][0]
    flags[3] = 0
    read = read_joints(save(tmp_path, {'3': {'8': dict(world_coord=points.tolist(), joint_valid=flags)}}))
    assert not read['faults'].size and (read['joints'][0, 1, 1] == 0).all()


def test_a_camera_is_at_its_position_and_looks_along_its_third_axis(tmp_path):
    rotation = [[0.0, 1, 0], [-1, 0, 0], [0, 0, 1]]
    rig = dict(
        campos={'40': [10.0, 20, 30]}, camrot={'40': rotation}, focal={'40': [1200, 1300]}, princpt={'40': [167, 256]}
    )
    camera = read_cameras(save(tmp_path, {'3': rig}))['3', '40']
    point = np.array([10.0, 25, 1030])
    in_camera = camera['R'] @ point + camera['T']
    np.testing.assert_allclose(in_camera, [5, 0, 1000], atol=1e-9)
    np.testing.assert_allclose(camera['K'], [[1200, 0, 167], [0, 1300, 256], [0, 0, 1]])


def test_packed_flags_are_of_the_named_joints():
    assert np.flatnonzero(unpack(pack_flags([0, 5, 20]))).tolist() == [0, 5, 20] and not pack_flags([]).any()


def test_a_frame_that_is_there_twice_is_refused(tmp_path):
    frame = json.dumps(dict(world_coord=JOINTS_42.tolist(), joint_valid=[1] * 42))
    path = tmp_path / 'labels.json'
    path.write_text(f'{{"3": {{"8": {frame}, "08": {frame}}}}}')
    with pytest.raises(ValueError, match='has a frame of a capture twice'):
        read_joints(path)
