"""The decoding of 2.5D poses in a graph, against the equations of Iqbal et al. 2018 written out in NumPy."""

import numpy as np
import torch

from handkd.export.decoders import decoder_of
from handkd.hand import JOINT_INDEX
from handkd.models.heads import Regression25DHead


def in_space(pose, K, size):
    """Return joints (21, 3) in units of the scale bone, from (x, y, Z^r) of one hand, by an equation in Z_root."""
    pixels = ((pose[:, :2] + 1) * size - 1) / 2
    x, y = (pixels[:, 0] - K[0, 2]) / K[0, 0], (pixels[:, 1] - K[1, 2]) / K[1, 1]
    n, m = JOINT_INDEX['wrist'], JOINT_INDEX['index_mcp']
    z = pose[:, 2]
    # |P_n - P_m|^2 = 1 with P_k = (x_k, y_k, 1) (Z_root + Z^r_k), sorted by powers of Z_root.
    p, q = np.array([x[n], y[n], 1.0]), np.array([x[m], y[m], 1.0])
    a = (p - q) @ (p - q)
    b = 2 * (p - q) @ (p * z[n] - q * z[m])
    c = (p * z[n] - q * z[m]) @ (p * z[n] - q * z[m]) - 1
    depth = (-b + np.sqrt(b * b - 4 * a * c)) / (2 * a)
    return np.stack([x, y, np.ones(21)], 1) * (depth + z)[:, None]


def test_a_2_5d_pose_is_placed_by_its_camera_and_scale():
    head = Regression25DHead(4, dict(type='Latent25D', input_size=64)).eval()
    head.bones.count += 1
    head.bones.mean += torch.linspace(20, 60, 20)
    decoder = decoder_of(head)
    rng = np.random.default_rng(0)
    poses = np.concatenate([rng.uniform(-0.8, 0.8, (3, 21, 2)), rng.uniform(-1, 1, (3, 21, 1))], -1)
    poses[:, 0, 2] = 0
    K = np.array([[[300.0 + 40 * i, 0, 30 + i], [0, 320.0, 31], [0, 0, 1]] for i in range(3)])
    given = dict(K=torch.tensor(K).float(), scale_mm=torch.tensor([80.0, 95.0, 0.0]))
    pixels, xyz, cam = (part.numpy() for part in decoder(torch.tensor(poses).float(), given))
    wanted = np.stack([in_space(pose, one, 64) for pose, one in zip(poses, K)])
    np.testing.assert_allclose(pixels, ((poses[..., :2] + 1) * 64 - 1) / 2, atol=1e-4)
    np.testing.assert_allclose(xyz, wanted - wanted[:, :1], rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(cam[:2], wanted[:2] * np.array([80.0, 95.0])[:, None, None], rtol=1e-5)
    start, end = np.array([[0, j] if j % 4 == 1 else [j - 1, j] for j in range(1, 21)]).T
    lengths = np.linalg.norm(wanted[2][end] - wanted[2][start], axis=-1)
    mean = lengths @ np.linspace(20, 60, 20) / (lengths @ lengths)  # of the mean hand, where no scale is given
    np.testing.assert_allclose(cam[2], wanted[2] * mean, rtol=1e-4)
