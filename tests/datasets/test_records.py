import numpy as np
import pytest

from handkd.datasets.records import hand_record
from handkd.datasets.transforms import check_sample

CAMERA = {'K': np.array([[500.0, 0, 320], [0, 510, 240], [0, 0, 1]])}


@pytest.fixture
def joints():
    return np.random.default_rng(0).uniform((-100, -100, 400), (100, 100, 600), (21, 3))


def test_labels_of_a_whole_hand(joints):
    record = hand_record(joints, CAMERA, 'left', (640, 480))
    u = 500 * joints[:, 0] / joints[:, 2] + 320
    v = 510 * joints[:, 1] / joints[:, 2] + 240
    np.testing.assert_allclose(record['keypoints'][0], np.stack([u, v], 1), atol=1e-4)
    np.testing.assert_allclose(record['keypoints_cam'][0], joints, atol=1e-4)
    np.testing.assert_allclose(record['bbox'][0], [u.min(), v.min(), u.max(), v.max()], atol=1e-4)
    assert record['keypoints_visible'].all() and record['keypoints_valid'].all()
    assert record['hand_side'] == 'left' and record['ori_shape'] == (480, 640)
    check_sample(record)


def test_joints_outside_the_image_are_not_seen(joints):
    joints[3, 0] = 1000.0
    visible = hand_record(joints, CAMERA, 'right', (640, 480))['keypoints_visible'][0]
    assert list(np.flatnonzero(visible == 0)) == [3]
    edge = joints.copy()
    edge[5] = (-320.4 / 500 * 500, 0, 500)  # u = -0.4, still on the first pixel
    assert hand_record(edge, CAMERA, 'right', (640, 480))['keypoints_visible'][0, 5] == 1
    edge[5] = (-320.6 / 500 * 500, 0, 500)
    assert hand_record(edge, CAMERA, 'right', (640, 480))['keypoints_visible'][0, 5] == 0


@pytest.mark.parametrize('z', [-400.0, 0.0])
def test_joints_behind_the_camera_are_refused(joints, z):
    joints[4, 2] = z
    for pixels in (None, np.full((21, 2), 7.0)):
        with pytest.raises(
            ValueError, match=f"^joint 'thumb_tip' lies behind the camera, its z is {z:g}; expected x, y, z in mm"
        ):
            hand_record(joints, CAMERA, 'right', (640, 480), keypoints=pixels)
    record = hand_record(joints, CAMERA, 'right', (640, 480), valid=np.arange(21) != 4)
    assert record['keypoints_valid'].sum() == record['keypoints_visible'].sum() == 20


def test_what_the_files_say_comes_first(joints):
    seen = np.arange(21) % 2 == 0
    pixels = np.full((21, 2), 7.0)
    record = hand_record(joints, CAMERA, 'right', (640, 480), visible=seen, keypoints=pixels)
    np.testing.assert_array_equal(record['keypoints_visible'][0], seen)
    np.testing.assert_array_equal(record['keypoints'][0], pixels)


def test_joints_without_a_label_count_nowhere(joints):
    valid = np.isin(np.arange(21), (4, 8, 12, 16, 20))
    joints[~valid] = np.nan
    record = hand_record(joints, CAMERA, 'left', (640, 480), valid=valid)
    for key in ('keypoints', 'keypoints_cam'):
        assert np.isfinite(record[key]).all() and not record[key][0, ~valid].any()
    np.testing.assert_array_equal(record['keypoints_valid'][0], valid)
    np.testing.assert_array_equal(record['keypoints_visible'][0], valid)
    tips = record['keypoints'][0, valid]
    np.testing.assert_array_equal(record['bbox'][0], [*tips.min(0), *tips.max(0)])
    nothing = hand_record(joints, CAMERA, 'left', (640, 480), valid=np.zeros(21, bool))
    assert 'bbox' not in nothing


def test_a_nan_that_nothing_excuses_is_kept_for_the_check(joints):
    joints[6] = np.nan
    record = hand_record(joints, CAMERA, 'left', (640, 480), visible=np.ones(21, bool))
    with pytest.raises(ValueError, match='index_pip'):
        check_sample(record)
