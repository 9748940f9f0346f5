"""Sheets of labelled hands: captions, and samples without joints."""

import cv2
import numpy as np

from handkd.apis.hand_sheet import draw_hands
from handkd.studio import StudioDataset


class HalfLabelled:
    """The studio, in which every other sample has no labelled joint."""

    def __init__(self):
        self.studio = StudioDataset('test', 4, resolution=64)

    def get_data_info(self, index):
        sample = self.studio.get_data_info(index)
        if index % 2:
            sample['keypoints_valid'] = np.zeros((1, 21), np.float32)
        return sample


def test_hands_with_joints_are_drawn(tmp_path):
    draw_hands(HalfLabelled(), [0, 1, 2], tmp_path / 'a.png', {0: '0.25', 2: '0.75'})
    draw_hands(HalfLabelled(), [0, 2], tmp_path / 'b.png', {0: '0.25', 2: '0.75'})
    np.testing.assert_array_equal(cv2.imread(str(tmp_path / 'a.png')), cv2.imread(str(tmp_path / 'b.png')))
    draw_hands(HalfLabelled(), [0, 2], tmp_path / 'c.png', {0: '0.25', 2: '0.76'})
    assert (cv2.imread(str(tmp_path / 'a.png')) != cv2.imread(str(tmp_path / 'c.png'))).any()


def test_nothing_is_written_of_nothing(tmp_path):
    draw_hands(HalfLabelled(), [], tmp_path / 'a.png')
    draw_hands(HalfLabelled(), [1, 3], tmp_path / 'a.png')
    assert not (tmp_path / 'a.png').exists()
