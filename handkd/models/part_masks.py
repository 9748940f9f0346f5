"""Where in an image each joint is to be looked for, by the hand's parts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from handkd.hand import NUM_PARTS, PART_UNKNOWN


class PartMasks(NamedTuple):
    """What :func:`part_masks` makes of a batch.

    Attributes:
        masks: 1 where a joint is looked for, else 0, shape (B, J, size, size), float32.
        unopened: Share of the masks that are those of the map as it is, since opening left nothing.
        empty: Share of the masks that are 0 everywhere, since the map has none of the joint's parts.
    """

    masks: Tensor
    unopened: Tensor
    empty: Tensor


def part_table(parts: Sequence[Sequence[int]]) -> Tensor:
    """Return which parts belong to which joint, shape (J, 256), bool, a column for every value of a map of parts.

    Args:
        parts: Of each joint the numbers of its parts.

    Raises:
        ValueError: If there is no such part.
    """
    table = torch.zeros(len(parts), PART_UNKNOWN + 1, dtype=torch.bool)
    for row, numbers in zip(table, parts):
        if not all(1 <= number <= NUM_PARTS for number in numbers):
            raise ValueError(f'parts must be 1..{NUM_PARTS}, found {tuple(numbers)}')
        row[list(numbers)] = True
    return table


def part_masks(parts: Tensor, table: Tensor, size: int, opening: int = 3) -> PartMasks:
    """Make a mask of each joint's parts, by morphological opening (Neverova et al. 2017, section 4).

    The paper says no more than that. Here the union of the parts is opened with a square; what lies outside of the
    image neither keeps nor deletes anything. Where fingers are narrower than the square and nothing is left, the union
    stays as it is. A cell of the mask that covers any pixel of it is in.

    Args:
        parts: Maps of parts, shape (B, 1, H, W), uint8; H and W are multiples of ``size``.
        table: Which parts belong to which joint, of :func:`part_table`.
        size: Side of the masks.
        opening: Side of the square in px, odd; 1 opens nothing. Defaults to 3.
    """
    union = table.T[parts[:, 0].int()].movedim(3, 1).float()
    # Pooling pads with minus infinity, which is never the largest: not in the map, nor in its negative.
    shrunk = -F.max_pool2d(-union, opening, 1, opening // 2)
    opened = F.max_pool2d(shrunk, opening, 1, opening // 2)
    there, left = union.flatten(2).any(2), opened.flatten(2).any(2)
    masks = F.adaptive_max_pool2d(torch.where(left[:, :, None, None], opened, union), size)
    return PartMasks(masks, (there & ~left).float().mean(), (~there).float().mean())
