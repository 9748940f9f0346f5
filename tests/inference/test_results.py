"""Predicted joints come back to the image: by the crop's map, around a root, or into the box."""

import numpy as np
import pytest
from mmengine.config import Config

from handkd.apis.inference_config import crop_of
from handkd.geometry import project
from handkd.inference.crops import CropSpec, HandPlace
from handkd.inference.networks import NetworkFacts
from handkd.inference.places import FoundHand, KnownHand
from handkd.inference.results import result_of

from .test_inferencer import IMAGE, PIPELINE, POSE

CAMERA = np.array([[110.0, 0, 60], [0, 110.0, 45], [0, 0, 1]])
BOX = (30.0, 20.0, 40.0, 50.0)


def make_crop(**choose) -> CropSpec:
    return crop_of(Config(dict(test_dataloader=dict(dataset=dict(pipeline=[choose, PIPELINE[1]])))))


def result(joints: dict, crop: CropSpec, place: HandPlace, **known) -> dict:
    square = crop.square(place, IMAGE.shape[:2])
    view, known = crop.cut(IMAGE, *square, place.camera), KnownHand(place.box, camera=place.camera, **known)
    return result_of(joints, view, FoundHand(IMAGE, square, place), known, NetworkFacts('net', 'rgb', crop))


def test_joints_in_the_crop_are_mapped_to_the_image():
    crop = make_crop(type='HandCrop')
    joints = dict(keypoints=np.tile([31.5, 31.5], (21, 1)))  # the middle of 64 px
    hand = result(joints, crop, HandPlace(BOX), side='left')
    np.testing.assert_allclose(hand['keypoints'], np.tile([50, 45], (21, 1)))
    assert (hand['keypoints_3d'], hand['side'], hand['side_source']) == (None, 'left', 'given')
    for place, known in ((HandPlace(BOX), dict(hand_scale_mm=90.0)), (HandPlace(BOX, camera=CAMERA), {})):
        with pytest.raises(ValueError, match='this network gives 2D joints only: leave it out'):
            result(joints, crop, place, **known)


def test_joints_in_space_are_placed_around_a_known_root_or_in_the_box():
    crop = make_crop(type='HandCrop', rule='cube')
    joints = dict(keypoints_xyz=POSE)
    place = HandPlace(BOX, root=(55.0, 40.0, 400.0), camera=CAMERA)
    hand = result(joints, crop, place, hand_scale_mm=90.0)
    np.testing.assert_allclose(hand['keypoints'][9], [55, 40], atol=1e-9)
    low, high = hand['keypoints'].min(0), hand['keypoints'].max(0)
    assert hand['unit'] == 'mm' and (high - low).max() < 70
    unscaled = result(joints, crop, place)
    low, high = unscaled['keypoints'].min(0), unscaled['keypoints'].max(0)
    np.testing.assert_allclose([(low + high) / 2, [(high - low).max()] * 2], [[50, 45], [50, 50]], atol=0.01)


def test_joints_in_a_cube_are_projected():
    joints = POSE * 90 + (0, 0, 500)
    hand = result(dict(keypoints_cam=joints), make_crop(type='HandCrop'), HandPlace(BOX, camera=CAMERA))
    np.testing.assert_allclose(hand['keypoints'], project(joints, dict(K=CAMERA)))
    with pytest.raises(ValueError, match='this one gives mm: leave it out'):
        result(dict(keypoints_cam=joints), make_crop(type='HandCrop'), HandPlace(BOX, camera=CAMERA), hand_scale_mm=9.0)
