"""The first part of a graph, against the formulas in NumPy."""

import numpy as np
import pytest
import torch

from handkd.export.inputs import ColourInput, DepthInput
from handkd.inference.depth import DepthSpec
from handkd.models.data_preprocessors.normalisation import Normalisation


@pytest.mark.parametrize('reverse', [True, False])
def test_colours_are_normalised_in_the_order_of_the_network(reverse):
    mean, std = np.array([123.0, 116.0, 103.0]), np.array([58.0, 57.0, 56.0])
    normalisation = Normalisation(tuple(1 / std), tuple(-mean / std), reverse)
    crops = np.random.default_rng(0).integers(0, 256, (2, 6, 6, 3), dtype=np.uint8)
    ordered = crops[..., ::-1] if reverse else crops
    wanted = ((ordered - mean) / std).transpose(0, 3, 1, 2)
    found = ColourInput(6, normalisation)(torch.tensor(crops))
    np.testing.assert_allclose(found.numpy(), wanted, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize('mask', [None, 200.0])
def test_depth_is_scaled_to_the_cube(mask):
    """-1 to 1 along the cube; 1 without a reading, and with a mask for points outside the cube, sideways too."""
    part = DepthInput(4, Normalisation(), DepthSpec(cube=200.0, mask=mask))
    depth = torch.full((1, 4, 4), 500.0)
    depth[0, 0] = torch.tensor([450.0, 0.0, float('nan'), 650.0])
    center, camera = torch.tensor([[0.0, 0.0, 500.0]]), torch.tensor([[[8.0, 0, 0.0], [0, 8.0, 1.5], [0, 0, 1]]])
    found = part(depth, center, *([camera] if mask else []))[0, 0]
    # x of pixel column c is 500 c / 8 mm: columns 0 and 1 are within 100 mm of the centre, at 450 mm too.
    side = np.array([0.0, 0.0, 1.0, 1.0]) if mask else np.zeros(4)
    np.testing.assert_allclose(found[1], side, atol=1e-6)
    np.testing.assert_allclose(found[0], [-0.5, 1, 1, 1], atol=1e-6)
    assert [port.name for port in part.ports] == ['depth', 'center_mm'] + ['K'] * bool(mask)
