"""Parts: where on the hand each number lies."""

from __future__ import annotations

import numpy as np

from handkd.hand import PALM_PARTS, PARENTS
from handkd.studio.body import palm_lines
from handkd.studio.renderer import NO_HIT
from handkd.studio.sample import draw_buffers


def test_pixels_of_a_finger_part_are_near_its_bone(draws):
    """The surface point of each pixel of parts 2..20 lies near the segment of its own bone."""
    seen = set()
    for draw in draws[1][:40]:
        scene = draw.scene
        z, ids, parts = np.empty((64, 64)), np.empty((64, 64), np.uint8), np.empty((64, 64), np.uint8)
        draw_buffers(scene, z, ids, parts)
        assert (parts[ids == NO_HIT] == 0).all()
        rows, cols = np.nonzero(parts)
        f, px, py = scene.intrinsics
        depth = z[rows, cols]
        points = np.stack([(cols - px) / f * depth, (rows - py) / f * depth, depth], 1)
        for part in set(parts[rows, cols].tolist()):
            seen.add(part)
            mine = points[parts[rows, cols] == part]
            a, b = scene.joints[PARENTS[part]], scene.joints[part]
            along = np.clip((mine - a) @ (b - a) / ((b - a) @ (b - a)), 0, 1)
            reach = np.linalg.norm(mine - a - along[:, None] * (b - a), axis=1)
            assert reach.max() < (52 if part in PALM_PARTS else 34), part
    assert seen == set(range(1, 21)), 'all twenty parts are seen'


def test_palm_lines_run_between_the_knuckles():
    joints = np.zeros((21, 3))
    joints[1] = 25, 20, 0
    joints[[5, 9, 13, 17], 0] = 26, 4, -16, -34
    joints[[5, 9, 13, 17], 1] = 90, 92, 86, 78
    lines = np.empty((5, 3))
    palm_lines(joints, lines)
    assert lines[0, 0] == 23.0
    np.testing.assert_allclose(lines[1:4, :2], [[15, 91], [-6, 89], [-25, 82]])
    np.testing.assert_allclose(lines[1:, 2], [90, 92, 86, 78])
