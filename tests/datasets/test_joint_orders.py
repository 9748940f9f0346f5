"""In which order the joints of hands are."""

import numpy as np
import pytest

from handkd.datasets.joint_orders import NUM_FINGER_BONES, ORDERS, finger_bones, likely_order
from handkd.datasets.readers.bighand import BIGHAND_JOINTS
from handkd.datasets.readers.rhd import RHD_JOINTS
from handkd.datasets.readers.stb import STB_JOINTS
from handkd.hand import JOINTS
from handkd.studio import StudioDataset

ALL = np.ones(21, bool)
STUDIO = StudioDataset('train', 6, resolution=48, modalities=('rgb',))
SAMPLES = [STUDIO.get_data_info(i) for i in range(6)]


def order_of(rearranged, key='keypoints_cam', valid=ALL):
    return likely_order(np.stack([finger_bones(sample[key][0][rearranged], valid) for sample in SAMPLES]))


@pytest.mark.parametrize('key', ['keypoints_cam', 'keypoints'])
def test_handkds_own_is_not_remarked(key):
    assert order_of(list(range(21)), key) is None


@pytest.mark.parametrize('key', ['keypoints_cam', 'keypoints'])
@pytest.mark.parametrize(
    ('names', 'said'),
    [
        (RHD_JOINTS, 'as in RHD'),
        (('wrist', *STB_JOINTS[1:]), 'as in STB'),
        ((*JOINTS[1:], 'wrist'), 'then wrist'),
        (JOINTS[::-1], 'little finger to thumb, each from tip to palm, then wrist'),
        (BIGHAND_JOINTS, 'as in BigHand2.2M'),
        (JOINTS[::2] + JOINTS[1::2], 'unknown'),
    ],
)
def test_other_orders(key, names, said):
    assert said in order_of([JOINTS.index(name) for name in names], key)


def test_too_few_joints_say_nothing():
    assert order_of(list(range(21))[::-1], valid=np.arange(21) % 4 == 0) is None
    assert finger_bones(np.zeros((21, 3)), ALL).shape == (len(ORDERS), NUM_FINGER_BONES)
