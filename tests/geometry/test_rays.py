"""Viewing rays of tensors, against the NumPy functions of cameras, and their gradients."""

import numpy as np
import pytest
import torch

from handkd.geometry import project, unproject, viewing_rays

from .test_camera import DISTORTION, INTRINSICS, LM_DISTORTION, camera


@pytest.mark.parametrize('dist', [None, DISTORTION, LM_DISTORTION])
def test_viewing_rays_are_unprojections_to_depth_1_each_through_its_camera(points, dist):
    cameras = [camera(dist, skew) for skew in (0.0, 3.0, -2.0, 1.0)]
    for i, cam in enumerate(cameras):
        cam['K'][0, 0] += 50 * i
    pixels = np.stack([project(hand, cam) for hand, cam in zip(points, cameras)])
    expected = [unproject(hand, np.ones(21), cam) for hand, cam in zip(pixels, cameras)]
    intrinsics = torch.tensor(np.stack([cam['K'] for cam in cameras]))
    dists = None if dist is None else torch.tensor(dist).expand(4, 5).clone()
    rays = viewing_rays(torch.from_numpy(pixels), intrinsics, dists)
    np.testing.assert_allclose(rays, expected, atol=1e-14)
    np.testing.assert_allclose(rays * points[..., 2:], points, atol=1e-7)
    if dist is not None:
        dists[1:3] = 0
        some = viewing_rays(torch.from_numpy(pixels), intrinsics, dists)
        pinhole = viewing_rays(torch.from_numpy(pixels), intrinsics)
        np.testing.assert_array_equal(some[1:3], pinhole[1:3])
        np.testing.assert_array_equal(some[::3], rays[::3])
        assert (some[1:3, :, :2] != rays[1:3, :, :2]).any()


@pytest.mark.parametrize('dist', [None, LM_DISTORTION])
def test_the_gradient_of_viewing_rays(points, dist):
    pixels = torch.from_numpy(project(points[:2, :4], camera(dist, 3.0))).requires_grad_()
    intrinsics = torch.tensor(camera(skew=3.0)['K']).expand(2, 3, 3)
    dists = None if dist is None else torch.tensor(dist).expand(2, 5)
    assert torch.autograd.gradcheck(lambda p: viewing_rays(p, intrinsics, dists), (pixels,))


@pytest.mark.parametrize('dist', [DISTORTION, LM_DISTORTION])
def test_rays_and_gradients_of_pixels_that_no_lens_gives_are_finite(dist):
    radius = np.logspace(0, 5, 400)
    pixels = radius[:, None] * [[0.8, -0.6]] + INTRINSICS[:2, 2]
    pixels = torch.tensor(pixels[None], dtype=torch.float32, requires_grad=True)
    rays = viewing_rays(pixels, torch.tensor(INTRINSICS)[None].float(), torch.tensor(dist)[None].float())
    rays.sum().backward()
    assert rays.isfinite().all() and pixels.grad.isfinite().all()
    assert (pixels.grad.abs() * INTRINSICS[0, 0]).max() < 5, 'beyond where the lens folds, the pixels are as without it'
    far = unproject(pixels.detach()[0].numpy(), np.ones(400), dict(K=INTRINSICS, dist=dist))
    assert np.isfinite(far).all()
