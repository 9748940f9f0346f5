import numpy as np
import pytest
import torch

from handkd.codecs import MetricCube
from handkd.geometry import project
from handkd.models import CheckpointError, CoarseJoints
from handkd.models.backbones.coarse_joints import joint_windows
from handkd.models.backbones.local_contrast import local_contrast
from handkd.models.targets import CropCameras
from handkd.registry import MODELS

FIRST = dict(
    type='HandPoseEstimator',
    modality='depth',
    backbone=dict(type='SegmentedDepth'),
    head=dict(type='JointInceptionHead', codec=dict(type='MetricCube'), hidden=8),
)


@pytest.fixture
def images():
    return torch.rand(3, 1, 48, 48, generator=torch.Generator().manual_seed(0)) * 2 - 1


def built(**options):
    torch.manual_seed(1)
    return CoarseJoints(FIRST, **options)


def cut(image, u, v, window):
    """The square whose middle is at a pixel's corner, zeros outside of the image."""
    padded = np.pad(image, 100)
    top, left = (int(x - (window - 1) / 2) + 100 for x in (v, u))
    return padded[top : top + window, left : left + window]


def test_windows_at_whole_pixels_are_plain_cuts(images):
    # Of an even window the middle is between pixels.
    u, v = torch.tensor([[23.5, 11.5, 30.5], [0.5, 47.5, 20.5]]), torch.tensor([[23.5, 36.5, 12.5], [10.5, -0.5, 60.5]])
    joints = torch.stack([(u - 23.5) / 24, (v - 23.5) / 24, torch.full_like(u, 9.0)], -1)
    found = joint_windows(images[:2], joints, 24, 24)
    for i in range(2):
        for j in range(3):
            expected = cut(images[i, 0].numpy(), u[i, j].item(), v[i, j].item(), 24)
            np.testing.assert_allclose(found[i, j], expected, rtol=0, atol=1e-4)
    assert (found[1, 0, :, :10] == 0).all() and found[1, 0, :, 11:].any()


@pytest.mark.parametrize('window', [12, 24, 40])
def test_windows_between_pixels_are_linear_and_show_what_lies_in_them(window):
    v, u = np.mgrid[:48, :40].astype(np.float32)  # not square
    ramp = torch.from_numpy(2 * u - 3 * v + 5)[None, None]
    found = joint_windows(ramp, torch.tensor([[[0.013, -0.021, 0.0]]]), window, 24)[0, 0]
    steps = (np.arange(24) - 11.5) * window / 24
    right, down = 19.5 + 0.013 * 20 + steps, 23.5 - 0.021 * 24 + steps
    inside = np.s_[2:-2, 2:-2]
    expected = 2 * right[None] - 3 * down[:, None] + 5
    np.testing.assert_allclose(found.numpy()[inside], expected[inside], rtol=0, atol=1e-3)


def test_a_joint_at_the_cubes_depth_is_in_the_middle_of_its_window():
    focal, depth, edge = 80.0, 500.0, 300.0  # 48 px for the edge at that depth
    camera = dict(K=np.array([[focal, 0, 14.0], [0, focal, 31.0], [0, 0, 1]]))
    center = MetricCube(48).center(CropCameras(torch.from_numpy(camera['K']).float()[None]), torch.tensor([depth]))
    joint = center.numpy() + [[40.0, -65.0, 0.0]]
    u, v = project(joint, camera)[0]
    image = np.exp(-((np.arange(48)[None] - u) ** 2 + (np.arange(48)[:, None] - v) ** 2) / 8)
    encoded = MetricCube(48).encode(torch.from_numpy(joint).float()[None], center, torch.tensor([edge]))
    window = joint_windows(torch.from_numpy(image).float()[None, None], encoded, 24, 24)[0, 0].numpy()
    weights = window / window.sum()
    middle = [(weights.sum(axis) * np.arange(24)).sum() for axis in (0, 1)]
    np.testing.assert_allclose(middle, 11.5, atol=0.02)


def test_joints_are_the_first_networks_and_their_windows_of_normalised_depth(images):
    net = built().eval()
    windows, joints = net(images)
    first = net.estimator.network
    assert torch.equal(joints, first(dict(depth=images)))
    torch.testing.assert_close(windows, joint_windows(local_contrast(images), joints, 24, 24))
    assert not torch.equal(windows, built(window=12).eval()(images)[0])
    assert not torch.equal(windows, built(contrast=5).eval()(images)[0])
    plain, same = built(contrast=None).eval()(images)
    torch.testing.assert_close(plain, joint_windows(images - 1, same, 24, 24))
    assert torch.equal(same, joints)


def test_jitter_moves_x_and_y_in_training(images):
    net = built(jitter=0.2)
    images = images.repeat(8, 1, 1, 1)
    exact, (windows, joints) = net.eval()(images)[1], net.train()(images)
    assert torch.equal(net(images.clone())[1][..., 2], exact[..., 2])
    moved = (joints - exact)[..., :2]
    assert moved.std().item() == pytest.approx(0.2, rel=0.1) and abs(moved.mean().item()) < 0.02
    torch.testing.assert_close(windows, joint_windows(local_contrast(images), joints, 24, 24))
    assert torch.equal(built().train()(images)[1], exact)


def test_the_first_network_is_frozen_and_needs_a_checkpoint_that_fits(images, tmp_path):
    with pytest.raises(ValueError, match='first network of the cascade has no checkpoint: train it first'):
        built().init_weights()
    torch.save(MODELS.build(FIRST).state_dict(), tmp_path / 'first.pth')
    net = built(checkpoint=str(tmp_path / 'first.pth'))
    net.init_weights()
    for name, value in torch.load(tmp_path / 'first.pth').items():
        assert torch.equal(net.state_dict()[f'estimator.network.{name}'], value)
    before = {name: value.clone() for name, value in net.state_dict().items()}
    windows, joints = net.train()(images)
    assert not windows.requires_grad and not joints.requires_grad
    assert not any(weight.requires_grad for weight in net.parameters())
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
    torch.save(MODELS.build(FIRST | dict(head=FIRST['head'] | dict(hidden=9))).state_dict(), tmp_path / 'other.pth')
    with pytest.raises(CheckpointError, match='the first network of the cascade'):
        built(checkpoint=str(tmp_path / 'other.pth')).init_weights()


def test_bad_options_are_named():
    with pytest.raises(ValueError, match='window must be positive and jitter not negative, found 0 and 0.0'):
        built(window=0)
    with pytest.raises(ValueError, match='found 24 and -0.1'):
        built(jitter=-0.1)
