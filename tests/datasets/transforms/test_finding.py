"""Pipelines that go by the hand found in the depth, and know no joint."""

import numpy as np
import pytest

from handkd.datasets.transforms import (
    DepthToCube,
    FindHandCube,
    HandCrop,
    HandMaskFromCube,
    RandomHandFlip,
    WarpCrop,
    run_batch,
)
from handkd.geometry import cube_square, find_hand, in_cube, project
from handkd.geometry.crops import HAND_EXTENT, ZB_MARGIN
from handkd.studio import StudioDataset


@pytest.fixture(scope='module')
def samples():
    """Depth with forearms, its camera, and nothing else."""
    studio = StudioDataset(split='test', length=3, modalities=('depth',), resolution=128, factor=2.0)
    return [{key: studio.get_data_info(i)[key] for key in ('depth', 'camera', 'img_id')} for i in range(3)]


def test_a_pipeline_that_knows_no_joint(samples):
    steps = [
        FindHandCube(cube=220.0),
        HandCrop(rule='cube', cube=220.0, center='hand'),
        WarpCrop(size=48),
        HandMaskFromCube(cube=220.0),
        DepthToCube(cube=220.0, center='hand', hand_only=True),
    ]
    made = run_batch(steps, [dict(sample) for sample in samples], np.zeros((3, 0)))
    for sample, result in zip(samples, made):
        center = find_hand(sample['depth'], sample['camera'], 220)
        assert result['depth_cube'] == (pytest.approx(center[2], abs=0.01), 220)
        np.testing.assert_allclose(result['hand_center'][0, 0], center, atol=0.01)
        np.testing.assert_allclose(project(center[None], result['camera']), [[23.5, 23.5]], atol=0.01)
        depth = center[2] + result['depth'] * 110
        inside = np.abs(result['depth']) < 1
        assert 150 < inside.sum() < 48**2 and (result['depth'][~result['hand_mask']] == 1).all()
        np.testing.assert_array_equal(inside, in_cube(np.where(inside, depth, 0), result['camera'], center, 220.1))


@pytest.mark.parametrize(
    ('settings', 'edge'),
    [
        (dict(rule='square', factor=1.5), 1.5 * HAND_EXTENT),
        (dict(rule='box'), 1.25 * HAND_EXTENT),
        (dict(rule='zb'), ZB_MARGIN * HAND_EXTENT),
        (dict(rule='cube', cube=250.0), 250.0),
    ],
)
def test_squares_around_a_found_hand(samples, settings, edge):
    sample = FindHandCube()(dict(samples[0]))
    crop = HandCrop(**settings, center='hand')(dict(sample))['crop']
    center = sample['hand_center'][0, 0].astype(float)
    pixel = project(center[None], sample['camera'])[0]
    expected = cube_square(pixel, center[2], sample['camera']['K'], edge)
    np.testing.assert_allclose([*crop['center'], crop['side']], [*expected[0], expected[1]], rtol=1e-5)


def test_what_was_found_follows_the_pixels(samples):
    sample = FindHandCube()(dict(samples[1]))
    pixel = project(sample['hand_center'][0], sample['camera'])
    moved = RandomHandFlip(horizontal=1.0)(sample)
    np.testing.assert_allclose(
        project(moved['hand_center'][0], moved['camera']), [[127 - pixel[0, 0], pixel[0, 1]]], atol=0.01
    )


def test_what_is_missing_is_named(samples):
    with pytest.raises(ValueError, match=r"needs 'hand_center', but sample .* has none: put FindHandCube before"):
        DepthToCube(center='hand')(dict(samples[0]))
    with pytest.raises(ValueError, match="HandCrop needs 'hand_center'"):
        HandCrop(center='hand')(dict(samples[0]))
    with pytest.raises(ValueError, match="needs 'camera'"):
        FindHandCube()(dict(depth=np.ones((4, 4), np.float32)))
    with pytest.raises(ValueError, match=r'FindHandCube on sample \(img_id .*there is no depth reading'):
        FindHandCube()(dict(samples[0], depth=np.zeros((9, 9), np.float32)))
    for transform in (FindHandCube, HandMaskFromCube):
        with pytest.raises(ValueError, match=f'{transform.__name__}: cube must be a positive length'):
            transform(cube=0)
    with pytest.raises(ValueError, match="there is no 'hands'; did you mean 'hand'"):
        HandCrop(center='hands')
