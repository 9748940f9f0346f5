"""Where the cameras of the rig stand, and what they look at."""

import numpy as np
import pytest

from handkd.geometry import project
from handkd.studio import StudioRigDataset
from handkd.studio.rig.stage import DISTANCE, EXTENT, place_cameras

SMALL = dict(subjects=4, sequences=2, frames=1, views=8, resolution=160)


def test_cameras_look_at_the_middle_and_see_it_at_its_extent():
    for camera in place_cameras((3, 1), 6, 360.0, 200):
        middle = project(camera['T'][None], camera)[0]
        assert np.abs(middle - 99.5).max() < 0.02 * 200 + 200 * 30 / EXTENT, 'but for its jitter'
        assert np.linalg.norm(camera['T']) == pytest.approx(DISTANCE, abs=50.1)
        across = 200 / camera['K'][0, 0] * DISTANCE
        assert across == pytest.approx(EXTENT, rel=0.031)
    assert not np.allclose(place_cameras((3, 2), 6, 360.0, 200)[0]['R'], place_cameras((3, 1), 6, 360.0, 200)[0]['R'])


@pytest.mark.parametrize(('arc', 'widest'), [(360.0, 180.0), (120.0, 120.0), (40.0, 40.0)])
def test_cameras_stand_along_the_arc_that_the_palm_faces(arc, widest):
    rig = StudioRigDataset('train', arc=arc, **SMALL)
    around, facing = [], []
    for view in range(8):
        camera = rig.get_labels(view)['camera']
        eye = -camera['R'].T @ camera['T']
        around.append(np.degrees(np.arctan2(eye[0], -eye[2])))
    assert np.ptp(around) == pytest.approx(arc * 7 / 8, abs=0.4 * arc / 8 + 0.5)
    assert np.abs(around).max() < widest / 2 or arc == 360
    for moment in rig.view_groups():
        record = rig.get_labels(int(moment[0]))
        joints = (record['keypoints_cam'][0] - record['camera']['T']) @ record['camera']['R']
        # Of a right hand, index before little finger, the palm looks along (index - wrist) x (little - wrist).
        normal = np.cross(joints[5] - joints[0], joints[17] - joints[0])
        facing.append(-normal[2] / np.linalg.norm(normal))
    assert min(facing) > 0, 'no palm looks away from the middle of the arc'
