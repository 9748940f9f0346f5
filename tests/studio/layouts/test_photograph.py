"""Photographs agree with the renderer, with OpenCV's lens and with one another."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from handkd.geometry import axis_angle_to_matrix
from handkd.studio import StudioDataset, render_views
from handkd.studio.layouts.photograph import Camera, overlay, photograph
from handkd.studio.sample import draw_sample

BARE = {'sleeve': 0.0, 'stick': 0.0, 'front': 0.0}
BENT = Camera(
    np.array([[520.0, 0, 205.3], [0, 561.0, 148.8], [0, 0, 1]]), (400, 300),
    dist=np.array([-0.31, 0.12, 0.004, -0.006, 0.02]),
)  # fmt: skip
SQUARE = Camera(np.array([[540.0, 0, 210], [0, 540.0, 150], [0, 0, 1]]), (400, 300))
WIDE = Camera(np.array([[540.0, 0, 400], [0, 540.0, 320], [0, 0, 1]]), (800, 640))


def turned(camera, axis_angle, around):
    """A camera that is turned about a point of the world, which it sees where it saw it before."""
    rotation = axis_angle_to_matrix(np.array(axis_angle))
    return Camera(camera.K, camera.size, rotation, np.array(around) - rotation @ around, camera.dist)


def rays(camera, pixels):
    """Rays (N, 3) with z = 1 through pixels (N, 2), by OpenCV."""
    dist = np.zeros(5) if camera.dist is None else camera.dist
    stop = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 100, 1e-12)
    points = np.asarray(pixels, np.float64)[:, None]
    flat = cv2.undistortPointsIter(points, camera.K, dist, None, None, stop)[:, 0]
    return np.column_stack([flat, np.ones(len(flat))])


def smooth(photo):
    """Pixels (N, 2) of the body around which depth changes little, and their depth."""
    low, high = (f(photo.depth, np.ones((5, 5), np.uint8)) for f in (cv2.erode, cv2.dilate))
    rows, cols = np.nonzero((low > 0) & (high - low < 8))
    return np.stack([cols, rows], 1), photo.depth[rows, cols]


def look_up(photo, points, nearest=False):
    """Depth that a photograph has where points (N, 3) in its frame are seen; 0 out of view. Its lens must not bend.

    With ``nearest`` it is the least depth of the pixels around.
    """
    picture = photo.depth
    if nearest:
        picture = cv2.erode(np.where(picture > 0, picture, 1e6).astype(np.float32), np.ones((3, 3)))
    pixels = points @ photo.camera['K'].T
    cols, rows = np.round(pixels[:, :2] / pixels[:, 2:]).astype(int).T
    height, width = photo.depth.shape
    inside = (cols >= 0) & (cols < width) & (rows >= 0) & (rows < height)
    return np.where(inside, picture[rows.clip(0, height - 1), cols.clip(0, width - 1)], 0)


@pytest.mark.parametrize('index', [0, 3, 8])
def test_square_pixels_are_the_renderers_own(index):
    settings = StudioDataset('val', 1, seed=2, sides=('left',), resolution=300).settings
    joint = draw_sample(settings, index).scene.joints[9]
    focal = 0.4 * joint[2] / 90 * 300 / 2
    centre = np.round(150 - focal * joint[:2] / joint[2])
    matrix = np.array([[focal, 0, centre[0]], [0, focal, centre[1]], [0, 0, 1]])
    own = render_views(settings, index, [{'K': matrix, 'R': np.eye(3), 'T': np.zeros(3)}])[0]
    photo = photograph(index, 2, 'val', 'left', [Camera(matrix, (300, 300))], joint, np.eye(3))[0]
    np.testing.assert_array_equal(photo.depth, own['depth'])
    np.testing.assert_array_equal(photo.part_seg, own['part_seg'])
    np.testing.assert_allclose(photo.keypoints, own['keypoints'][0], atol=1e-3)
    # Only the resolution of the shadow map differs: it follows the size of what is rendered.
    off = np.abs(photo.image.astype(int) - own['img']).max(-1)
    assert (own['depth'] > 0).sum() > 5000 and off[own['depth'] == 0].mean() < 0.3 and np.mean(off > 8) < 0.02


def test_pixels_that_are_not_square_and_a_lens_see_the_same_surface():
    """From one place, a point's depth does not depend on the lens."""
    for index in range(3):
        bent, square = photograph(index, 0, 'train', 'right', [BENT, WIDE], (5, -10, 420), randomisation=BARE)
        pixels, depth = smooth(bent)
        error = np.abs(look_up(square, rays(BENT, pixels) * depth[:, None]) - depth)
        assert len(depth) > 1500 and np.median(error) < 1 and np.mean(error > 8) < 0.002
        extent = np.abs(pixels - BENT.K[:2, 2]).max(0)
        assert extent.max() > 80, 'far enough from the centre for the lens to matter'


def test_another_camera_sees_the_same_surface():
    center = (0.0, 0.0, 450.0)
    other = turned(BENT, (0.1, 0.5, -0.2), center)
    for index in range(4):
        first, second = photograph(index, 1, 'train', 'left', [WIDE, other], center, randomisation=BARE)
        pixels, depth = smooth(second)
        points = (rays(other, pixels) * depth[:, None] - other.T) @ other.R
        near = look_up(first, points, nearest=True)
        assert np.mean((near > 0) & (near < 1e6)) > 0.99, 'what one sees covers something in the other'
        assert np.mean(points[:, 2] > near - 2) > 0.995, 'nothing floats before it'
        assert np.mean(np.abs(points[:, 2] - look_up(first, points)) < 3) > 0.3, 'much of it is seen by both'


def test_joints_lie_behind_the_surface_within_the_fingers_thickness():
    behind = []
    for index in range(12):
        for photo in photograph(index, 0, 'test', 'right', [BENT, SQUARE], (0, 0, 500), randomisation=BARE):
            cols, rows = np.round(photo.keypoints).astype(int).T
            inside = (cols >= 0) & (cols < 400) & (rows >= 0) & (rows < 300)
            depth = photo.depth[rows[inside], cols[inside]]
            assert inside.mean() > 0.8 and (depth > 0).mean() > 0.97
            behind.append((photo.keypoints_cam[inside, 2] - depth)[depth > 0])
    behind = np.concatenate(behind)
    assert np.mean(behind > 0) > 0.98 and np.mean((behind > 2) & (behind < 25)) > 0.6 and np.median(behind) < 20


def test_keypoints_go_through_the_cameras_own_lens():
    other = turned(BENT, (0.1, 0.5, -0.2), (0.0, 0.0, 450.0))
    for photo in photograph(4, 0, 'test', 'right', [BENT, other, SQUARE], (30, -20, 450)):
        camera = photo.camera
        expected = cv2.projectPoints(
            photo.keypoints_cam, np.zeros(3), np.zeros(3), camera['K'], camera.get('dist', np.zeros(5))
        )[0][:, 0]
        np.testing.assert_allclose(photo.keypoints, expected, atol=1e-6)


def test_the_hand_stands_where_it_is_told_in_every_camera():
    center = np.array([300.0, -80.0, 900.0])
    cameras = [turned(SQUARE, axis, center) for axis in ((0.2, 0.4, 0.1), (0.0, -1.2, 0.3))]
    photos = photograph(7, 0, 'train', 'left', cameras, center)
    world = [(p.keypoints_cam - p.camera['T']) @ p.camera['R'] for p in photos]
    np.testing.assert_allclose(world[0][9], center, atol=1e-9)
    np.testing.assert_allclose(world[0], world[1], atol=1e-9)
    given = axis_angle_to_matrix(np.array([0.3, 2.0, -1.0]))
    joints = draw_sample(StudioDataset('train', 1, sides=('left',)).settings, 7).scene.joints
    fixed = photograph(7, 0, 'train', 'left', cameras, center, given)[1]
    np.testing.assert_allclose(
        (fixed.keypoints_cam - fixed.camera['T']) @ fixed.camera['R'], (joints - joints[9]) @ given.T + center
    )


def test_the_first_camera_sees_the_hand_as_the_sample_does():
    """The hand's turn is the smallest one that takes the old line of sight to the new one."""
    joints = draw_sample(StudioDataset('train', 1, sides=('right',)).settings, 5).scene.joints
    camera = turned(SQUARE, (0.4, -0.3, 1.0), (0.0, 0.0, 500.0))
    found = photograph(5, 0, 'train', 'right', [camera], (60, 50, 700))[0].keypoints_cam
    move, _ = cv2.Rodrigues(np.linalg.lstsq(joints - joints[9], found - found[9], rcond=None)[0].T)
    a, b = joints[9] / np.linalg.norm(joints[9]), found[9] / np.linalg.norm(found[9])
    axis = np.cross(a, b)
    np.testing.assert_allclose(move[:, 0], axis / np.linalg.norm(axis) * np.arccos(a @ b), atol=1e-6)


def test_a_hand_out_of_view_leaves_the_background():
    away = photograph(1, 0, 'train', 'left', [BENT], (5000, 0, 600))[0]
    assert not away.arm.any() and not away.part_seg.any() and away.image.std() > 1
    back = photograph(1, 0, 'train', 'left', [BENT], (0, 0, -600))[0]
    assert not back.arm.any()


def test_a_hand_far_beside_the_image_is_not_folded_into_it_by_the_lens():
    """The polynomial of a lens brings points beyond its reach back into the image; pixels follow rays, not points."""
    cameras = [BENT, Camera(BENT.K, BENT.size)]
    beside = photograph(1, 0, 'train', 'left', cameras, (1100, 0, 300), randomisation=BARE)
    assert not any(photo.part_seg.any() for photo in beside)


def test_upright_images():
    tall = Camera(np.array([[500.0, 0, 100], [0, 500.0, 180], [0, 0, 1]]), (200, 360))
    photo = photograph(2, 0, 'train', 'left', [tall], (0, 0, 600))[0]
    assert photo.image.shape == (360, 200, 3) and photo.depth.shape == photo.part_seg.shape == (360, 200)
    assert photo.arm.sum() > 1000


def test_the_nearer_of_two_hands_hides_the_other():
    far = photograph(0, 0, 'train', 'left', [SQUARE], (-20, 0, 600), scenery=9)[0]
    near = photograph(1, 0, 'train', 'right', [SQUARE], (10, 0, 500), scenery=9)[0]
    image, depth, owner = overlay([far, near])
    both = far.arm & near.arm
    assert both.sum() > 500
    np.testing.assert_array_equal(owner >= 0, far.arm | near.arm)
    np.testing.assert_array_equal(owner[both], (near.depth < far.depth)[both].astype(int))
    np.testing.assert_array_equal(depth[both], np.minimum(far.depth, near.depth)[both])
    np.testing.assert_array_equal(depth == 0, owner < 0)
    for k, photo in enumerate((far, near)):
        np.testing.assert_array_equal(image[owner == k], photo.image[owner == k])
        np.testing.assert_array_equal(depth[owner == k], photo.depth[owner == k])


def test_one_scenery_gives_one_background_and_light():
    one, two, other = (
        photograph(index, 0, 'train', 'left', [SQUARE], (0, 0, 500), scenery=scenery)[0]
        for index, scenery in ((0, 3), (1, 3), (1, 4))
    )
    free = ~cv2.dilate((one.arm | two.arm).astype(np.uint8), np.ones((9, 9))).astype(bool)
    difference = [np.abs(one.image[free].astype(int) - p.image[free]).mean() for p in (two, other)]
    assert difference[0] < 6 < 15 < difference[1], 'but for the noise'
    np.testing.assert_array_equal(two.depth, other.depth)
    assert np.abs(two.image[two.arm].astype(int) - other.image[two.arm]).mean() > 5


def test_photographs_are_pure_functions():
    first, again, seed, split = (
        photograph(*arguments, 'left', [BENT], (0, 0, 500))[0]
        for arguments in ((3, 0, 'train'), (3, 0, 'train'), (3, 1, 'train'), (3, 0, 'val'))
    )
    np.testing.assert_array_equal(first.image, again.image)
    np.testing.assert_array_equal(first.depth, again.depth)
    assert not np.allclose(first.keypoints_cam, seed.keypoints_cam)
    assert not np.allclose(first.keypoints_cam, split.keypoints_cam)


def test_the_truth_holds_what_was_written():
    photo, depth = photograph(0, 0, 'train', 'left', [BENT, SQUARE], (0, 0, 500))
    assert {'img_path', 'img', 'depth_path', 'depth', 'mask_path'} & set(photo.truth('test')) == set()
    own = photo.truth('test', img_path='a.png', depth_path='b.png', mask_path='c.png')
    assert own['img'] is photo.image and own['depth'] is photo.depth and 'depth_camera' not in own
    assert (own['split'], own['img_path'], own['depth_path'], own['mask_path']) == ('test', 'a.png', 'b.png', 'c.png')
    np.testing.assert_array_equal(own['hand_mask'], photo.part_seg > 0)
    np.testing.assert_array_equal(own['camera']['dist'], BENT.dist)
    other = photo.truth('test', img_path='a.png', depth_path='b.png', depth_view=depth)
    assert other['depth'] is depth.depth and other['camera'] is photo.camera and other['depth_camera'] is depth.camera
    np.testing.assert_array_equal(other['keypoints_depth_cam'], depth.keypoints_cam)


def test_what_the_studio_does_not_know_is_refused():
    with pytest.raises(ValueError, match="did you mean 'left'"):
        photograph(0, 0, 'train', 'lefd', [SQUARE], (0, 0, 500))
    with pytest.raises(ValueError, match="did you mean 'train'"):
        photograph(0, 0, 'trian', 'left', [SQUARE], (0, 0, 500))
