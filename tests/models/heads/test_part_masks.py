import numpy as np
import pytest
import torch
from scipy import ndimage

from handkd.hand import JOINT_PARTS
from handkd.models.heads.part_masks import part_masks, part_table

SQUARE = np.ones((3, 3), bool)


def scipy_masks(parts, numbers, size):
    """The mask of one joint in one map: the union of its parts' regions, each opened for itself."""
    mask = np.zeros(parts.shape, bool)
    for number in numbers:
        opened, unopened = scipy_opening(parts == number)
        mask |= (parts == number) if unopened else opened
    cell = parts.shape[0] // size
    return mask.reshape(size, cell, size, cell).any((1, 3))


def scipy_opening(region):
    """A region opened, and whether nothing is left of it."""
    opened = ndimage.binary_dilation(ndimage.binary_erosion(region, SQUARE, border_value=1), SQUARE)
    return opened, region.any() and not opened.any()


@pytest.mark.parametrize(('side', 'size'), [(48, 12), (24, 12), (24, 6)])
def test_masks_are_unions_of_opened_parts(side, size):
    rng = np.random.default_rng(0)
    parts = rng.integers(0, 21, size=(6, side // 4, side // 4)).repeat(4, 1).repeat(4, 2).astype(np.uint8)
    parts[rng.random(parts.shape) < 0.06] = 0  # holes that opening widens
    parts[parts == 4] = 0
    parts[2:, 5, 5:7] = 4  # too narrow for the square
    parts[0, 0, :9] = 255
    masks = part_masks(torch.from_numpy(parts)[:, None], part_table(JOINT_PARTS), size)
    expected = [[scipy_masks(image, numbers, size) for numbers in JOINT_PARTS] for image in parts]
    np.testing.assert_array_equal(masks.masks, np.array(expected))
    regions = [image == number for image in parts for number in range(1, 21)]
    lost = sum(scipy_opening(region)[1] for region in regions)
    empty = [not mask.any() for row in expected for mask in row]
    assert lost >= 4 and sum(empty) >= 2
    assert masks.unopened.item() == pytest.approx(lost / sum(region.any() for region in regions))
    assert masks.empty.item() == pytest.approx(np.mean(empty))


def test_opening_deletes_thin_lines_and_keeps_what_the_image_cuts():
    parts = torch.zeros(1, 1, 24, 24, dtype=torch.uint8)
    parts[..., 10:14, 10:14] = 5
    parts[..., 20, :] = 5  # a line
    parts[..., :3, :2] = 5  # two px wide, at the border
    table = part_table([(5,)])
    mask = part_masks(parts, table, 24).masks[0, 0]
    expected = torch.zeros(24, 24)
    expected[10:14, 10:14] = expected[:3, :2] = 1
    assert torch.equal(mask, expected)
    assert torch.equal(part_masks(parts, table, 24, opening=1).masks[0, 0], (parts[0, 0] == 5).float())


def test_each_region_is_opened_for_itself():
    """Two parts of one joint, each a line: together they are as wide as the square, alone they are not."""
    parts = torch.zeros(1, 1, 24, 24, dtype=torch.uint8)
    parts[..., 10, 4:20] = 5
    parts[..., 11:13, 4:20] = 6
    parts[..., 16:20, 4:8] = 6  # what is left of part 6
    mask = part_masks(parts, part_table([(5, 6)]), 24).masks[0, 0]
    expected = torch.zeros(24, 24)
    expected[10, 4:20] = expected[16:20, 4:8] = 1  # part 5, of which nothing would be left, stays
    assert torch.equal(mask, expected)


@pytest.mark.parametrize('number', [0, 21, 255])
def test_no_such_part(number):
    with pytest.raises(ValueError, match=rf'must be 1..20, found \(3, {number}\)'):
        part_table([(1,), (3, number)])
