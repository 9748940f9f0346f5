"""The codec: what it makes zero and one, its way back, and one behaviour on NumPy and PyTorch."""

import numpy as np
import pytest
import torch

from handkd.codecs import RootRelativeXYZ
from handkd.hand import JOINT_INDEX
from handkd.registry import KEYPOINT_CODECS


def hands(shape=(5,), dtype=np.float64):
    return (np.random.default_rng(0).normal(0, 60, (*shape, 21, 3)) + [30, -20, 550]).astype(dtype)


@pytest.mark.parametrize('shape', [(), (5,), (2, 3)])
@pytest.mark.parametrize(('root', 'bone'), [('middle_mcp', ('wrist', 'middle_mcp')), (0, ('index_mcp', 5 + 1))])
def test_encode_against_the_definition(shape, root, bone):
    joints = hands(shape)
    xyz, place, scale = RootRelativeXYZ(root, bone).encode(joints)
    root, start, end = (JOINT_INDEX.get(joint, joint) for joint in (root, *bone))
    for index in np.ndindex(*shape):
        hand = joints[index]
        length = np.sqrt(((hand[start] - hand[end]) ** 2).sum())
        np.testing.assert_allclose(xyz[index], (hand - hand[root]) / length, atol=1e-13)
        np.testing.assert_array_equal(place[index], hand[root])
        assert scale[index] == pytest.approx(length, rel=1e-14)
    assert xyz.shape == joints.shape and place.shape == (*shape, 3) and scale.shape == shape


@pytest.mark.parametrize('shape', [(), (4,), (2, 3)])
@pytest.mark.parametrize(('dtype', 'tolerance'), [(np.float64, 1e-12), (np.float32, 2e-4)])
@pytest.mark.parametrize('library', ['numpy', 'torch'])
def test_round_trip(shape, dtype, tolerance, library):
    joints = hands(shape, dtype)
    joints = torch.from_numpy(joints) if library == 'torch' else joints
    codec = RootRelativeXYZ()
    xyz, root, scale = codec.encode(joints)
    assert type(xyz) is type(joints) and xyz.dtype == root.dtype == scale.dtype == joints.dtype
    back = codec.decode(xyz, scale, root)
    np.testing.assert_allclose(back, joints, rtol=0, atol=tolerance)
    relative = codec.decode(xyz, scale)
    np.testing.assert_allclose(relative, joints - joints[..., 9:10, :], rtol=0, atol=tolerance)


def test_numpy_and_torch_agree():
    for array, tensor in zip(RootRelativeXYZ().encode(hands()), RootRelativeXYZ().encode(torch.from_numpy(hands()))):
        np.testing.assert_allclose(array, tensor.numpy(), rtol=1e-15)


def test_decode_carries_gradients():
    xyz = torch.randn(2, 21, 3, dtype=torch.float64, requires_grad=True)
    RootRelativeXYZ().decode(xyz, torch.tensor([80.0, 95.0])).sum().backward()
    np.testing.assert_allclose(xyz.grad, np.broadcast_to(np.array([80.0, 95.0])[:, None, None], (2, 21, 3)))


@pytest.mark.parametrize('library', ['numpy', 'torch'])
@pytest.mark.parametrize('value', ['zero', np.nan, np.inf])
def test_a_degenerate_scale_names_its_samples(library, value):
    joints = hands((6,))
    for sample in (1, 4):
        joints[sample, 0] = joints[sample, 9] if value == 'zero' else value
    joints = torch.from_numpy(joints) if library == 'torch' else joints
    with pytest.raises(ValueError, match=r'wrist to middle_mcp.*2 of 6 samples of the batch: 1 \(.* mm\), 4 \('):
        RootRelativeXYZ().encode(joints)


def test_a_joint_without_a_label_gives_no_scale():
    valid = np.ones((3, 21))
    valid[2, 0] = 0
    with pytest.raises(ValueError, match=r'1 of 3 samples of the batch: 2 '):
        RootRelativeXYZ().encode(hands((3,)), valid)
    valid[2, 0], valid[1, 5] = 1, 0  # joint 5 is neither the root nor in the bone
    RootRelativeXYZ().encode(hands((3,)), valid)


def test_a_single_hand_can_be_refused():
    with pytest.raises(ValueError, match=r'1 of 1 samples'):
        RootRelativeXYZ().encode(np.zeros((21, 3)))


@pytest.mark.parametrize('shape', [(20, 3), (5, 21, 2), (3,)])
def test_encode_refuses_other_shapes(shape):
    with pytest.raises(ValueError, match='21, 3'):
        RootRelativeXYZ().encode(np.ones(shape))


def test_bad_settings():
    with pytest.raises(ValueError, match="did you mean 'middle_mcp'"):
        RootRelativeXYZ(root='midle_mcp')
    with pytest.raises(ValueError, match='two different joints'):
        RootRelativeXYZ(scale_bone=('wrist', 0))


def test_it_is_registered():
    assert isinstance(KEYPOINT_CODECS.build(dict(type='RootRelativeXYZ', root='wrist')), RootRelativeXYZ)
