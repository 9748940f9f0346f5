"""Networks of inference: what all of them offer, and their predictions, for either side, in the image's camera."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from handkd.hand import BONES, JOINTS, NUM_JOINTS, SIDES

from .crops import CropSpec, HandView
from .depth import DepthSpec

BATCH = 32
"""Most crops that go through a network together."""


class NotForThisNetwork(ValueError):
    """An option or a use that the network is not made for, whatever the image."""


@dataclass(frozen=True)
class NetworkFacts:
    """Facts about a network that its results need.

    Attributes:
        name: Its name, for messages.
        modality: 'rgb' or 'depth'.
        crop: The crops that it takes.
        depth: Its depth steps; None for colour images.
        joints: Names of its joints. Defaults to the 21 of :data:`handkd.hand.JOINTS`.
        trained_on: 'left', 'right' or 'both': the hands of its training. Defaults to 'both'.
        pixels: Whether it determines the joints' pixels itself; they are derived from the box if not. Defaults to True.
    """

    name: str
    modality: str
    crop: CropSpec
    depth: DepthSpec | None = None
    joints: tuple[str, ...] = JOINTS
    trained_on: str = 'both'
    pixels: bool = True

    def __post_init__(self) -> None:
        if self.trained_on not in ('both', *SIDES):
            raise ValueError(f"{self.name}: trained_on must be 'both', 'left' or 'right', found {self.trained_on!r}")

    @property
    def bones(self) -> tuple[tuple[int, int], ...]:
        """Pairs of joints (parent, child) to draw; none for joints other than the 21."""
        return BONES if len(self.joints) == NUM_JOINTS else ()


class CropNetwork(Protocol):
    """A network on crops.

    Attributes:
        facts: Facts about it.
    """

    facts: NetworkFacts

    def __call__(self, views: Sequence[HandView]) -> list[dict[str, np.ndarray]]:
        """Return the joints in crops, of each some of the following, in the frame of the crop's camera.

        - ``keypoints_xyz`` (J, 3): in units of the hand's scale, any origin;
        - ``keypoints`` (J, 2): px of the crop; ``keypoint_scores`` (J,): their scores, where the network has them;
        - ``left`` (): the probability that the hand is a left one;
        - ``keypoints_cam`` (J, 3): mm; of a 2.5D network for the mean hand of its training.
        """


def predict(
    network: CropNetwork, views: Sequence[HandView], mirrored: Sequence[bool]
) -> list[dict[str, np.ndarray] | ValueError]:
    """Return the joints in crops, those in space along the axes of the image's camera.

    Args:
        network: The network.
        views: The crops.
        mirrored: Which of them the network gets mirrored, since it was trained on hands of the other side; its joints
            are mirrored back.

    Returns:
        For each crop the dict of :class:`CropNetwork`, with ``keypoints_xyz`` and ``keypoints_cam`` in the axes of the
        image's camera, and without ``keypoints_cam`` of a 2.5D network if the camera is not known; or the error for one
        with a joint that is not finite.
    """
    given = [mirror_view(view) if flip else view for view, flip in zip(views, mirrored, strict=True)]
    found: list = []
    for start in range(0, len(given), BATCH):
        found += network(given[start : start + BATCH])
    size = network.facts.crop.size
    joints = [mirror_joints(one, size) if flip else one for one, flip in zip(found, mirrored)]
    return [_in_image_axes(one, view) for one, view in zip(joints, views)]


def mirror_view(view: HandView) -> HandView:
    """Return a crop mirrored left to right, u' = S - 1 - u, with its camera and centre, X' = -X."""
    camera, center = view.camera, view.center
    if camera is not None:
        intrinsics = np.array(camera['K'], np.float64)
        intrinsics[0, 2] = view.pixels.shape[1] - 1 - intrinsics[0, 2]
        intrinsics[0, 1] *= -1
        camera = dict(camera, K=intrinsics)
    if center is not None:
        center = center * (-1.0, 1.0, 1.0)
    return replace(view, pixels=np.ascontiguousarray(view.pixels[:, ::-1]), camera=camera, center=center)


def mirror_joints(joints: dict[str, np.ndarray], size: int) -> dict[str, np.ndarray]:
    """Return joints of a mirrored crop as they are in the crop: the inverse of :func:`mirror_view`.

    Args:
        joints: As of :class:`CropNetwork`: px of the crop, and any unit in its camera's frame.
        size: Side of the crop in px.
    """
    back = dict(joints)
    if 'keypoints' in back:
        back['keypoints'] = np.stack([size - 1 - back['keypoints'][:, 0], back['keypoints'][:, 1]], 1)
    for key in ('keypoints_xyz', 'keypoints_cam'):
        if key in back:
            back[key] = back[key] * (-1.0, 1.0, 1.0)
    if 'left' in back:
        back['left'] = 1 - back['left']
    return back


def _in_image_axes(joints: dict[str, np.ndarray], view: HandView) -> dict[str, np.ndarray] | ValueError:
    """Return joints of a crop, those in space along the axes of the image's camera; or an error."""
    if not all(np.isfinite(values).all() for values in joints.values()):
        return ValueError('the network predicts non-finite joints: its training diverged, use other weights')
    turned = dict(joints)
    if 'keypoints_xyz' in turned:
        turned['keypoints_xyz'] = view.to_camera(turned['keypoints_xyz'])
        if 'keypoints_cam' in turned and view.original is None:
            del turned['keypoints_cam']
    if 'keypoints_cam' in turned:
        turned['keypoints_cam'] = view.to_camera(turned['keypoints_cam'])
    return turned
