"""Hands of known shape, placed in an image: by what fills a box, in perspective and without."""

import json
from pathlib import Path

import numpy as np
import pytest

from handkd.geometry import project
from handkd.hand import chirality
from handkd.inference.placement import place_in_box, place_in_space

from .test_inferencer import POSE

RHD = Path(__file__).parents[3] / 'shared' / 'samples' / 'rhd'
RHD_ORDER = [0, 4, 3, 2, 1, 8, 7, 6, 5, 12, 11, 10, 9, 16, 15, 14, 13, 20, 19, 18, 17]


@pytest.mark.parametrize('position', [(0, 0, 500), (120, -90, 350), (-60, 20, 200)])
def test_perspective_placement_recovers_the_pixels(position):
    camera = np.array([[610.0, 0, 315], [0, 600.0, 242], [0, 0, 1]])
    pixels = project(POSE * 90 + position, {'K': camera})
    low, high = pixels.min(0), pixels.max(0)
    placed = place_in_box(POSE, (low + high) / 2, (high - low).max(), camera)
    np.testing.assert_allclose(placed, pixels, atol=0.05)
    found = place_in_space(POSE, (low + high) / 2, (high - low).max(), camera) * 90
    np.testing.assert_allclose(found, POSE * 90 + position, atol=0.2)
    with pytest.raises(ValueError, match='no distance gives this hand a box'):
        place_in_box(POSE, (0, 0), 1e6, camera)


@pytest.mark.skipif(not RHD.is_dir(), reason='needs the RHD frames')
def test_placement_on_real_labels():
    """True shapes land on the true joints with the camera, and without it within an eighth of the box, off axis."""
    labels = json.loads((RHD / 'test_rhd.json').read_text())
    for image, label in zip(labels['images'], labels['annotations']):
        focal, center = image['cam_param']['focal'], image['cam_param']['princpt']
        camera = np.array([[focal[0], 0, center[0]], [0, focal[1], center[1]], [0, 0, 1]])
        pixels = np.array(label['keypoints'])[RHD_ORDER, :2]
        shape = np.array(label['joint_cam'])[RHD_ORDER]
        low, high = pixels.min(0), pixels.max(0)
        extent = (high - low).max()
        for K, limit in ((camera, 0.015), (None, 0.125)):
            placed = place_in_box(shape - shape[0], (low + high) / 2, extent, K)
            assert np.linalg.norm(placed - pixels, axis=1).max() < limit * extent
        assert chirality(shape)[0] == label['hand_type']


def test_joints_that_coincide_fill_no_box():
    for camera in (None, np.eye(3)):
        with pytest.raises(ValueError, match='all coincide'):
            place_in_box(np.zeros((21, 3)), np.zeros(2), 10, camera)
