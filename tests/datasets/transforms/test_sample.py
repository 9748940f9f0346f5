"""What a sample may hold, and how an error describes it."""

import numpy as np
import pytest

from handkd.datasets.transforms import check_sample
from handkd.datasets.transforms.sample import labelled_joints, sample_name


def test_a_good_sample_is_left_alone(make_sample):
    sample = make_sample()
    before = dict(sample)
    check_sample(sample)
    assert all(sample[key] is value for key, value in before.items())
    np.testing.assert_array_equal(sample['keypoints_valid'], np.ones((1, 21)))


@pytest.mark.parametrize('value', [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize('key', ['keypoints', 'keypoints_cam'])
def test_a_label_that_is_not_finite_is_named(make_sample, key, value):
    sample = dict(make_sample(), img_id=41, img_path='rhd/00041.png')
    sample[key] = sample[key].copy()
    sample[key][0, [3, 12], 1] = value
    with pytest.raises(ValueError, match=rf"img_id 41, img_path 'rhd/00041.png'.*'{key}'.*thumb_ip, middle_tip.*valid"):
        check_sample(sample)


@pytest.mark.parametrize('excuse', ['keypoints_visible', 'keypoints_valid'])
def test_an_excused_joint_becomes_zero(make_sample, excuse):
    sample = make_sample()
    reference = make_sample()
    sample['keypoints'][0, 4] = np.nan
    kept = sample['keypoints']
    flags = np.ones((1, 21), np.float32)
    flags[0, 4] = 0
    sample[excuse] = flags
    check_sample(sample)
    others = np.arange(21) != 4
    for key in ('keypoints', 'keypoints_cam'):
        assert (sample[key][0, 4] == 0).all() and sample[key].dtype == np.float32
        np.testing.assert_array_equal(sample[key][0, others], reference[key][0, others])
    np.testing.assert_array_equal(sample['keypoints_valid'][0], others)
    assert np.isnan(kept[0, 4]).all()  # the data set's own array is not written to


def test_an_invisible_joint_with_a_label_stays(make_sample):
    sample = dict(make_sample(), keypoints_visible=np.zeros((1, 21), np.float32))
    check_sample(sample)
    assert sample['keypoints_valid'].all() and (sample['keypoints'] != 0).all()


@pytest.mark.parametrize(
    ('key', 'value', 'message'),
    [
        ('keypoints', np.zeros((21, 2)), r"'keypoints' must be an array of shape \(1, 21, 2\), found shape \(21, 2\)"),
        ('keypoints_cam', np.zeros((1, 20, 3)), r"'keypoints_cam' .* shape \(1, 21, 3\), found shape \(1, 20, 3\)"),
        ('keypoints_visible', [1] * 21, r"'keypoints_visible' .* shape \(1, 21\), found list"),
        ('hand_side', 'Left', r"'hand_side' must be one of \('left', 'right'\), found 'Left'"),
        ('camera', dict(R=np.eye(3)), r"camera\['K'\] must have shape \(3, 3\), found nothing"),
        ('camera', dict(K=np.eye(3), dist=np.zeros(4)), r"camera\['dist'\] must have shape \(5,\), found shape \(4,\)"),
    ],
)
def test_malformed_labels(make_sample, key, value, message):
    with pytest.raises(ValueError, match=rf'sample \(img_id 6\): .*{message}'):
        check_sample(dict(make_sample(6), **{key: value}))


def test_labelled_joints_without_any():
    assert labelled_joints({}).all()


def test_sample_name():
    assert sample_name(dict(img_id=0)) == 'sample (img_id 0)'
    assert sample_name(dict(img_path=None)) == 'sample (without img_id and img_path)'


@pytest.mark.parametrize(
    ('flat', 'joints', 'said'),
    [
        (np.ones((1, 36, 2)), np.ones((1, 36, 3)), None),
        (None, np.ones((1, 5, 3)), None),
        (
            np.ones((1, 36, 2)),
            np.ones((1, 35, 3)),
            r"'keypoints_cam_native' must have shape \(1, 36, 3\), found \(1, 35",
        ),
        (np.ones((36, 2)), None, r"'keypoints_native' must have shape \(1, K, 2\), found \(36, 2\)"),
        (np.ones((1, 4, 2)) * [1, np.nan], None, "'keypoints_native' is not finite at joint 0 of 4"),
    ],
)
def test_a_data_sets_own_joints(make_sample, flat, joints, said):
    sample = make_sample() | dict(keypoints_native=flat, keypoints_cam_native=joints)
    if said is None:
        check_sample(sample)
        return
    with pytest.raises(ValueError, match=said):
        check_sample(sample)


def test_a_sample_without_photograph_is_named_by_its_depth_map():
    assert sample_name(dict(img_id=3, depth_path='d.png')) == "sample (img_id 3, depth_path 'd.png')"
    assert sample_name(dict(img_path='a.png', depth_path='d.png')) == "sample (img_path 'a.png')"
