"""Masks of the image region of each joint, from a map of the hand's parts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from handkd.hand import NUM_PARTS, PART_UNKNOWN


class PartMasks(NamedTuple):
    """Result of :func:`part_masks` for a batch.

    Attributes:
        masks: 1 in the region of a joint's parts, else 0, shape (B, J, size, size), float32.
        unopened: Share of the parts' regions in the maps that are kept unchanged, because opening would delete them.
        empty: Share of the masks that are 0 everywhere, because the map has none of the joint's parts.
    """

    masks: Tensor
    unopened: Tensor
    empty: Tensor


def part_table(parts: Sequence[Sequence[int]]) -> Tensor:
    """Return which parts belong to which joint, shape (J, 256), bool, one column per value of a part map.

    Args:
        parts: Part numbers of each joint.

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

    As in the paper, the region of each part is opened separately, and a joint's mask is the union of its parts'. The
    paper names no structuring element; here it is a square, and pixels outside of the image have no influence. A region
    that opening would delete, because it is narrower than the square everywhere, is kept unchanged. A cell of the mask
    is 1 if it covers any pixel of the union.

    Args:
        parts: Part maps of the crop, shape (B, 1, H, W), uint8; H and W are multiples of ``size``.
        table: Which parts belong to which joint, of :func:`part_table`.
        size: Side of the masks in cells.
        opening: Side of the square in px, odd; 1 opens nothing. Defaults to 3.
    """
    regions = (parts == torch.arange(1, NUM_PARTS + 1, device=parts.device)[:, None, None]).float()
    # Pooling pads with minus infinity, which is never the maximum, neither of the map nor of its negative.
    shrunk = -F.max_pool2d(-regions, opening, 1, opening // 2)
    opened = F.max_pool2d(shrunk, opening, 1, opening // 2)
    there, left = regions.flatten(2).any(2), opened.flatten(2).any(2)
    cell = [int(side) // size for side in parts.shape[2:]]  # numbers, also in a trace: sizes of pooling are fixed
    cells = F.max_pool2d(torch.where(left[:, :, None, None], opened, regions), cell)
    belongs = table[:, 1 : NUM_PARTS + 1].to(cells)
    masks = (torch.einsum('jp,bphw->bjhw', belongs, cells) > 0).float()
    lost = (there & ~left).sum() / there.sum().clamp(min=1)
    return PartMasks(masks, lost, (~masks.flatten(2).any(2)).float().mean())
