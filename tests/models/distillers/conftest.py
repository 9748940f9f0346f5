import numpy as np
import pytest
import torch

from handkd.geometry import AngleLimits, unproject
from handkd.models import FCHead, Heatmap25DHead, Latent25DHead, PMDHead, Regression25DHead
from handkd.models.distillers import DistillContext

LOW, HIGH = np.linspace(-0.4, -0.1, 20).reshape(5, 4), np.linspace(0.1, 0.5, 20).reshape(5, 4)
"""Bounds that random hands break."""

_XYZ = dict(type='RootRelativeXYZ', root='middle_mcp', scale_bone=('wrist', 'middle_mcp'))
_LATENT = dict(codec=dict(type='Latent25D', input_size=64), loss=dict(type='PoseL1Loss', depth_weight=0.5))


@pytest.fixture
def limits(tmp_path):
    """The file of bounds that random hands break."""
    AngleLimits(LOW, HIGH).write(tmp_path / 'narrow.json')
    return str(tmp_path / 'narrow.json')


@pytest.fixture
def wide_limits(tmp_path):
    """A file of bounds that no hand breaks."""
    AngleLimits(np.full((5, 4), -1.0), np.ones((5, 4))).write(tmp_path / 'wide.json')
    return str(tmp_path / 'wide.json')


@pytest.fixture(params=['heatmaps', 'vector', 'fc', 'pmd', 'pmd_coarse'])
def head_and_feats(request):
    """Each head that predicts joints in space, and features for a batch of four."""
    torch.manual_seed(0)
    maps = 3 * torch.randn(4, 42, 6, 6)
    return {
        'heatmaps': lambda: (Heatmap25DHead(num_stages=2, beta=3.0, **_LATENT), [maps.flip(1), maps]),
        'vector': lambda: (Regression25DHead(42, **_LATENT), maps[..., 0, 0]),
        'fc': lambda: (FCHead(42, 6, _XYZ, hidden=(8,)), maps),
        'pmd': lambda: (PMDHead(42, _XYZ, hidden=(8,)), maps[..., 0, 0]),
        'pmd_coarse': lambda: (PMDHead(42, _XYZ, hidden=(8,), refine=True), maps[..., 0, 0]),
    }[request.param]()


@pytest.fixture
def vector_head():
    torch.manual_seed(0)
    return Regression25DHead(42, **_LATENT)


@pytest.fixture
def context_of(seen_batch):
    """Returns what a distiller is given of a head's output."""

    def make(head, output, **layers):
        return DistillContext({'head': output, **layers}, {}, {}, seen_batch['data_samples'], head)

    return make


def numpy_excess(joints: np.ndarray, left: bool) -> np.ndarray:
    """max(f - high, 0) + max(low - f, 0) of each of a hand's angles (5, 4), from the angles themselves."""
    joints = joints.astype(float) * (-1, 1, 1) if left else joints.astype(float)
    line, normal = joints[5] - joints[17], np.cross(joints[5] - joints[0], joints[17] - joints[0])
    excess = np.zeros((5, 4))
    for finger in range(5):
        bones = np.diff(joints[1 + 4 * finger : 5 + 4 * finger], axis=0)
        between = [
            np.arctan2(np.linalg.norm(np.cross(a, b)), a @ b)
            for a, b in ((bones[0], line), (bones[0], normal), (bones[0], bones[1]), (bones[1], bones[2]))
        ]
        angles = np.pi / 2 - between[0], np.pi / 2 - between[1], *between[2:]
        for i, (function, angle) in enumerate(zip((np.sin, np.sin, np.cos, np.cos), angles)):
            low, high = LOW[finger, i], HIGH[finger, i]
            excess[finger, i] = max(function(angle) - high, 0) + max(low - function(angle), 0)
    return excess


def place(head, pose: torch.Tensor, samples: list) -> np.ndarray:
    """Joints (4, 21, 3) of a pose along the camera's axes, in NumPy: 2.5D ones at the true depth and scale."""
    poses = pose.detach().double().numpy()
    if not isinstance(head, Latent25DHead):
        return poses
    placed = []
    for one, sample in zip(poses, samples):
        truth = sample.gt_instances.keypoints_cam[0].astype(float)
        depth = truth[0, 2] + np.linalg.norm(truth[5] - truth[0]) * one[:, 2]
        placed.append(unproject((one[:, :2] + 1) * 32 - 0.5, depth, sample.camera))
    return np.stack(placed)
