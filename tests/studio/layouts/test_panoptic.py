"""CMU Panoptic's files, decoded by hand: the toolbox's frame, OpenCV's lens, centimetres."""

from __future__ import annotations

import json
from itertools import islice

import cv2
import numpy as np
import pytest

from handkd.studio.layouts.panoptic import write_panoptic

SEQUENCES = {'train': '171026_pose1', 'test': '171204_pose5'}
NODES = 2


@pytest.fixture(scope='module')
def written(tmp_path_factory):
    root = tmp_path_factory.mktemp('panoptic')
    return root, list(write_panoptic(root, 3, 3, cameras=NODES))


def read_cameras(root, sequence):
    cameras = json.loads((root / sequence / f'calibration_{sequence}.json').read_text())['cameras']
    return cameras, {camera['node']: camera for camera in cameras if camera['type'] == 'hd'}


def read_hands(root, sequence):
    """(frame, side) -> world joints (21, 3) in cm, of hands that may be used."""
    hands = {}
    for path in (root / sequence / 'hdHand3d').iterdir():
        for person in json.loads(path.read_text())['people']:
            for side in ('left', 'right'):
                hand = person.get(f'{side}_hand')
                if person['id'] >= 0 and hand and np.mean(hand['averageScore']) >= 0.001:
                    assert all(len(hand[key]) == 21 for key in ('averageReproError', 'validity', 'visibility'))
                    hands[int(path.stem[-8:]), side] = np.reshape(hand['landmarks'], (21, 3))
    return hands


def key(truth):
    return truth['sequence'], truth['frame'], truth['hand_side'], truth['view']


def test_every_sequence_has_its_files_and_frames_have_gaps(written, paths):
    root, truths = written
    expected = set()
    for sequence in SEQUENCES.values():
        frames = sorted({truth['frame'] for truth in truths if truth['sequence'] == sequence})
        assert len(frames) == 3 and min(np.diff(frames)) > 1
        expected |= {f'{sequence}/calibration_{sequence}.json'}
        for frame in frames:
            expected |= {f'{sequence}/hdHand3d/handRecon3D_hd{frame:08d}.json'}
            expected |= {f'{sequence}/hdPose3d_stage1_coco19/body3DScene_{frame:08d}.json'}
            expected |= {f'{sequence}/hdImgs/00_{k:02d}/00_{k:02d}_{frame:08d}.jpg' for k in range(NODES)}
    assert paths(root) == expected
    for truth in truths:
        name = '{sequence}/hdImgs/00_{view:02d}/00_{view:02d}_{frame:08d}.jpg'.format(**truth)
        assert truth['img_path'] == name and SEQUENCES[truth['split']] == truth['sequence']


def test_the_calibration_lists_cameras_of_every_kind(written):
    for sequence in SEQUENCES.values():
        cameras, hd = read_cameras(written[0], sequence)
        assert sorted(hd) == list(range(NODES)) and {c['type'] for c in cameras} == {'hd', 'vga', 'kinect-color'}
        for node, camera in hd.items():
            assert (camera['name'], camera['panel'], camera['resolution']) == (f'00_{node:02d}', 0, [1920, 1080])
            assert np.shape(camera['t']) == (3, 1) and np.isclose(np.linalg.det(camera['R']), 1)
            eye = -np.transpose(camera['R']) @ np.array(camera['t'])[:, 0]
            assert abs(np.hypot(eye[0], eye[2]) - 245) < 1 and eye[1] < 0, 'cm: in the dome, above its floor'
            assert camera['R'][1][1] > 0.5, 'down in the image is down in the world'


def test_the_labels_project_onto_the_truth(written):
    root, truths = written
    expected = set()
    for sequence in SEQUENCES.values():
        _, cameras = read_cameras(root, sequence)
        hands = read_hands(root, sequence)
        expected |= {(sequence, *hand, node) for hand in hands for node in cameras}
        for truth in (truth for truth in truths if truth['sequence'] == sequence):
            joints, camera = hands[truth['frame'], truth['hand_side']], cameras[truth['view']]
            matrix, lens = np.array(camera['K']), np.array(camera['distCoef'])
            rotation, translation = np.array(camera['R']), np.array(camera['t'])
            rvec = cv2.Rodrigues(rotation)[0]
            pixels = cv2.projectPoints(joints, rvec, translation, matrix, lens)[0][:, 0]
            assert np.abs(pixels - truth['keypoints']).max() < 0.002
            in_camera = (joints @ rotation.T + translation.T) * 10
            assert np.abs(in_camera - truth['keypoints_cam']).max() < 0.002
            assert np.allclose(truth['camera']['K'], matrix) and np.allclose(truth['camera']['dist'], lens)
            assert np.allclose(truth['camera']['R'], rotation)
            assert np.allclose(truth['camera']['T'], translation[:, 0] * 10)
    assert {key(truth) for truth in truths} == expected and len(truths) == len(expected)


def test_some_hands_are_missing_or_not_to_be_used(written):
    root, _ = written
    for sequence in SEQUENCES.values():
        hands = read_hands(root, sequence)
        frames = sorted({frame for frame, _ in hands})
        assert set(hands) == {
            (frames[0], 'left'), (frames[0], 'right'), (frames[1], 'right'), (frames[2], 'left'),
        }  # fmt: skip
        files = sorted((root / sequence / 'hdHand3d').iterdir())
        people = [json.loads(path.read_text())['people'] for path in files]
        assert [[person['id'] for person in frame] for frame in people] == [[-1, 0], [0], [0]]
        assert 'left_hand' not in people[1][0] and 'right_hand' in people[2][0]


def test_the_bodys_wrists_are_the_hands(written):
    root, _ = written
    for sequence in SEQUENCES.values():
        for (frame, side), joints in read_hands(root, sequence).items():
            path = root / sequence / f'hdPose3d_stage1_coco19/body3DScene_{frame:08d}.json'
            body = np.reshape(json.loads(path.read_text())['bodies'][0]['joints19'], (19, 4))
            row = {'left': 5, 'right': 11}[side]
            assert np.allclose(body[row, :3], joints[0]) and body[row, 3] > 0
            assert (np.delete(body, (5, 11), 0) == (0, 0, 0, -1)).all()


def test_sides_are_what_they_are_called(written, side_by_flexion):
    root, _ = written
    hands = {'left': [], 'right': []}
    for sequence in SEQUENCES.values():
        for (_, side), joints in read_hands(root, sequence).items():
            hands[side].append(10 * joints)
    assert {side: side_by_flexion(joints) for side, joints in hands.items()} == {'left': 'left', 'right': 'right'}


def test_images_show_both_hands_at_the_joints(written, share_on_hand, is_jpeg_of):
    root, truths = written
    for truth in truths:
        assert truth['img'].shape == (1080, 1920, 3) and is_jpeg_of(root / truth['img_path'], truth['img'])
        assert ((truth['keypoints'] > 0) & (truth['keypoints'] < (1920, 1080))).all()
    assert share_on_hand(truths) > 0.75
    pairs = {}
    for truth in truths:
        pairs.setdefault(truth['img_path'], []).append(truth)
    both = [pair for pair in pairs.values() if len(pair) == 2]
    assert len(both) == 2 * NODES
    for left, right in both:
        assert np.array_equal(left['img'], right['img']) and not (left['hand_mask'] & right['hand_mask']).any()


def test_a_hand_that_another_hides_is_not_in_the_mask(tmp_path, monkeypatch):
    places = {'left': (0.0, -1150.0, -200.0), 'right': (0.0, -1150.0, 200.0)}
    monkeypatch.setattr('handkd.studio.layouts.panoptic._HANDS', places)
    front, rear = islice(write_panoptic(tmp_path, 1, 3, cameras=1), 2)
    assert front['keypoints_cam'][:, 2].max() < rear['keypoints_cam'][:, 2].min()
    assert front['hand_mask'].any() and not (front['hand_mask'] & rear['hand_mask']).any()
    u, v = np.round(front['keypoints']).astype(int).T
    low, high = rear['keypoints'].min(0), rear['keypoints'].max(0)
    assert ((low < (u.max(), v.max())) & (high > (u.min(), v.min()))).all(), 'they overlap in the image'


@pytest.mark.parametrize('cameras', [0, 32])
def test_a_dome_of_another_size_is_refused(tmp_path, cameras):
    with pytest.raises(ValueError, match=f'from 1 to 31, .* found {cameras}'):
        next(write_panoptic(tmp_path, 1, 0, cameras=cameras))
