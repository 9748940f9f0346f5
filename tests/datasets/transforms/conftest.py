"""Samples with joints, cameras and pixels that belong together."""

import numpy as np
import pytest

from handkd.geometry import axis_angle_to_matrix, project


@pytest.fixture(scope='session')
def make_sample():
    return _make_sample


def _make_sample(seed=0, size=(65, 49), blob=9):
    """Draw a sample: a lens with distortion, oblong pixels, joints partly outside of the image.

    The image shows one smooth spot at the joint ``blob`` on black; mask, parts and depth one disc at the same place.
    """
    rng = np.random.default_rng(seed)
    width, height = size
    focal = rng.uniform(200, 600, 2)
    intrinsics = np.array([[focal[0], rng.uniform(-2, 2), width * 0.45], [0, focal[1], height * 0.55], [0, 0, 1]])
    camera = dict(K=intrinsics, R=axis_angle_to_matrix(rng.normal(size=3)), T=rng.normal(0, 300, 3))
    if rng.random() < 0.7:
        camera['dist'] = rng.normal(0, [0.1, 0.05, 0.01, 0.01, 0.01])
    pixels = rng.uniform(-0.2, 1.2, (21, 2)) * size
    pixels[blob] = rng.uniform(0.3, 0.7, 2) * size
    depth = rng.uniform(350, 700, (21, 1))
    joints = np.concatenate([(pixels - intrinsics[:2, 2]) / focal * depth, depth], 1)
    keypoints = project(joints, camera)
    offset = np.stack(np.meshgrid(np.arange(width), np.arange(height)), -1) - keypoints[blob]
    distance = np.linalg.norm(offset, axis=-1)
    spot = np.rint(220 * np.exp(-0.5 * (distance / 2.5) ** 2)).astype(np.uint8)
    mask = distance < 5
    return dict(
        img=np.repeat(spot[..., None], 3, -1),
        depth=np.where(mask, np.float32(depth[blob, 0]), np.float32(0)),
        hand_mask=mask,
        part_seg=np.where(mask, np.uint8(blob), np.uint8(0)),
        keypoints=keypoints[None].astype(np.float32),
        keypoints_visible=np.ones((1, 21), np.float32),
        keypoints_cam=joints[None].astype(np.float32),
        camera=camera,
        hand_side=('left', 'right')[int(rng.integers(2))],
        bbox=np.array([[5, 6, width - 7, height - 8]], np.float32),
        img_id=seed,
        img_shape=(height, width),
        ori_shape=(height, width),
    )
