"""Results of inference: predicted joints of a crop, mapped back to the image."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from handkd.geometry import project, unproject

from .crops import CropSpec, HandPlace, HandView
from .hands import hand_in_cube, hand_in_image, hand_in_space, scale_hand
from .networks import NetworkFacts, NotForThisNetwork
from .placement import place_in_box
from .places import FoundHand, KnownHand


def result_of(
    joints: dict[str, np.ndarray], view: HandView, found: FoundHand, known: KnownHand, facts: NetworkFacts
) -> dict:
    """Return the result for a hand: the keys of :data:`.records.HAND_KEYS`.

    Args:
        joints: Its predicted joints, of :func:`.networks.predict`.
        view: The crop that they were predicted in.
        found: The hand in the image.
        known: What is known of it.
        facts: Facts about the network.

    Raises:
        ValueError: If a known value is for networks of another kind.
    """
    assumed = known.side is None and facts.trained_on != 'both'
    hand = _joints_of(joints, view, found.place, replace(known, side=facts.trained_on) if assumed else known, facts)
    if hand['side_source'] == 'estimated' and 'left' in joints:
        hand['side'] = 'left' if joints['left'] > 0.5 else 'right'
        hand['side_score'] = float(abs(2 * joints['left'] - 1))
    if assumed:
        hand['side_source'] = 'assumed'
    elif known.side is not None:
        hand['side_source'] = known.side_source
    return dict(
        keypoints=hand['keypoints'],
        keypoint_scores=joints.get('keypoint_scores'),
        keypoints_3d=hand['keypoints_3d'],
        root=None if hand['keypoints_3d'] is None else facts.joints[0],
        unit=hand['unit'],
        scale_source=_scale_source(hand, joints, known),
        keypoints_cam=hand['keypoints_cam'],
        camera_source='none' if known.camera is None else 'given',
        side=hand['side'],
        side_source=hand['side_source'],
        side_score=hand['side_score'],
        box=found.place.box,
        box_source=_box_source(found, known),
        box_score=known.box_score,
        track=known.track,
        hand_center=found.center,
    )


def _scale_source(hand: dict, joints: dict[str, np.ndarray], known: KnownHand) -> str:
    """Return where the size in millimetres comes from."""
    if known.hand_scale_mm is not None:
        return 'given'
    if hand['keypoints_cam'] is None:
        return 'none'
    return 'mean_hand' if 'keypoints_xyz' in joints else 'network'


def _box_source(found: FoundHand, known: KnownHand) -> str:
    """Return where the box comes from."""
    if known.boxed:
        return known.box_source
    if found.place.box is None:
        return 'none'
    return 'depth' if found.searched else 'full'


def _joints_of(
    joints: dict[str, np.ndarray], view: HandView, place: HandPlace, known: KnownHand, facts: NetworkFacts
) -> dict:
    """Return the joints, their unit and the side of a hand."""
    pixels = view.to_image(joints['keypoints']) if 'keypoints' in joints else None
    if 'keypoints_xyz' in joints:
        xyz = joints['keypoints_xyz']
        if pixels is None:
            pixels = _place(xyz, view, place, known.hand_scale_mm, facts.crop)
        hand = hand_in_space(xyz, pixels, known.side, known.hand_scale_mm)
        return dict(hand, keypoints_cam=scale_hand(joints.get('keypoints_cam'), xyz, known.hand_scale_mm))
    if 'keypoints_cam' in joints:
        if known.hand_scale_mm is not None:
            raise NotForThisNetwork(
                'the hand scale is for networks that give joints in its units, this one gives mm: leave it out'
            )
        return hand_in_cube(joints['keypoints_cam'], known.camera, known.side)
    _refuse_space(known, facts)
    return hand_in_image(pixels, known.side)


def _place(
    xyz: np.ndarray, view: HandView, place: HandPlace, hand_scale_mm: float | None, crop: CropSpec
) -> np.ndarray:
    """Find the pixels (21, 2) of normalised joints (21, 3): around a known root, else in the box."""
    root = None
    if hand_scale_mm is not None and (crop.rule == 'cube' or view.center is not None):
        if place.root is not None:
            root = place.root
        elif place.whole:
            center, side = view.square
            root = (*center, crop.depth_of(side, place.camera))
    if root is None:
        return place_in_box(xyz, place.middle, place.extent, place.camera)
    camera = dict(K=place.camera)
    at = unproject(np.array([root[:2]]), np.array([root[2]]), camera)
    return project(at + (xyz - xyz[crop.root_index]) * hand_scale_mm, camera)


def _refuse_space(known: KnownHand, facts: NetworkFacts) -> None:
    """Refuse a scale or camera that a network for 2D joints can't use."""
    crop = facts.crop
    if known.hand_scale_mm is not None:
        what = 'the hand scale is for 3D networks'
        if crop.rule == 'cube':
            what += ' (give root and box, which say where the cube is)'
        raise NotForThisNetwork(f'{what}; this network gives 2D joints only: leave it out')
    if known.camera is not None and facts.depth is None and crop.rule != 'cube' and not crop.turns:
        raise NotForThisNetwork('the camera is for 3D networks; this network gives 2D joints only: leave it out')
