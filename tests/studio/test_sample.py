"""Samples: depth, parts, joints and cameras agree with one another and with formulas written apart."""

from __future__ import annotations

import numpy as np
import pytest

from handkd.hand import PARENTS
from handkd.studio import StudioDataset, render_views
from handkd.studio.occluders import ALL_CONES, ALL_FACES
from handkd.studio.renderer import NO_HIT
from handkd.studio.sample import SPLITS, draw_buffers, draw_sample, make_sample

from .conftest import first_hit, triangle_distance


def project(points: np.ndarray, camera: dict) -> np.ndarray:
    """Pinhole projection of world points."""
    local = points @ camera['R'].T + camera['T']
    return (local[:, :2] / local[:, 2:]) @ camera['K'][:2, :2].T + camera['K'][:2, 2]


def test_splits_share_no_pose_view_or_subject():
    seen = {}
    for split in SPLITS:
        settings = StudioDataset(split, 60).settings
        draws = [draw_sample(settings, k) for k in range(60)]
        seen[split] = (
            {d.scene.angles.tobytes() for d in draws},
            {d.scene.pose.tobytes() for d in draws},
            {d.subject.lengths.tobytes() for d in draws},
            {d.look.tobytes() for d in draws},
        )
    for a, b in (('train', 'val'), ('train', 'test'), ('val', 'test')):
        assert all(not (x & y) for x, y in zip(seen[a], seen[b]))
    assert len(seen['train'][0]) == 60 and len(seen['train'][1]) == 60


def test_seeds_differ():
    one, two = (StudioDataset('train', 5, seed=s, modalities=('depth',))[0]['keypoints_cam'] for s in (0, 1))
    assert not np.allclose(one, two)


def test_depth_is_the_distance_to_the_surface(draws):
    """Each depth lies on the surface of the primitive that is drawn there, and no cone stands before it."""
    settings, all_draws = draws
    rng = np.random.default_rng(0)
    on_faces = on_cones = 0
    for index in rng.choice(200, 12, replace=False):
        scene = all_draws[index].scene
        depth = make_sample(settings, int(index))['depth']
        z, ids, parts = np.empty((64, 64)), np.empty((64, 64), np.uint8), np.empty((64, 64), np.uint8)
        draw_buffers(scene, z, ids, parts)
        np.testing.assert_array_equal(depth, np.where(ids == NO_HIT, 0, z).astype(np.float32))
        for row, col in rng.permutation(np.argwhere(depth > 0))[:5]:
            ray = np.array([col - scene.intrinsics[1], row - scene.intrinsics[2], scene.intrinsics[0]])
            ray /= scene.intrinsics[0]
            point, k = ray * float(depth[row, col]), int(ids[row, col])
            nearest = first_hit(ray, scene.spheres)
            if k < len(ALL_CONES):
                assert nearest == pytest.approx(depth[row, col], abs=5e-3)
                on_cones += 1
            else:
                a, b, c = scene.spheres[ALL_FACES[k - len(ALL_CONES)]]
                assert abs(triangle_distance(point, a, b, c)) < 2e-3
                assert nearest > depth[row, col] - 5e-3
                on_faces += 1
    assert on_cones > 20 and on_faces > 5


def test_pixels_without_depth_miss_the_body(draws):
    for draw in draws[1][:6]:
        scene = draw.scene
        z, ids, parts = np.empty((64, 64)), np.empty((64, 64), np.uint8), np.empty((64, 64), np.uint8)
        draw_buffers(scene, z, ids, parts)
        for row, col in np.random.default_rng(1).permutation(np.argwhere(ids == NO_HIT))[:3]:
            ray = np.array([col - scene.intrinsics[1], row - scene.intrinsics[2], scene.intrinsics[0]])
            assert first_hit(ray / scene.intrinsics[0], scene.spheres) == np.inf


@pytest.mark.parametrize('randomisation', ['none', 'strong'])
def test_mask_parts_and_depth_agree(randomisation):
    dataset = StudioDataset('val', 40, modalities=('depth',), randomisation=randomisation)
    for k in range(40):
        sample = dataset[k]
        np.testing.assert_array_equal(sample['hand_mask'], sample['part_seg'] > 0)
        assert sample['part_seg'].max() <= 20
        assert (sample['depth'][sample['hand_mask']] > 0).all()
        assert sample['hand_mask'].any() or randomisation == 'strong'


def test_joints_project_onto_keypoints_and_the_crop_follows_the_square_box_rule():
    dataset = StudioDataset('train', 30, modalities=('depth',), crop_noise=None, resolution=100)
    for k in range(30):
        sample = dataset[k]
        keypoints = sample['keypoints'][0]
        np.testing.assert_allclose(project(sample['keypoints_cam'][0], sample['camera']), keypoints, atol=2e-3)
        low, high = keypoints.min(0), keypoints.max(0)
        np.testing.assert_allclose((low + high) / 2, 49.5, atol=1e-3)
        assert (high - low).max() * 1.25 == pytest.approx(100, abs=1e-2)
        np.testing.assert_allclose(sample['bbox'][0], [*low, *high])
        assert (sample['keypoints_visible'] == 1).all()


def test_visible_joints_lie_in_their_parts():
    """Where nothing but flesh covers a joint, its pixel shows a part that ends or begins there (98 % of the time)."""
    clear = {'sleeve': 0.0, 'stick': 0.0, 'front': 0.0}
    dataset = StudioDataset('train', 150, modalities=('depth',), resolution=128, randomisation=clear)
    good = total = 0
    for k in range(150):
        sample = dataset[k]
        for j, (x, y) in enumerate(np.round(sample['keypoints'][0]).astype(int)):
            if not (0 <= x < 128 and 0 <= y < 128):
                continue
            depth = sample['depth'][y, x]
            assert depth > 0, 'the pixel of a joint inside the image shows the hand or something before it'
            if depth > sample['keypoints_cam'][0, j, 2] - 14:
                own = {j} | {c for c in range(1, 21) if PARENTS[c] == j} | ({5, 9, 13, 17} if j % 4 == 1 else set())
                good += sample['part_seg'][y, x] in own
                total += 1
    assert total > 1000 and good / total > 0.98


def test_views_of_one_pose_agree():
    settings = StudioDataset('train', 10, modalities=('rgb', 'depth'), resolution=96).settings
    middle = draw_sample(settings, 4).scene.joints.mean(0)
    cameras = []
    for angle in (0.0, 0.6, -1.1):
        c, s = np.cos(angle), np.sin(angle)
        rotation = np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]])
        matrix = np.array([[220.0, 0, 47.5], [0, 220.0, 47.5], [0, 0, 1]])
        cameras.append({'K': matrix, 'R': rotation, 'T': np.array([0, 0, 600.0]) - rotation @ middle})
    views = render_views(settings, 4, cameras)
    world = [(v['keypoints_cam'][0] - v['camera']['T']) @ v['camera']['R'] for v in views]
    for points, view in zip(world, views):
        np.testing.assert_allclose(points, world[0], atol=1e-3)
        np.testing.assert_allclose(project(world[0], view['camera']), view['keypoints'][0], atol=5e-3)
        assert view['hand_mask'].sum() > 100 and view['img'].shape == (96, 96, 3)
    with pytest.raises(ValueError, match=r'cameras\[0\]: K must have square pixels'):
        render_views(settings, 4, [cameras[0] | {'K': np.diag([200.0, 210.0, 1.0])}])
