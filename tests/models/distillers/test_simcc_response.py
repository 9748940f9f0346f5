from types import SimpleNamespace

import numpy as np
import pytest
import torch
from mmengine.structures import InstanceData
from mmpose.models.losses import KDLoss
from mmpose.structures import PoseDataSample

from handkd.models.distillers import DistillContext, SimCCResponse, simcc_divergence

BATCH, JOINTS, WIDTH, HEIGHT = 3, 4, 12, 10


def head(beta=10.0, split=2.0):
    return SimpleNamespace(loss_module=SimpleNamespace(beta=beta), simcc_split_ratio=split)


@pytest.fixture
def vectors():
    generator = torch.Generator().manual_seed(0)
    sizes = (WIDTH, HEIGHT)
    student, teacher = (
        tuple(0.3 * torch.randn(BATCH, JOINTS, size, generator=generator) for size in sizes) for _ in range(2)
    )
    return tuple(axis.requires_grad_() for axis in student), teacher


def context(student, teacher, samples=(), own_head=None):
    return DistillContext({'head': student}, {'big': {'head': teacher}}, {}, list(samples), own_head or head())


@pytest.mark.parametrize('weight', [1.0, 0.1])
def test_value_and_gradient_are_those_of_mmposes_loss(vectors, weight):
    student, teacher = vectors
    theirs = KDLoss(name='loss_logit', use_this=True, weight=weight)(student, teacher, 10.0, torch.ones(BATCH, JOINTS))
    ours = SimCCResponse('big', weight=weight)(context(student, teacher))['simcc']
    torch.testing.assert_close(ours, theirs, rtol=1e-6, atol=0)
    for own, other in zip(torch.autograd.grad(ours, student), torch.autograd.grad(theirs, student)):
        torch.testing.assert_close(own, other, rtol=1e-5, atol=1e-9)


def labelled(weights):
    samples = []
    for row, factor in zip(weights, (1.0, 0.5, 2.0)):
        sample = PoseDataSample(metainfo=dict(loss_weight=factor))
        sample.gt_instance_labels = InstanceData(keypoint_weights=torch.tensor([row]))
        samples.append(sample)
    return samples


def test_weights_of_joints_and_samples_as_a_loop_in_numpy(vectors):
    student, teacher = vectors
    weights = np.float32([[1, 0, 1, 1], [0, 0, 0, 0], [1, 0.5, 0, 1]])
    total = 0.0
    for s, t in zip(student, teacher):
        s, t = s.detach().double().numpy() * 3, t.double().numpy() * 3
        for b in range(BATCH):
            for k in range(JOINTS):
                p, q = (np.exp(v[b, k]) / np.exp(v[b, k]).sum() for v in (t, s))
                total += (p * np.log(p / q)).sum() * weights[b, k] * (1.0, 0.5, 2.0)[b]
    distiller = SimCCResponse('big', beta=3.0, use_target_weight=True)
    got = distiller(context(student, teacher, labelled(weights)))['simcc']
    assert got.item() == pytest.approx(total / BATCH / JOINTS, rel=1e-5)


def test_equal_distributions_differ_by_nothing_and_gradcheck():
    student, teacher = torch.randn(2, 1, 2, 5, dtype=torch.float64).requires_grad_(), None
    assert simcc_divergence(student[0], student[0].detach(), 2.0).abs().max() < 1e-6
    teacher = torch.randn(1, 2, 7)
    found = torch.autograd.gradcheck(
        lambda s: simcc_divergence(s, teacher, 2.0).sum(), student[0].detach().float().requires_grad_(),
        eps=1e-2, atol=1e-2,
    )  # fmt: skip
    assert found


def test_a_teacher_of_another_size_agrees_on_the_same_point():
    """A peak at px 20.5 of 64 is one at px 41.5 of 128, as pixels' centres go; and with 3 bins a pixel instead of 2."""

    def peak(place, length, width):
        return -((torch.arange(length) - place) ** 2)[None, None] / (2 * width**2)

    student = torch.stack([peak(2 * px, 128, 4.0) for px in (19.5, 20.0, 20.5, 21.0, 21.5)])
    for teacher, options in (
        (peak(2 * 41.5, 256, 8.0), {}),
        (peak(3 * 20.5, 192, 6.0), dict(teacher_split_ratio=3.0)),
        (peak(3 * 41.5, 384, 12.0), dict(teacher_split_ratio=3.0)),
    ):
        loss = SimCCResponse('big', beta=1.0, **options)
        values = [loss(context((s, s), (teacher, teacher)))['simcc'].item() for s in student]
        assert np.argmin(values) == 2 and values[2] < 1e-2
        assert values[1] == pytest.approx(values[3], rel=1e-2)  # symmetric: no part of a bin is lost


@pytest.mark.parametrize(
    ('student', 'teacher', 'message'),
    [
        (
            torch.zeros(2, 3, 4, 4),
            None,
            r'the student gives tensors of shapes \[\(2, 3, 4, 4\)\].*HeatmapResponse',
        ),
        (None, (torch.zeros(3, 4, 2),), r"the layer 'head' of 'big' gives tensors of shapes \[\(3, 4, 2\)\]"),
        (
            None,
            (torch.zeros(3, 5, 12), torch.zeros(3, 5, 12)),
            "has 4 joints and the layer 'head' of 'big' 5",
        ),
    ],
)
def test_other_outputs_are_named(vectors, student, teacher, message):
    pair = (vectors[0] if student is None else student, vectors[1] if teacher is None else teacher)
    with pytest.raises(ValueError, match=message):
        SimCCResponse('big')(context(*pair))


def test_beta_must_be_known_and_positive(vectors):
    with pytest.raises(ValueError, match="loss of the student's head has no beta: set beta"):
        SimCCResponse('big')(context(*vectors, own_head=torch.nn.Identity()))
    with pytest.raises(ValueError, match='beta must be positive, found 0'):
        SimCCResponse('big', beta=0)
