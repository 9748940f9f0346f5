"""FreiHAND's files, decoded by hand: metres, JSON lists, four copies of each training image."""

from __future__ import annotations

import json

import cv2
import numpy as np
import pytest

from handkd.studio.layouts.freihand import write_freihand

HANDS = 4


@pytest.fixture(scope='module')
def written(tmp_path_factory):
    root = tmp_path_factory.mktemp('freihand')
    return root, list(write_freihand(root, HANDS, 5))


def read(root, split, kind):
    return json.loads((root / f'{split}_{kind}.json').read_text())


def test_there_are_the_owners_files_and_no_others(written, paths):
    expected = {f'{split}_{kind}.json' for split in ('training', 'evaluation') for kind in ('K', 'xyz', 'scale')}
    expected |= {f'training/rgb/{number:08d}.jpg' for number in range(4 * HANDS)}
    expected |= {f'training/mask/{number:08d}.jpg' for number in range(HANDS)}
    expected |= {f'evaluation/rgb/{number:08d}.jpg' for number in range(HANDS)}
    assert paths(written[0]) == expected
    assert sorted({truth['img_path'] for truth in written[1]}) == sorted(p for p in expected if '/rgb/' in p)


def test_the_labels_project_onto_the_truth(written):
    root, truths = written
    for truth in truths:
        split, number = truth['img_path'].split('/')[0], int(truth['img_path'][-12:-4]) % HANDS
        matrix, xyz, scale = (np.array(read(root, split, kind)[number]) for kind in ('K', 'xyz', 'scale'))
        assert matrix.shape == (3, 3) and xyz.shape == (21, 3) and 0.02 < scale < 0.06, 'metres'
        assert np.isclose(scale, np.linalg.norm(xyz[10] - xyz[9])), 'the bone from the base of the middle finger'
        np.testing.assert_allclose(xyz * 1000, truth['keypoints_cam'], atol=1e-6)
        seen = xyz @ matrix.T
        np.testing.assert_allclose(seen[:, :2] / seen[:, 2:], truth['keypoints'], atol=1e-6)


def test_all_hands_are_right(written, side_by_flexion):
    root, _ = written
    for split in ('training', 'evaluation'):
        assert side_by_flexion(1000 * np.array(read(root, split, 'xyz'))) == 'right'


def test_images_show_the_hands(written, share_on_hand, is_jpeg_of):
    root, truths = written
    for truth in truths:
        assert truth['img'].shape == (224, 224, 3) and is_jpeg_of(root / truth['img_path'], truth['img'])
    assert share_on_hand(truths) > 0.75


def test_copies_differ_in_the_surroundings_alone(written):
    training = [truth for truth in written[1] if truth['split'] == 'training']
    for hand in range(HANDS):
        copies = training[hand::HANDS]
        assert [truth['copy'] for truth in copies] == [0, 1, 2, 3]
        for truth in copies:
            np.testing.assert_array_equal(truth['part_seg'], copies[0]['part_seg'])
        colours = [truth['img'][~truth['hand_mask']].astype(float).mean(0) for truth in copies]
        assert all(np.abs(a - b).max() > 2 for i, a in enumerate(colours) for b in colours[:i])


def test_masks_are_the_hand_in_front_of_the_green_screen(written):
    root, truths = written
    masked = [truth for truth in truths if 'mask_path' in truth]
    assert len(masked) == HANDS and all(truth['copy'] == 0 for truth in masked)
    for truth in masked:
        mask = cv2.imread(str(root / truth['mask_path']), cv2.IMREAD_UNCHANGED)
        np.testing.assert_array_equal(mask >= 128, truth['hand_mask'])
        blue, green, red = np.moveaxis(truth['img'][:4, :4].astype(int), -1, 0)
        corner = mask[:4, :4] < 128
        assert (np.maximum(blue, red) < green)[corner].all()
