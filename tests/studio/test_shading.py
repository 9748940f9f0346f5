"""Normals, the view from the light, and soft shadows."""

from __future__ import annotations

import numpy as np
import pytest

from handkd.studio.occluders import ALL_CONES, ALL_FACES
from handkd.studio.renderer import NO_HIT
from handkd.studio.sample import draw_buffers
from handkd.studio.shading import ambient_occlusion, cover_map, covered, light_view, surface_normals

from .conftest import hull_distance


def test_light_view_is_a_rotation_that_centres_the_hand():
    light = np.array([0.3, -0.7, -0.65])
    light /= np.linalg.norm(light)
    view = np.zeros((3, 5))
    centre = np.array([30.0, -20.0, 600.0])
    light_view(light, centre, 180.0, 64, view)
    np.testing.assert_allclose(view[:, :3] @ view[:, :3].T, np.eye(3), atol=1e-12)
    np.testing.assert_allclose(view[:, :3] @ centre + view[:, 3], [0, 0, 1500], atol=1e-9)
    np.testing.assert_allclose(view[2, :3], -light, atol=1e-12)


def test_cover_map_softens_without_changing_its_area():
    zmap = np.full((40, 40), 1e9)
    zmap[15:25, 12:26] = 1000.0
    cover = np.empty((40, 40))
    cover_map(zmap, 3, cover, np.empty((40, 40)))
    assert cover.sum() == pytest.approx(140)
    assert cover[20, 20] == pytest.approx(1) and 0 < cover[20, 11] < 1


def test_normals_are_gradients_of_the_distance(draws):
    """On a cone the normal is the direction in which the distance to it grows: finite differences of a search."""
    scene = draws[1][2].scene
    z, ids, parts = np.empty((64, 64)), np.empty((64, 64), np.uint8), np.empty((64, 64), np.uint8)
    draw_buffers(scene, z, ids, parts)
    normals = np.zeros((64, 64, 3), np.float32)
    f, px, py = scene.intrinsics
    planes = np.empty((len(ALL_FACES), 2, 3))
    surface_normals(z, ids, f, px, py, scene.spheres, ALL_CONES, ALL_FACES, planes, normals)
    hits = np.argwhere(ids != NO_HIT)
    np.testing.assert_allclose(np.linalg.norm(normals[hits[:, 0], hits[:, 1]], axis=1), 1, atol=1e-5)
    on_cones = hits[ids[hits[:, 0], hits[:, 1]] < len(ALL_CONES)]
    for row, col in np.random.default_rng(0).permutation(on_cones)[:10]:
        point = np.array([(col - px) / f, (row - py) / f, 1.0]) * z[row, col]
        i, j = ALL_CONES[ids[row, col], :2]
        ends = scene.spheres[i][None], scene.spheres[j][None]
        step = 1e-3 * np.eye(3)
        slope = [(hull_distance(point + h, *ends)[0] - hull_distance(point - h, *ends)[0]) / 2e-3 for h in step]
        np.testing.assert_allclose(slope, normals[row, col], atol=2e-3)


def test_occlusion_darkens_a_pit_only():
    z = np.full((21, 21), 500.0)
    assert ambient_occlusion(z, 10, 10, 3) == 1.0
    z[10, 10] = 515.0
    assert 0.2 < ambient_occlusion(z, 10, 10, 3) < 0.6
    z[10, 10] = 485.0
    assert ambient_occlusion(z, 10, 10, 3) == 1.0


def test_shadow_falls_away_from_the_light():
    """A point behind the hand as the light sees it is covered; the same point moved sideways is not."""
    light = np.array([0.0, -0.6, -0.8])
    view, cover = np.zeros((3, 5)), np.zeros((64, 64))
    centre = np.array([10.0, 5.0, 500.0])
    light_view(light, centre, 180.0, 64, view)
    cover[28:36, 28:36] = 1.0
    behind = centre - 80 * light
    assert covered(view, cover, *behind) == pytest.approx(1)
    assert covered(view, cover, behind[0] + 90, behind[1], behind[2]) == 0.0
