"""One fine map from a backbone's levels."""

import pytest
import torch

from handkd.models.necks import TopDownNeck


def test_every_level_reaches_the_fine_map_and_the_coarsest_is_the_vector():
    neck = TopDownNeck((4, 8, 16), channels=6, num_convs=2).eval()
    feats = [torch.randn(2, 4 * 2**i, 16 >> i, 16 >> i, requires_grad=True) for i in range(3)]
    fine, vector = neck(feats)
    assert fine.shape == (2, 6, 16, 16) and (fine >= 0).all()
    torch.testing.assert_close(vector, feats[-1].mean((2, 3)))
    fine.sum().backward()
    assert all(feat.grad.abs().sum() > 0 for feat in feats)


def test_a_backbone_with_other_levels_is_refused():
    with pytest.raises(ValueError, match='names 2 levels, but the backbone gives 1: set its out_indices'):
        TopDownNeck((4, 8))([torch.zeros(1, 4, 8, 8)])
    with pytest.raises(ValueError, match='two levels at least'):
        TopDownNeck((4,))
