import numpy as np
import pytest
import torch

from handkd.models.distillers import DistillContext, SimilarityPreserving, similarity_distance


def transcribed(student, teacher):
    """The paper's loss in loops over pairs of samples."""

    def similarities(features):
        rows = [sample.ravel() for sample in features]
        gram = np.array([[np.dot(a, b) for b in rows] for a in rows])
        return np.array([row / np.sqrt((row**2).sum()) for row in gram])

    return ((similarities(teacher) - similarities(student)) ** 2).sum() / len(student) ** 2


def test_it_is_the_papers_loss():
    rng = np.random.default_rng(0)
    student, teacher = rng.normal(size=(5, 3, 4, 4)), rng.normal(size=(5, 6))
    got = similarity_distance(torch.tensor(student), torch.tensor(teacher))
    assert got.item() == pytest.approx(transcribed(student, teacher), rel=1e-10)


def test_orthogonal_and_equal_samples_in_closed_form():
    apart, equal = torch.eye(2), torch.ones(2, 3)  # G is the identity, and 1 / sqrt(2) everywhere
    r = 2**-0.5
    assert similarity_distance(apart, equal).item() == pytest.approx((2 * (1 - r) ** 2 + 2 * r**2) / 4)
    assert similarity_distance(7 * equal, equal).item() == pytest.approx(0, abs=1e-12)
    assert similarity_distance(equal[:1], apart[:1]).item() == 0


def test_gradient():
    student, teacher = torch.randn(2, 4, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    assert torch.autograd.gradcheck(lambda rows: similarity_distance(rows, teacher), student.requires_grad_())


def test_a_sample_without_activations_has_a_finite_gradient():
    student = torch.randn(3, 4)
    student[1] = 0
    student.requires_grad_()
    similarity_distance(student, torch.randn(3, 4)).backward()
    assert student.grad.isfinite().all() and student.grad.abs().max() < 100


def test_the_distiller_adds_its_pairs_of_layers_in_float32():
    taps = {'a': (torch.randn(3, 8, 2, 2).bfloat16(),), 'b': torch.randn(3, 5)}
    wanted = {'c': torch.randn(3, 6, 4, 4), 'd': torch.randn(3, 7)}
    distiller = SimilarityPreserving(['a', 'b'], 'big', ['c', 'd'], weight=9.0)
    assert (distiller.student_taps, distiller.teacher_taps) == (('a', 'b'), {'big': ('c', 'd')})
    expected = similarity_distance(taps['a'][0].float(), wanted['c']) + similarity_distance(taps['b'], wanted['d'])
    with torch.autocast('cpu', torch.bfloat16):
        losses = distiller(DistillContext(taps, {'big': wanted}, {}, []))
    torch.testing.assert_close(losses, {'similarity': 9 * expected}, rtol=1e-6, atol=0)
    assert not distiller.takes_sample_weights
