import numpy as np
import pytest
import torch

from handkd.codecs import CropCameras, MetricCube
from handkd.geometry import project, unproject

CAMERAS = [
    dict(K=np.array([[120.0, 1.5, 20.0], [0, 110.0, 30.0], [0, 0, 1]])),
    dict(K=np.array([[90.0, 0.0, 25.0], [0, 95.0, 21.0], [0, 0, 1]]), dist=np.array([0.09, -0.17, -0.003, -0.003, 0])),
]


def test_joints_are_taken_to_the_cube_and_back():
    codec = MetricCube(input_size=48)
    dists = torch.from_numpy(np.stack([np.zeros(5), CAMERAS[1]['dist']]))
    cameras = CropCameras(torch.from_numpy(np.stack([camera['K'] for camera in CAMERAS])), dists)
    depth, edge = torch.tensor([500.0, 700.0]).double(), torch.tensor([300.0, 249.0]).double()
    center = codec.center(cameras, depth)
    for found, camera, z in zip(center, CAMERAS, depth):
        np.testing.assert_allclose(found, unproject(np.array([23.5, 23.5]), np.array(z), camera), atol=1e-6)
        np.testing.assert_allclose(project(found.numpy(), camera), [23.5, 23.5], atol=1e-5)
    joints = center[:, None] + torch.randn(2, 21, 3).double() * 60
    xyz = codec.encode(joints, center, edge)
    for i in range(2):
        np.testing.assert_allclose(xyz[i], (joints[i] - center[i]) / (edge[i].item() / 2))
    # z is what DepthToCube makes of the joint's depth.
    np.testing.assert_allclose(xyz[..., 2], (joints[..., 2] - depth[:, None]) / (edge[:, None] / 2))
    torch.testing.assert_close(codec.decode(xyz, center, edge), joints)


def test_a_size_that_is_none():
    with pytest.raises(ValueError, match='must be positive, found 0'):
        MetricCube(0)
