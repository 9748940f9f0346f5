import numpy as np
import pytest

from handkd.visualization import depth_picture, draw_skeleton, mask_picture, part_picture, sample_tiles


@pytest.fixture
def sample():
    rng = np.random.default_rng(0)
    return dict(
        img=rng.integers(0, 255, (32, 32, 3), np.uint8),
        depth=rng.uniform(400, 500, (32, 32)).astype(np.float32),
        hand_mask=rng.random((32, 32)) > 0.5,
        part_seg=rng.integers(0, 21, (32, 32), np.uint8),
        keypoints=rng.uniform(0, 32, (1, 21, 2)),
    )


def test_each_modality_has_its_painter(sample):
    tiles = sample_tiles(sample, None, False, 64)
    expected = [
        sample['img'], depth_picture(sample['depth']), mask_picture(sample['hand_mask']),
        part_picture(sample['part_seg']),
    ]  # fmt: skip
    for tile, picture in zip(tiles, expected, strict=True):
        np.testing.assert_array_equal(tile, picture)
    assert set(np.unique(tiles[2])) == {0, 255} and (tiles[2][..., 0] > 0).mean() == sample['hand_mask'].mean()
    np.testing.assert_array_equal(sample_tiles(sample, ['parts', 'rgb'], False, 64)[1], sample['img'])


def test_joints_without_a_label_are_not_drawn(sample):
    sample['keypoints_valid'] = np.isin(np.arange(21), (4, 8))[None].astype(np.float32)
    only_two = np.full((21, 2), np.nan)
    only_two[[4, 8]] = sample['keypoints'][0, [4, 8]]
    drawn = sample_tiles(sample, ['rgb'], True, 64)[0]
    np.testing.assert_array_equal(drawn, draw_skeleton(sample['img'], only_two, min_size=64))
    assert (drawn != draw_skeleton(sample['img'], sample['keypoints'][0], min_size=64)).any()


def test_what_is_missing_is_named(sample):
    del sample['depth'], sample['keypoints']
    with pytest.raises(ValueError, match=r"have \['rgb', 'mask', 'parts'\], not \['depth'\]"):
        sample_tiles(sample, ['depth'], False, 64)
    with pytest.raises(ValueError, match='no 2D joints'):
        sample_tiles(sample, ['rgb'], True, 64)
