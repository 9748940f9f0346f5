"""Which image of a group gives the geometry of a view, which one its appearance, and how the geometry is turned.

A group are four images that follow each other in the batch: two views of one moment and two of another moment of the
same sequence, I_t^i, I_t^j, I_t'^i', I_t'^j'. Its samples say its number, ``view_group``, in their meta information;
that of images which stand alone is -1, or is not there.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

GROUP = 4
"""Images in a group."""


class ViewSources(NamedTuple):
    """What each image of a batch is to be made of, all as indices in the batch.

    Attributes:
        geometry: Whose points are turned into the image's view, shape (B,): its own, or those of the other view of its
            moment.
        appearance: Whose appearance it gets, shape (B,): always that of the other moment.
    """

    geometry: Tensor
    appearance: Tensor


def find_groups(data_samples: list) -> list[int]:
    """Return the places in the batch of the images that are in groups, group by group.

    Args:
        data_samples: ``PoseDataSample`` of each image, with ``view_group`` in its meta information if it is in one.

    Raises:
        ValueError: If there is no group, or one is not made of four images that follow each other.
    """
    numbers = [sample.get('view_group', -1) for sample in data_samples]
    places = [place for place, number in enumerate(numbers) if number >= 0]
    blocks = [places[start : start + GROUP] for start in range(0, len(places), GROUP)]
    whole = all(
        len(block) == block[-1] - block[0] + 1 == GROUP and len({numbers[place] for place in block}) == 1
        for block in blocks
    )
    if not blocks or not whole:
        raise ValueError(
            f"views are learnt from groups of {GROUP} images that follow each other, found 'view_group' {numbers} in "
            'the batch: the loader needs the sampler ViewGroupSampler, and a batch_size that fits it'
        )
    return places


def draw_sources(size: int, p_swap: float, device: torch.device) -> ViewSources:
    """Draw what a batch learns from, as Rhodin et al. 2018 do.

    Args:
        size: Number of images, a multiple of :data:`GROUP`.
        p_swap: Probability that the two views of a moment are made of each other's points, not of their own.
        device: Where the result goes.
    """
    places = torch.arange(size, device=device)
    swap = (torch.rand(size // 2, device=device) < p_swap).long().repeat_interleave(2)
    cross = (torch.rand(size // 2, device=device) < 0.5).long().repeat_interleave(2)
    # The last bit of a place is the view, the one before is the moment.
    return ViewSources(places ^ swap, places ^ 2 ^ cross)


def other_sources(size: int, device: torch.device) -> ViewSources:
    """Return sources without chance: each of ``size`` images is made of the other view of its moment."""
    places = torch.arange(size, device=device)
    return ViewSources(places ^ 1, places ^ 2)


def relative_rotations(target: Tensor, source: Tensor) -> Tensor:
    """Return what turns points from the frames of some cameras to those of others: R^{i->j} = R^j (R^i)^T.

    Args:
        target: R^j, which takes the world's axes to those of camera j, shape (B, 3, 3).
        source: R^i, of the same shape.
    """
    # Written out: autocast would take a matrix product to bfloat16.
    return (target[:, :, None] * source[:, None]).sum(-1)


def turn_points(points: Tensor, rotations: Tensor) -> Tensor:
    """Return points (B, N, 3) turned by rotations (B, 3, 3), float32: Eq. 1 of Mueller et al. 2020."""
    return (points.float()[:, :, None] * rotations[:, None]).sum(-1)
