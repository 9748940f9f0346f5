import numpy as np
import pytest
import torch
from mmpose.structures import PoseDataSample

from handkd.geometry.rotations import axis_angle_to_matrix
from handkd.models.estimators.view_groups import (
    draw_sources,
    find_groups,
    other_sources,
    relative_rotations,
    turn_points,
)

CPU = torch.device('cpu')
GROUP_OF = torch.arange(4000) // 4
MOMENT_OF = torch.arange(4000) // 2


def some_rotations(count, seed=0):
    vectors = np.random.default_rng(seed).normal(size=(count, 3))
    return torch.from_numpy(axis_angle_to_matrix(vectors))


@pytest.mark.parametrize('p_swap', [0.0, 0.5, 1.0])
def test_geometry_is_of_the_same_moment_and_appearance_of_the_other(p_swap):
    torch.manual_seed(0)
    geometry, appearance = draw_sources(4000, p_swap, CPU)
    places = torch.arange(4000)
    assert torch.equal(MOMENT_OF[geometry], MOMENT_OF)
    assert torch.equal(GROUP_OF[appearance], GROUP_OF) and not (MOMENT_OF[appearance] == MOMENT_OF).any()
    swapped = (geometry != places).reshape(-1, 2)
    assert torch.equal(swapped[:, 0], swapped[:, 1])  # a view is the target of one image alone
    assert abs(swapped.float().mean() - p_swap) < (0.04 if 0 < p_swap < 1 else 1e-9)
    straight = (appearance % 2 == places % 2).float().mean()
    assert abs(straight - 0.5) < 0.04
    assert torch.equal(appearance.sort().values, places)  # every appearance is used once


def test_sources_without_chance_are_the_other_view_and_the_other_moment():
    geometry, appearance = other_sources(8, CPU)
    assert geometry.tolist() == [1, 0, 3, 2, 5, 4, 7, 6]
    assert appearance.tolist() == [2, 3, 0, 1, 6, 7, 4, 5]


def test_points_of_one_camera_turn_into_those_of_another():
    world = torch.from_numpy(np.random.default_rng(1).normal(size=(5, 7, 3)))
    first, second = some_rotations(5), some_rotations(5, 1)
    seen = [torch.einsum('bij,bnj->bni', camera, world).float() for camera in (first, second)]
    turns = relative_rotations(second.float(), first.float())
    np.testing.assert_allclose(turns, second @ first.mT, atol=1e-6)
    np.testing.assert_allclose(turn_points(seen[0], turns), seen[1], atol=2e-6)


def test_there_and_back_and_not_at_all():
    points, one, other = torch.randn(5, 7, 3), some_rotations(5).float(), some_rotations(5, 1).float()
    there = turn_points(points, relative_rotations(other, one))
    assert (there - points).abs().max() > 0.5
    torch.testing.assert_close(turn_points(there, relative_rotations(one, other)), points, atol=2e-6, rtol=0)
    torch.testing.assert_close(relative_rotations(one, one), torch.eye(3).expand(5, 3, 3), atol=1e-6, rtol=0)


def test_turns_stay_exact_under_autocast():
    points, rotations = torch.randn(2, 5, 3), some_rotations(2).float()
    with torch.autocast('cpu', torch.bfloat16):
        turned = turn_points(points, relative_rotations(rotations, torch.eye(3).expand(2, 3, 3)))
    np.testing.assert_allclose(turned, torch.einsum('bij,bnj->bni', rotations, points), atol=1e-6)


def samples(*groups):
    return [PoseDataSample(metainfo={} if group is None else dict(view_group=group)) for group in groups]


def test_groups_are_found_among_images_that_stand_alone():
    assert find_groups(samples(0, 0, 0, 0)) == [0, 1, 2, 3]
    assert find_groups(samples(0, 0, 0, 0, -1, None, -1, 3, 3, 3, 3)) == [0, 1, 2, 3, 7, 8, 9, 10]


@pytest.mark.parametrize(
    'groups',
    [
        (),
        (-1, -1, None, -1),
        (0, 0, 0),
        (0, 0, 0, 0, 1, 1),
        (0, 0, 1, 1, 0, 0, 1, 1),
        (0, 0, -1, 0, 0),
        (0, 0, 0, 1, 1, 1, 1, 0),
    ],
)
def test_what_is_no_group_is_refused(groups):
    with pytest.raises(ValueError, match='groups of 4 images .*ViewGroupSampler, and a batch_size'):
        find_groups(samples(*groups))
