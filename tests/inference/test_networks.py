"""A network of one side serves the other."""

from dataclasses import replace

import numpy as np
import pytest

from handkd.geometry import project
from handkd.hand import BONES, JOINTS, other_side
from handkd.inference.crops import CropSpec, HandView
from handkd.inference.networks import NetworkFacts, mirror_joints, mirror_view

from .spots import SpotNetwork, make_inferencer, spot


@pytest.mark.parametrize('trained_on', ['left', 'right'])
def test_a_network_of_one_side_serves_the_other_by_mirroring(monkeypatch, trained_on):
    """To the digit: what it finds in the mirrored image of a hand of its own side, mirrored back."""
    infer, other = make_inferencer(monkeypatch, SpotNetwork(trained_on)), other_side(trained_on)
    image, box = spot(52, 41, (96, 96)), (33, 25, 32, 32)
    flipped, flipped_box = np.ascontiguousarray(image[:, ::-1]), (96 - 1 - 33 - 32, 25, 32, 32)
    hand = infer.one(flipped, box=flipped_box, side=trained_on)
    mirrored = infer.one(image, box=box, side=other)
    assert (mirrored['side'], mirrored['side_source'], hand['side']) == (other, 'given', trained_on)
    np.testing.assert_array_equal(mirrored['keypoints_3d'], hand['keypoints_3d'] * (-1, 1, 1))
    np.testing.assert_allclose(mirrored['keypoints'][:, 0], 95 - hand['keypoints'][:, 0], rtol=0, atol=1e-12)
    np.testing.assert_array_equal(mirrored['keypoints'][:, 1], hand['keypoints'][:, 1])
    unknown = infer.one(image, box=box)
    assert (unknown['side'], unknown['side_source'], unknown['side_score']) == (trained_on, 'assumed', None)
    own = infer.one(image, box=box, side=trained_on)
    np.testing.assert_array_equal(unknown['keypoints'], own['keypoints'])
    assert np.abs(own['keypoints'] - mirrored['keypoints']).max() > 1


def test_one_constant_names_the_joints():
    from handkd import inference

    assert (inference.JOINTS, inference.BONES) == (JOINTS, BONES)
    facts = NetworkFacts('net', 'depth', CropSpec(), joints=('a', 'b'))
    assert facts.bones == () and replace(facts, joints=JOINTS).bones == BONES


def test_a_mirrored_crop_has_the_mirrored_camera():
    rng = np.random.default_rng(0)
    camera = dict(K=np.array([[90.0, 3, 20], [0, 80.0, 30], [0, 0, 1]]))
    pixels = rng.integers(0, 256, (48, 48, 3), dtype=np.uint8)
    view = HandView(pixels, camera, np.eye(3), np.eye(3), camera, (np.zeros(2), 48.0), np.array([5.0, 6, 500]))
    seen, points = mirror_view(view), rng.normal(size=(21, 3)) * 30 + (0, 0, 400)
    joints = dict(keypoints=project(points, camera), keypoints_cam=points)
    mirrored = mirror_joints(joints, 48)
    np.testing.assert_allclose(project(mirrored['keypoints_cam'], seen.camera), mirrored['keypoints'])
    for key, value in mirror_joints(mirrored, 48).items():
        np.testing.assert_allclose(value, joints[key], rtol=1e-15)
    np.testing.assert_array_equal(seen.pixels, pixels[:, ::-1])
    np.testing.assert_array_equal(seen.center, (-5, 6, 500))
    with pytest.raises(ValueError, match="trained_on must be 'both'"):
        NetworkFacts('net', 'rgb', CropSpec(), trained_on='neither')
