"""The rasteriser against the same tests at every pixel, without scissors, and against one sphere's closed form."""

from __future__ import annotations

import numpy as np
import pytest

from handkd.studio.occluders import ALL_CONES, ALL_FACES
from handkd.studio.renderer import FAR, NO_HIT, _cone_row, _cone_terms, draw_body, touching_plane
from handkd.studio.sample import draw_buffers


def unscissored(scene, size: int) -> np.ndarray:
    """Depth of the cones alone, every ray against every cone."""
    z, ids = np.full((size, size), FAR), np.full((size, size), NO_HIT, np.uint8)
    f, px, py = scene.intrinsics
    for i, j, cap_a, cap_b in ALL_CONES:
        a, b = scene.spheres[i], scene.spheres[j]
        if a[3] < 0 or min(a[2] - a[3], b[2] - b[3]) < 5:
            continue
        ta, tb = tuple(a[:3]), tuple(b[:3])
        terms = _cone_terms(ta, a[3], tb, b[3])
        for row in range(size):
            _cone_row(
                z[row], ids[row], -px / f, 1 / f, (row - py) / f, ta, tb, terms, cap_a > 0, cap_b > 0, np.uint8(1)
            )
    return z


def test_scissored_equals_unscissored(draws):
    for draw in draws[1][:25]:
        scene = draw.scene
        z, ids = np.full((64, 64), FAR), np.full((64, 64), NO_HIT, np.uint8)
        draw_body(z, ids, *scene.intrinsics, scene.spheres, ALL_CONES, ALL_FACES[:0])
        expected = unscissored(scene, 64)
        np.testing.assert_array_equal(z < FAR, expected < FAR)
        np.testing.assert_allclose(z, expected, rtol=1e-12)


@pytest.mark.parametrize(('x', 'y', 'z', 'r'), [(0, 0, 300, 40), (60, -30, 400, 25), (-150, 90, 350, 60)])
def test_a_single_sphere(x, y, z, r):
    size, f, c = 90, 80.0, 44.5
    spheres = np.array([[x, y, z, r], [x, y, z, r * 0.5]], np.float64)
    buffer, ids = np.full((size, size), FAR), np.full((size, size), NO_HIT, np.uint8)
    draw_body(buffer, ids, f, c, c, spheres, np.array([[0, 1, 1, 1]]), np.zeros((0, 3), np.int64))
    v, u = np.mgrid[0:size, 0:size]
    d = np.stack([(u - c) / f, (v - c) / f, np.ones((size, size))], -1)
    centre = spheres[0, :3]
    half, dd = d @ centre, (d * d).sum(-1)
    disc = half**2 - dd * (centre @ centre - r * r)
    expected = np.where(disc > 0, (half - np.sqrt(np.maximum(disc, 0))) / dd, FAR)
    np.testing.assert_allclose(buffer, expected, rtol=1e-9)
    assert (ids[disc > 0] == 0).all() and (ids[disc <= 0] == NO_HIT).all()


def test_touching_planes_touch_three_spheres():
    a, b, c = np.array([0.0, 0, 300]), np.array([40.0, 5, 310]), np.array([10.0, 50, 290])
    for sign in (-1.0, 1.0):
        ok, *n = touching_plane(a, 12.0, b, 8.0, c, 10.0, sign)
        assert ok and np.linalg.norm(n) == pytest.approx(1)
        assert n @ a + 12 == pytest.approx(n @ b + 8) == pytest.approx(n @ c + 10)
    assert not touching_plane(a, 100.0, b, 8.0, c, 10.0, 1.0)[0], 'the first sphere holds the others'


def test_buffers_repeat_bit_for_bit(draws):
    scene = draws[1][0].scene
    runs = []
    for _ in range(2):
        z, ids, parts = np.empty((64, 64)), np.empty((64, 64), np.uint8), np.empty((64, 64), np.uint8)
        draw_buffers(scene, z, ids, parts)
        runs.append(z.tobytes() + ids.tobytes() + parts.tobytes())
    assert runs[0] == runs[1]
