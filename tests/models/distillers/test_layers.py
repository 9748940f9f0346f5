import pytest
import torch

from handkd.hints import ConfigError
from handkd.models.distillers.layers import feature_map, layer_pairs, unit_vectors


def test_pairs_of_layers():
    assert layer_pairs('neck', None, 'It') == (('neck', 'neck'),)
    assert layer_pairs('neck', 'gap', 'It') == (('neck', 'gap'),)
    assert layer_pairs(['a', 'b'], ['c', 'd'], 'It') == (('a', 'c'), ('b', 'd'))
    with pytest.raises(ConfigError, match='It: layer names 2 layers and teacher_layer 1'):
        layer_pairs(['a', 'b'], 'c', 'It')
    with pytest.raises(ConfigError, match='It: layer names no layer'):
        layer_pairs([], None, 'It')


def test_a_feature_map_is_the_last_level_in_float32():
    levels = torch.zeros(2, 3, 8, 8), torch.ones(2, 5, 4, 4, dtype=torch.bfloat16)
    features = feature_map(levels, 'It: student.backbone')
    assert features.dtype == torch.float32 and features.shape == (2, 5, 4, 4)
    with pytest.raises(ValueError, match=r'It: student\.neck gives \(2, 3\), expected a feature map'):
        feature_map(torch.zeros(2, 3), 'It: student.neck')
    with pytest.raises(ValueError, match='gives dict, expected a feature map'):
        feature_map({}, 'It')


def test_vectors_of_length_0_stay_and_have_a_finite_gradient():
    vectors = torch.tensor([[3.0, 4.0], [0.0, 0.0]], requires_grad=True)
    unit = unit_vectors(vectors)
    torch.testing.assert_close(unit, torch.tensor([[0.6, 0.8], [0.0, 0.0]]))
    unit.sum().backward()
    assert vectors.grad.isfinite().all() and vectors.grad.abs().max() <= 1
