"""What is measured in one sample."""

import numpy as np
import pytest

from handkd.datasets.checking import READINGS, by_fault, check_one
from handkd.image_files import ImageReadError
from handkd.studio import StudioDataset


class One:
    """A data set of one sample, which is changed."""

    def __init__(self, change):
        self.change = change

    def get_data_info(self, index):
        sample = StudioDataset('train', 8, resolution=96).get_data_info(index)
        self.change(sample)
        return sample


def measure(change=lambda sample: None):
    return check_one(One(change), 3)


def test_a_sound_sample():
    found = measure()
    assert (found.index, found.fault, found.labelled, found.outside, found.unlabelled, found.far) == (
        3,
        '',
        21,
        0,
        0,
        0,
    )
    assert found.box == '' and found.size == (96, 96) and found.reprojection < 0.01
    assert found.spread_ratio == pytest.approx(1, abs=1e-4) and 60 < found.extent < 300
    assert found.inside.shape == (len(READINGS),) and found.inside[0] == 1 and found.on_hand[0] > 0.8


def test_joints_that_mean_nothing():
    def change(sample):
        sample['keypoints'][0, :3] = [[0, 0], [-1, -1], [0, 1]]
        sample['keypoints_cam'][0, 5] = 0
        sample['keypoints_cam'][0, 6, 2] = 3500
        sample['camera'] = None

    found = measure(change)
    assert found.unlabelled == 3 and found.far == 2


def test_a_studio_with_fixed_cameras_is_a_room():
    def change(sample):
        sample['keypoints_cam'][0, :, 2] = 3500
        sample['sequence'] = 'a'

    assert measure(change).far == 0


@pytest.mark.parametrize(
    ('shift', 'size', 'said'), [((-9, -9), (1, 1), ''), ((200, 0), (1, 1), 'off'), ((-90, -90), (0.01, 0.01), 'off')]
)
def test_boxes(shift, size, said):
    def change(sample):
        low, high = sample['keypoints'][0].min(0), sample['keypoints'][0].max(0)
        sample['bbox'] = np.concatenate([low + shift, low + shift + (high - low + 18) * size])[None]

    assert measure(change).box == said


def test_faults_are_named_by_sample():
    def refuse(sample):
        raise ImageReadError("'a.png' is cut off")

    assert by_fault([measure(), measure(refuse)]) == ["3\tdamaged file\t'a.png' is cut off"]
