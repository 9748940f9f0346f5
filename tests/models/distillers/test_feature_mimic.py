import numpy as np
import pytest
import torch

from handkd.models.distillers import DistillContext, FeatureMimic, feature_distance


@pytest.mark.parametrize('reduction', ['sum', 'mean'])
@pytest.mark.parametrize('norm', ['l1', 'l2'])
def test_distance_is_the_norm_of_each_sample_averaged_over_the_batch(norm, reduction):
    rng = np.random.default_rng(0)
    student, teacher = rng.normal(size=(2, 4, 6, 3, 2))
    expected = []
    for s, t in zip(student, teacher):
        d = (s - t).ravel()
        value = np.linalg.norm(d, 1) if norm == 'l1' else np.linalg.norm(d, 2) ** 2
        expected.append(value / (d.size if reduction == 'mean' else 1))
    got = feature_distance(torch.tensor(student), torch.tensor(teacher), norm, reduction)
    assert got.item() == pytest.approx(np.mean(expected), rel=1e-5)


def test_gradient_reaches_the_student_only_and_is_computed_in_float32():
    student = torch.randn(2, 5, dtype=torch.bfloat16, requires_grad=True)
    context = DistillContext({'neck': (student,)}, {'depth': {'gap': torch.zeros(2, 5)}}, {}, [])
    loss = FeatureMimic('neck', teacher_layer='gap', weight=1 / 16)(context)['mimic']
    loss.backward()
    assert loss.dtype == torch.float32
    torch.testing.assert_close(student.grad.float(), student.detach().float().sign() / 2 / 16)


def test_different_shapes_are_refused():
    with pytest.raises(ValueError, match=r'\(2, 5\).*\(2, 4\)'):
        feature_distance(torch.zeros(2, 5), torch.zeros(2, 4))


@pytest.mark.parametrize('options', [dict(norm='l3'), dict(reduction='sun')])
def test_unknown_options_are_refused(options):
    with pytest.raises(ValueError, match=next(iter(options.values()))):
        FeatureMimic('neck', **options)
