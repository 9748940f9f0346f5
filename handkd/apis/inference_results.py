"""Results of inference: predicted joints of a crop, mapped back to the image."""

from __future__ import annotations

import numpy as np

from handkd.geometry import project, unproject

from .hand_results import hand_in_cube, hand_in_image, hand_in_space, scale_hand
from .inference_crops import ConfigCrop, HandPlace, HandView
from .inference_places import KnownHand
from .placement import place_in_box


def result_of(
    joints: dict[str, np.ndarray], view: HandView, place: HandPlace, known: KnownHand, crop: ConfigCrop
) -> dict:
    """Return the results for a hand.

    Args:
        joints: Its predicted joints, see :meth:`.inference_network.HandNetwork.__call__`.
        view: The crop that they were predicted in.
        place: The position of the hand in the image.
        known: What is known of it.
        crop: The crops of the config.

    Returns:
        The keys of :class:`.inferencer.HandInferencer`, without those of the image.

    Raises:
        ValueError: If a known value is for networks of another kind.
    """
    pixels = view.to_image(joints['keypoints']) if 'keypoints' in joints else None
    if 'keypoints_xyz' in joints:
        xyz = joints['keypoints_xyz']
        if pixels is None:
            pixels = _place(xyz, view, place, known.hand_scale_mm, crop)
        hand = hand_in_space(xyz, pixels, known.side, known.hand_scale_mm)
        return dict(hand, keypoints_cam=scale_hand(joints.get('keypoints_cam'), xyz, known.hand_scale_mm))
    if 'keypoints_cam' in joints:
        if known.hand_scale_mm is not None:
            raise ValueError(
                'the hand scale is for networks that give joints in its units, this one gives mm: leave it out'
            )
        return hand_in_cube(joints['keypoints_cam'], known.camera, known.side)
    _refuse_space(view, known, crop)
    return hand_in_image(pixels, known.side)


def _place(
    xyz: np.ndarray, view: HandView, place: HandPlace, hand_scale_mm: float | None, crop: ConfigCrop
) -> np.ndarray:
    """Find the pixels (21, 2) of normalised joints (21, 3): around a known root, else in the box."""
    root = None
    if hand_scale_mm is not None and (crop.rule == 'cube' or 'depth' in view.sample):
        if place.root is not None:
            root = place.root
        elif place.whole:
            center, side = view.square
            root = (*center, crop.depth_of(side, place.camera))
    if root is None:
        return place_in_box(xyz, place.middle, place.extent, place.camera)
    camera = dict(K=place.camera)
    at = unproject(np.array([root[:2]]), np.array([root[2]]), camera)
    return project(at + (xyz - xyz[crop.root]) * hand_scale_mm, camera)


def _refuse_space(view: HandView, known: KnownHand, crop: ConfigCrop) -> None:
    """Refuse a scale or camera that a network for 2D joints can't use."""
    if known.hand_scale_mm is not None:
        what = 'the hand scale is for 3D networks'
        if crop.rule == 'cube':
            what += ' (give root and box, which say where the cube is)'
        raise ValueError(f'{what}; this network gives 2D joints only: leave it out')
    if known.camera is not None and 'depth' not in view.sample and crop.rule != 'cube' and not crop.turns:
        raise ValueError('the camera is for 3D networks; this network gives 2D joints only: leave it out')
