"""InterHand2.6M's files, decoded by hand: x_cam = R (x_world - campos), 42 joints, the right hand first."""

from __future__ import annotations

import json

import numpy as np
import pytest

from handkd.studio.layouts.interhand import write_interhand

SPLITS = ('train', 'val', 'test')
FRAMES, CAMERAS = 4, 3
TO_HAND = [20, 3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12, 19, 18, 17, 16]


@pytest.fixture(scope='module')
def written(tmp_path_factory):
    root = tmp_path_factory.mktemp('interhand')
    return root, list(write_interhand(root, FRAMES, 2, cameras=CAMERAS))


def read(root, split, kind):
    return json.loads((root / f'annotations/{split}/InterHand2.6M_{split}_{kind}.json').read_text())


def test_there_are_the_owners_files_and_no_others(written, paths):
    root, truths = written
    expected = {
        f'annotations/{split}/InterHand2.6M_{split}_{kind}.json'
        for split in SPLITS
        for kind in ('data', 'camera', 'joint_3d')
    }
    for split in SPLITS:
        for image in read(root, split, 'data')['images']:
            place = 'Capture{capture}/{seq_name}/cam{camera}/image{frame_idx}.jpg'.format(**image)
            assert image['file_name'] == place
            expected.add(f'images/{split}/{place}')
    assert paths(root) == expected and len(expected) == 9 + 3 * FRAMES * CAMERAS
    assert {truth['img_path'] for truth in truths} == {path for path in expected if path.startswith('images')}


def test_the_labels_project_onto_the_truth(written):
    root, truths = written
    left = {(truth['img_path'], truth['hand_side']): truth for truth in truths}
    for split in SPLITS:
        data, cameras, joints = (read(root, split, kind) for kind in ('data', 'camera', 'joint_3d'))
        for image, annotation in zip(data['images'], data['annotations']):
            assert annotation['image_id'] == image['id'] and np.shape(annotation['joint_valid']) == (42, 1)
            frame = joints[str(image['capture'])][str(image['frame_idx'])]
            valid = np.array(annotation['joint_valid'])[:, 0] > 0
            np.testing.assert_array_equal(valid, np.array(frame['joint_valid'])[:, 0])
            position, rotation, focal, center = (
                np.array(cameras[str(image['capture'])][key][image['camera']])
                for key in ('campos', 'camrot', 'focal', 'princpt')
            )
            points = (np.array(frame['world_coord']) - position) @ rotation.T
            sides = {'right': ['right'], 'left': ['left'], 'interacting': ['right', 'left']}[annotation['hand_type']]
            low, high = np.array(annotation['bbox'][:2]), np.sum(np.reshape(annotation['bbox'], (2, 2)), 0)
            for side in ('right', 'left'):
                rows = slice(0, 21) if side == 'right' else slice(21, 42)
                if side not in sides:
                    assert not valid[rows].any()
                    continue
                truth = left.pop((f'images/{split}/{image["file_name"]}', side))
                labelled = truth['keypoints_valid']
                np.testing.assert_array_equal(valid[rows][TO_HAND], labelled)
                hand = points[rows][TO_HAND][labelled]
                np.testing.assert_allclose(hand, truth['keypoints_cam'][labelled], atol=1e-3)
                pixels = hand[:, :2] / hand[:, 2:] * focal + center
                np.testing.assert_allclose(pixels, truth['keypoints'][labelled], atol=1e-2)
                assert ((pixels > low) & (pixels < high)).all()
    assert not left


def test_some_frames_show_two_hands_some_one_and_some_joints_lack_a_label(written):
    root, _ = written
    for split in SPLITS:
        data = read(root, split, 'data')
        kinds = [annotation['hand_type'] for annotation in data['annotations'][::CAMERAS]]
        assert kinds == ['interacting', 'right', 'left', 'interacting']
        counts = [np.sum(annotation['joint_valid']) for annotation in data['annotations'][::CAMERAS]]
        assert counts == [42, 21, 21, 40]
        assert {(image['width'], image['height']) for image in data['images']} == {(334, 512), (512, 334)}


def test_sides_are_what_they_are_called(written, side_by_flexion):
    root, _ = written
    hands = {'right': [], 'left': []}
    for split in SPLITS:
        for frames in read(root, split, 'joint_3d').values():
            for frame in frames.values():
                for place, side in enumerate(('right', 'left')):
                    if frame['hand_type'] in (side, 'interacting') and np.all(
                        frame['joint_valid'][21 * place : 21 * place + 21]
                    ):
                        hands[side].append(np.array(frame['world_coord'])[21 * place : 21 * place + 21][TO_HAND])
    assert {side: side_by_flexion(joints) for side, joints in hands.items()} == {'right': 'right', 'left': 'left'}


def test_images_show_the_hands_and_the_nearer_one_hides_the_other(written, share_on_hand, is_jpeg_of):
    root, truths = written
    pairs = {}
    for truth in truths:
        assert is_jpeg_of(root / truth['img_path'], truth['img'])
        pairs.setdefault(truth['img_path'], []).append(truth)
    assert share_on_hand(truths) > 0.6
    both = [pair for pair in pairs.values() if len(pair) == 2]
    assert len(both) == 3 * 2 * CAMERAS
    for one, other in both:
        assert np.array_equal(one['img'], other['img']) and not (one['hand_mask'] & other['hand_mask']).any()
