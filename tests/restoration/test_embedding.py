"""The embedding against a dilated convolution, a decomposition of one-hot vectors, and the Hamming distance."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from handkd.restoration.embedding import SubgridPCA, subgrid_labels

from .conftest import cut_patches


@pytest.fixture(scope='module')
def drawn(maps):
    """Maps of any labels; and 200 of their pixels, background or not."""
    rng = np.random.default_rng(0)
    return maps, np.sort(rng.choice(maps.size, 200, replace=False))


def one_hot(maps, patches):
    """Rows of 81 x 21, from patches cut out of the maps."""
    grid = cut_patches(maps, patches)[:, 1:26:3, 1:26:3]
    return np.eye(21)[grid.reshape(len(patches), 81)].reshape(len(patches), -1)


def test_the_subgrid_is_every_third_pixel(drawn):
    maps, patches = drawn
    expected = cut_patches(maps, patches)[:, 1:26:3, 1:26:3]
    assert expected.shape[1:] == (9, 9)
    np.testing.assert_array_equal(subgrid_labels(maps, patches), expected.reshape(-1, 81))


def test_components_are_those_of_a_decomposition(drawn):
    maps, patches = drawn
    vectors = SubgridPCA.fit(maps, patches, 12)(maps, patches)
    rows = one_hot(maps, patches)
    u, s, _ = np.linalg.svd(rows - rows.mean(0), full_matrices=False)
    expected = u[:, :12] * s[:12]
    signs = np.sign((vectors * expected).sum(0))
    np.testing.assert_allclose(vectors * signs, expected, atol=2e-4)


def test_it_is_one_dilated_convolution(drawn):
    maps, patches = drawn
    pca = SubgridPCA.fit(maps, patches, 8)
    planes = torch.from_numpy(np.eye(21, dtype=np.float32)[maps]).permute(0, 3, 1, 2)
    planes = F.pad(planes, (12,) * 4)
    planes[:, 0] = 0  # the background's row of the kernel is in the bias
    kernel = torch.from_numpy(pca.kernel).reshape(9, 9, 21, 8).permute(3, 2, 0, 1)
    dense = F.conv2d(planes, kernel, torch.from_numpy(pca.bias), dilation=3)
    assert dense.shape == (6, 8, 20, 17)
    expected = dense.permute(0, 2, 3, 1).reshape(-1, 8).numpy()[patches]
    np.testing.assert_allclose(pca(maps, patches), expected, atol=1e-5)


def test_with_all_components_the_square_is_twice_the_hamming_distance(drawn):
    maps, patches = drawn
    vectors = SubgridPCA.fit(maps, patches, 81 * 21)(maps, patches).astype(np.float64)
    square = ((vectors[:40, None] - vectors[40:80]) ** 2).sum(-1)
    labels = subgrid_labels(maps, patches)
    np.testing.assert_allclose(square, 2.0 * (labels[:40, None] != labels[40:80]).sum(-1), atol=2e-3)


def test_pieces_do_not_matter(drawn, monkeypatch):
    maps, patches = drawn
    whole = SubgridPCA.fit(maps, patches, 5)
    monkeypatch.setattr('handkd.restoration.embedding._PIECE', 33)
    np.testing.assert_allclose(SubgridPCA.fit(maps, patches, 5).kernel, whole.kernel, atol=1e-6)
