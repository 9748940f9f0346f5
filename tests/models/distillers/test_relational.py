import itertools

import numpy as np
import pytest
import torch

from handkd.models.distillers import DistillContext, Relational, relational_angle, relational_distance


def huber(a, b):
    return (a - b) ** 2 / 2 if abs(a - b) <= 1 else abs(a - b) - 0.5


def transcribed_distance(student, teacher):
    def relations(points):
        pairs = {
            (i, j): np.linalg.norm(points[i] - points[j]) for i, j in itertools.permutations(range(len(points)), 2)
        }
        mean = sum(pairs.values()) / len(pairs)
        return {pair: length / mean for pair, length in pairs.items()}

    own, wanted = relations(student), relations(teacher)
    return np.mean([huber(own[pair], wanted[pair]) for pair in own])


def transcribed_angle(student, teacher):
    def cosine(points, i, j, k):
        a, b = points[i] - points[j], points[k] - points[j]
        return a @ b / np.linalg.norm(a) / np.linalg.norm(b)

    triples = itertools.permutations(range(len(student)), 3)
    return np.mean([huber(cosine(student, *triple), cosine(teacher, *triple)) for triple in triples])


CASES = pytest.mark.parametrize(
    ('loss', 'transcribed'),
    [(relational_distance, transcribed_distance), (relational_angle, transcribed_angle)],
    ids=['distance', 'angle'],
)


@CASES
def test_it_is_the_papers_loss(loss, transcribed):
    rng = np.random.default_rng(0)
    student, teacher = rng.normal(size=(5, 7)), rng.normal(size=(5, 3)) ** 3
    got = loss(torch.tensor(student), torch.tensor(teacher))
    assert got.item() == pytest.approx(transcribed(student, teacher), rel=1e-10)


def test_a_line_and_a_triangle_in_closed_form():
    triangle = torch.tensor([[0.0, 0], [1, 0], [0.5, 0.75**0.5]], dtype=torch.float64)
    line = torch.tensor([[0.0], [1], [2]], dtype=torch.float64)
    # Normalised distances 3/4, 3/4, 3/2 against 1; cosines 1, 1, -1 against 1/2, the last one linear in Huber's loss.
    assert relational_distance(line, triangle).item() == pytest.approx((1 / 16 + 1 / 16 + 1 / 4) / 2 / 3)
    assert relational_angle(line, triangle).item() == pytest.approx((1 / 8 + 1 / 8 + 1) / 3)
    for loss in (relational_distance, relational_angle):  # neither scale nor place counts
        assert loss(3 * triangle + 5, triangle).item() == pytest.approx(0, abs=1e-12)


@CASES
def test_gradient(loss, transcribed):
    student, teacher = torch.randn(2, 4, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    assert torch.autograd.gradcheck(lambda points: loss(points, teacher), student.requires_grad_())


@CASES
@pytest.mark.parametrize('count', [0, 1, 2])
def test_so_few_samples_have_no_relations(loss, transcribed, count):
    points = torch.randn(count, 3, requires_grad=True)
    assert loss(points, torch.randn(count, 2)).item() == 0


@CASES
@pytest.mark.parametrize('same', [2, 4], ids=['two', 'all'])
def test_coincident_samples_have_a_finite_gradient(loss, transcribed, same):
    student, teacher = torch.randn(4, 3), torch.randn(4, 3)
    student[:same] = student[0]
    for own, wanted in ((student, teacher), (teacher, student), (student, student)):
        own = own.clone().requires_grad_()
        value = loss(own, wanted)
        value.backward()
        assert value.isfinite() and own.grad.isfinite().all() and own.grad.abs().max() < 100


def test_the_distiller_averages_feature_maps_and_computes_in_float32():
    maps, vectors = torch.randn(4, 8, 3, 3), torch.randn(4, 2, 5)
    context = DistillContext({'backbone': (maps.bfloat16(),)}, {'big': {'neck': vectors}}, {}, [])
    distiller = Relational('backbone', 'big', 'neck', weight=2.0)
    own, wanted = maps.bfloat16().float().mean((2, 3)), vectors.flatten(1)
    expected = {'distance': 50 * relational_distance(own, wanted), 'angle': 100 * relational_angle(own, wanted)}
    with torch.autocast('cpu', torch.bfloat16):
        torch.testing.assert_close(distiller(context), expected, rtol=1e-6, atol=0)
    assert set(Relational('backbone', 'big', 'neck', angle_weight=0.0)(context)) == {'distance'}
    assert not distiller.takes_sample_weights
