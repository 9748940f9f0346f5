"""Errors of a network on photographs, and what can be said of its predictions without labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from handkd.evaluation import align_bone, align_procrustes
from handkd.geometry import AngleLimits, joint_angles
from handkd.hand import BONES, JOINT_INDEX, NUM_JOINTS, SIDES
from handkd.inference.inferencer import HandInferencer

from .consistency import deviations, given_side
from .labelled_photos import LabelledPhoto

PCK_AT = (0.05, 0.1, 0.2)
"""Distances at which joints count as found, over the longer side of a photograph's box."""
_FAR = 4.0
"""Standard deviations from the mean of people beyond which the length of a bone is implausible."""
_SCALE_BONE = (JOINT_INDEX['wrist'], JOINT_INDEX['middle_mcp'])


@dataclass(frozen=True)
class HandNorms:
    """What hands are like.

    Attributes:
        mean: Mean length of each bone over the length from the wrist to the middle finger's base, shape (20,).
        std: Its standard deviation over the people, shape (20,).
        limits: Limits of the joint angles.
    """

    mean: np.ndarray
    std: np.ndarray
    limits: AngleLimits

    @classmethod
    def of(cls, joints: np.ndarray, left: np.ndarray) -> HandNorms:
        """Return the norms of a set of hands.

        Args:
            joints: Shape (N, 21, 3), any unit, camera frame.
            left: Which of them are left hands, shape (N,), bool.
        """
        joints = np.asarray(joints, np.float64)
        values, defined = joint_angles(torch.from_numpy(joints), torch.from_numpy(np.asarray(left)))
        ratios = bone_ratios(joints)
        return cls(ratios.mean(0), ratios.std(0), AngleLimits.of(values.numpy(), defined.numpy()))


def bone_ratios(joints: np.ndarray) -> np.ndarray:
    """Return the lengths of bones over that from the wrist to the middle finger's base.

    Args:
        joints: Shape (N, 21, 3), any unit, any frame.

    Returns:
        Shape (N, 20).
    """
    start, end = np.array(BONES).T
    lengths = np.linalg.norm(joints[:, end] - joints[:, start], axis=-1)
    return lengths / np.linalg.norm(joints[:, _SCALE_BONE[1]] - joints[:, _SCALE_BONE[0]], axis=-1)[:, None]


def measure_gap(infer: HandInferencer, photos: Sequence[LabelledPhoto], norms: HandNorms) -> tuple[dict, list[dict]]:
    """Measure a network on photographs.

    Args:
        infer: The network.
        photos: The photographs.
        norms: What hands are like.

    Returns:
        Figures by name, in the order of a table; and the network's hand in each photograph, as of
        :meth:`HandInferencer.one`. Distances in the image are in % of the longer side of the photograph's box,
        distances in space in mm. A figure for which no photograph has labels is left out.

    Raises:
        OSError: If an image can't be read; names it.
        ValueError: If the network predicts other joints than the 21, or needs more than an image and a box.
    """
    if len(infer.network.facts.joints) != NUM_JOINTS:
        raise ValueError(
            f'{infer.network.facts.name}: expected {NUM_JOINTS} joints, found {infer.network.facts.joints}'
        )
    images = [infer.read(photo.path) for photo in photos]
    hands = [infer.one(image, photo.box, side=given_side(infer, photo)) for image, photo in zip(images, photos)]
    figures = _errors_in_the_image(hands, photos) | _errors_in_space(hands, photos)
    if infer.network.facts.trained_on == 'both':  # else the side is given
        figures |= _sides(hands, photos)
    changes = [deviations(infer, image.pixels, photo) for image, photo in zip(images, photos)]
    for name in changes[0]:
        figures[f'changes with {name}, %'] = 100 * float(np.mean([one[name] for one in changes]))
    return figures | _plausibility(hands, norms), hands


def _errors_in_the_image(hands: Sequence[dict], photos: Sequence[LabelledPhoto]) -> dict[str, float]:
    errors = []
    for hand, photo in zip(hands, photos):
        labelled = np.isfinite(photo.keypoints).all(-1) & (not photo.guessed)
        errors.append(np.linalg.norm(hand['keypoints'] - photo.keypoints, axis=-1)[labelled] / photo.square[1])
    found = np.concatenate(errors)
    if not len(found):
        return {}
    figures = {'EPE, %': 100 * float(found.mean()), 'EPE median, %': 100 * float(np.median(found))}
    return figures | {f'PCK@{at:g}, %': 100 * float((found <= at).mean()) for at in PCK_AT}


def _errors_in_space(hands: Sequence[dict], photos: Sequence[LabelledPhoto]) -> dict[str, float]:
    pairs = [
        (hand['keypoints_3d'], photo.keypoints_cam)
        for hand, photo in zip(hands, photos)
        if hand['keypoints_3d'] is not None and photo.keypoints_cam is not None and not photo.guessed
    ]
    if not pairs:
        return {}
    found, wanted = (np.stack(part) for part in zip(*pairs))
    aligned = {
        'EPE at known wrist and scale, mm': align_bone(found, wanted, _SCALE_BONE[0], _SCALE_BONE),
        'EPE after Procrustes, mm': align_procrustes(found, wanted),
    }
    return {name: float(np.linalg.norm(joints - wanted, axis=-1).mean()) for name, joints in aligned.items()}


def _sides(hands: Sequence[dict], photos: Sequence[LabelledPhoto]) -> dict[str, float]:
    """Return the share of hands of a known side whose side the network estimates rightly."""
    known = [hand['side'] == photo.side for hand, photo in zip(hands, photos) if photo.side and hand['side']]
    return {'side found, %': 100 * float(np.mean(known))} if known else {}


def _plausibility(hands: Sequence[dict], norms: HandNorms) -> dict[str, float]:
    """Return the shares of bones and of joint angles outside of the norms."""
    posed = [hand for hand in hands if hand['keypoints_3d'] is not None and hand['side'] in SIDES]
    if not posed:
        return {}
    joints = np.stack([hand['keypoints_3d'] for hand in posed]).astype(np.float64)
    far = np.abs(bone_ratios(joints) - norms.mean) > _FAR * norms.std
    out = norms.limits.violated(joints, np.array([hand['side'] == 'left' for hand in posed]))
    return {
        'implausible bones, %': 100 * float(far.mean()),
        'angles out of bounds, %': 100 * float(out.mean()),
    }
