"""Groups of views: source images of geometry and appearance for each view, and the rotation of the geometry.

A group is four consecutive images of the batch: two views of one moment and two of another moment of the same sequence,
I_t^i, I_t^j, I_t'^i', I_t'^j'. Its samples have its number, ``view_group``, in their meta information; for images
without a group it is -1 or missing.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from handkd.geometry.camera import VIEW_GROUP


class ViewSources(NamedTuple):
    """Sources from which each image of a batch is synthesised, as indices in the batch.

    Attributes:
        geometry: Image whose points are rotated into the view, shape (B,): the image itself, or the other view of its
            moment.
        appearance: Image whose appearance is used, shape (B,): always one of the other moment.
    """

    geometry: Tensor
    appearance: Tensor


def find_groups(data_samples: list) -> list[int]:
    """Return the indices in the batch of the images that are in groups, group by group.

    Args:
        data_samples: ``PoseDataSample`` of each image, with ``view_group`` in its meta information if it is in one.

    Raises:
        ValueError: If there is no group, or one is not made of four consecutive images.
    """
    numbers = [sample.get('view_group', -1) for sample in data_samples]
    places = [place for place, number in enumerate(numbers) if number >= 0]
    blocks = [places[start : start + VIEW_GROUP] for start in range(0, len(places), VIEW_GROUP)]
    whole = all(
        len(block) == block[-1] - block[0] + 1 == VIEW_GROUP and len({numbers[place] for place in block}) == 1
        for block in blocks
    )
    if not blocks or not whole:
        raise ValueError(
            f"views are learnt from groups of {VIEW_GROUP} images that follow each other, found 'view_group' {numbers} "
            'in the batch: the loader needs the sampler ViewGroupSampler, and a batch_size that fits it'
        )
    return places


def draw_sources(size: int, p_swap: float, device: torch.device) -> ViewSources:
    """Draw the sources of a batch at random, as Rhodin et al. 2018 do.

    Args:
        size: Number of images, a multiple of :data:`~handkd.geometry.camera.VIEW_GROUP`.
        p_swap: Probability that the two views of a moment use each other's points instead of their own.
        device: Device of the result.
    """
    places = torch.arange(size, device=device)
    swap = (torch.rand(size // 2, device=device) < p_swap).long().repeat_interleave(2)
    cross = (torch.rand(size // 2, device=device) < 0.5).long().repeat_interleave(2)
    # The last bit of an index is the view, the one before it the moment.
    return ViewSources(places ^ swap, places ^ 2 ^ cross)


def other_sources(size: int, device: torch.device) -> ViewSources:
    """Return fixed sources: each of ``size`` images uses the points of the other view of its moment."""
    places = torch.arange(size, device=device)
    return ViewSources(places ^ 1, places ^ 2)


def relative_rotations(target: Tensor, source: Tensor) -> Tensor:
    """Return the rotations from the frames of source cameras to those of target cameras: R^{i->j} = R^j (R^i)^T.

    Args:
        target: R^j, which rotates the world's axes to those of camera j, shape (B, 3, 3), normalised.
        source: R^i, of the same shape.
    """
    # Written out, because autocast would run a matrix product in bfloat16.
    return (target[:, :, None] * source[:, None]).sum(-1)


def turn_points(points: Tensor, rotations: Tensor) -> Tensor:
    """Return rotated points: Eq. 1 of Mueller et al. 2020.

    Args:
        points: Shape (B, N, 3), any unit, in the frame of the source cameras.
        rotations: From the source cameras' axes to the target cameras', shape (B, 3, 3).

    Returns:
        Shape (B, N, 3), float32, in the unit of the points, along the target cameras' axes.
    """
    return (points.float()[:, :, None] * rotations[:, None]).sum(-1)
