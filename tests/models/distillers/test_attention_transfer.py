import numpy as np
import pytest
import torch

from handkd.hints import ConfigError
from handkd.models.distillers import AttentionTransfer, DistillContext, attention_distance


def transcribed(student, teacher, power, distance):
    """Eq. 2 of the paper in loops over samples, positions and channels; or its authors' code."""
    values = []
    for networks in zip(student, teacher):
        maps = []
        for features in networks:
            q = np.array([sum(abs(v) ** power for v in features[:, y, x]) for y, x in np.ndindex(features.shape[1:])])
            maps.append(q / np.sqrt((q**2).sum()))
        difference = maps[0] - maps[1]
        values.append(np.sqrt((difference**2).sum()) if distance == 'norm' else (difference**2).mean())
    return np.mean(values)


@pytest.mark.parametrize('distance', ['norm', 'mean_square'])
@pytest.mark.parametrize('power', [1.0, 2.0, 4.0])
def test_it_is_the_papers_distance(power, distance):
    rng = np.random.default_rng(0)
    student, teacher = rng.normal(size=(3, 4, 5, 6)), rng.normal(size=(3, 2, 5, 6))
    got = attention_distance(torch.tensor(student), torch.tensor(teacher), power, distance)
    assert got.item() == pytest.approx(transcribed(student, teacher, power, distance), rel=1e-10)


def test_equal_attention_costs_nothing_and_disjoint_attention_the_root_of_two():
    left, right = torch.zeros(2, 4, 2, 2), torch.zeros(2, 6, 2, 2)
    left[..., 0], right[..., 1] = 3, -5
    assert attention_distance(left, left[:, :1]).item() == 0
    assert attention_distance(left, right).item() == pytest.approx(2**0.5)
    assert attention_distance(left, right, distance='mean_square').item() == pytest.approx(2 / 4)
    weighted = attention_distance(left, right, sample_weight=torch.tensor([1.0, 0.0]))
    assert weighted.item() == pytest.approx(2**0.5 / 2)


@pytest.mark.parametrize('width', [4, 12, 5], ids=['larger', 'smaller', 'uneven'])
def test_the_teachers_map_is_resampled_to_the_students_size(width):
    """Bilinear; where the map shrinks, with a filter that is wider by that factor."""
    rng = np.random.default_rng(0)
    student, teacher = rng.random((1, 3, 1, width)), rng.random((1, 5, 1, 8))
    wanted, scale = (teacher**2).sum(1)[0, 0], 8 / width
    resampled = []
    for x in range(width):
        near = [max(0, 1 - abs(i + 0.5 - (x + 0.5) * scale) / max(scale, 1)) for i in range(8)]
        resampled.append(np.dot(near, wanted) / sum(near))
    same = torch.tensor(resampled).sqrt()[None, None, None]
    got, expected = (attention_distance(torch.tensor(student), other) for other in (torch.tensor(teacher), same))
    assert got.item() == pytest.approx(expected.item(), rel=1e-6)


@pytest.mark.parametrize('distance', ['norm', 'mean_square'])
def test_gradient(distance):
    student, teacher = torch.randn(2, 2, 3, 2, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    larger = torch.cat([teacher, 2 * teacher.flip(2)], 3)
    for wanted in (teacher, larger):
        assert torch.autograd.gradcheck(
            lambda maps, wanted=wanted: attention_distance(maps, wanted, distance=distance), student.requires_grad_()
        )


@pytest.mark.parametrize('student', [torch.zeros(2, 3, 4, 4), torch.ones(2, 3, 4, 4)], ids=['dead', 'equal'])
def test_the_gradient_is_finite_without_activations_and_at_the_teachers_map(student):
    student = student.clone().requires_grad_()
    attention_distance(student, torch.ones(2, 3, 4, 4)).backward()
    assert student.grad.isfinite().all()


def test_the_distiller_adds_its_pairs_of_layers_in_float32():
    taps = {'a': (torch.randn(2, 3, 4, 4).bfloat16(),), 'b': torch.randn(2, 5, 2, 2)}
    wanted = {'c': torch.randn(2, 6, 4, 4), 'd': torch.randn(2, 7, 4, 4)}
    distiller = AttentionTransfer(['a', 'b'], 'big', ['c', 'd'], weight=0.5)
    assert (distiller.student_taps, distiller.teacher_taps) == (('a', 'b'), {'big': ('c', 'd')})
    with torch.autocast('cpu', torch.bfloat16):
        losses = distiller(DistillContext(taps, {'big': wanted}, {}, []))
    expected = attention_distance(taps['a'][0].float(), wanted['c']) + attention_distance(taps['b'], wanted['d'])
    torch.testing.assert_close(losses, {'attention': 0.5 * expected})


def test_unknown_options_are_refused():
    with pytest.raises(ConfigError, match="there is no 'norn'; did you mean 'norm'"):
        AttentionTransfer('a', 'big', distance='norn')
    with pytest.raises(ConfigError, match='power must be at least 1, found 0.5'):
        AttentionTransfer('a', 'big', power=0.5)
