"""Labels of a frame of DexYCB: one file is read, and what is not its form is refused."""

import numpy as np
import pytest

from handkd.array_files import ArrayFileError
from handkd.datasets.readers.dexycb_labels import read_labels, read_seg


@pytest.fixture
def save(tmp_path):
    def write(**changes):
        joints = np.full((1, 21, 3), 0.5, np.float32)
        pixels = np.full((1, 21, 2), 100, np.float32)
        labels = dict(seg=np.zeros((480, 640), np.uint8), joint_3d=joints, joint_2d=pixels)
        np.savez_compressed(tmp_path / 'labels_000003.npz', **{**labels, **changes})
        return str(tmp_path)

    return write


def test_labels_are_in_millimetres(save):
    found = read_labels([save()], np.array([0]), np.array([3]), 'inside', 25.0, 0)
    assert found['labelled'] and (found['joints'] == 500).all() and (found['keypoints'] == 100).all()
    assert found['visible'].all() and found['joints'].dtype == np.float32
    hidden = read_labels([save()], np.array([0]), np.array([3]), 'seg', 25.0, 0)
    assert not hidden['visible'].any(), 'background'


def test_all_minus_one_is_no_label(save):
    folder = save(joint_3d=np.full((1, 21, 3), -1.0), joint_2d=np.full((1, 21, 2), -1.0))
    assert not read_labels([folder], np.array([0]), np.array([3]), 'depth', 25.0, 0)['labelled']


def test_a_segmentation_has_the_size_of_the_image(save):
    folder = save(seg=np.zeros((640, 480), np.uint8))
    with pytest.raises(ArrayFileError, match=r"'seg' must be uint8 of shape \(480, 640\), found uint8 \(640, 480\)"):
        read_seg(f'{folder}/labels_000003.npz')
