"""Part segmentation as an auxiliary task: the cross-entropy per cell, with the sides' parts apart."""

import numpy as np
import pytest
import torch
from mmengine.structures import PixelData
from mmpose.structures import PoseDataSample

from handkd.models.distillers import DistillContext, PartSegmentation, cell_parts, part_entropy


def sample(parts, side):
    one = PoseDataSample(metainfo=dict(img_id=0, hand_side=side))
    one.gt_fields = PixelData(part_seg=torch.from_numpy(parts[None]))
    return one


def part_maps(count, size=8, seed=0):
    maps = np.random.default_rng(seed).integers(0, 21, (count, size, size)).astype(np.uint8)
    maps[0, :2, 2:] = 255
    return maps


def transcribed(scores, maps, sides):
    """-log softmax of the true class, cell by cell; a cell of 2 x 2 px has the part of its lower right pixel."""
    losses = []
    for score, parts, side in zip(scores, maps, sides):
        logs = []
        for row in range(score.shape[1]):
            for col in range(score.shape[2]):
                part = int(parts[2 * row + 1, 2 * col + 1])
                if part == 255:
                    continue
                logit = score[:, row, col]
                true = part + (20 if side == 'left' and part else 0)
                logs.append(np.log(np.exp(logit).sum()) - logit[true])
        losses.append(np.mean(logs))
    return np.mean(losses)


@pytest.mark.parametrize(('sides', 'classes'), [(False, 21), (True, 41)])
def test_it_is_the_mean_cross_entropy_of_the_cells(sides, classes):
    maps, hands = part_maps(3), ['left', 'right', 'left']
    torch.manual_seed(0)
    distiller = PartSegmentation('last', in_channels=5, sides=sides, weight=0.5)
    features = torch.randn(3, 5, 4, 4)
    samples = [sample(parts, side) for parts, side in zip(maps, hands)]
    context = DistillContext({'last': features}, {}, {'rgb': torch.zeros(3, 3, 8, 8)}, samples)
    loss = distiller(context)['parts']
    scores = distiller.output(features).detach().double().numpy()
    assert scores.shape[1] == classes
    expected = transcribed(scores, maps, hands if sides else ['right'] * 3)
    assert loss.item() == pytest.approx(0.5 * expected, rel=1e-5)


def test_unknown_cells_have_no_gradient_and_an_unknown_map_no_loss():
    scores = torch.randn(2, 21, 2, 2, requires_grad=True)
    parts = torch.tensor([[[255, 3], [0, 20]], [[255, 255], [255, 255]]], dtype=torch.uint8)
    losses = part_entropy(scores, parts)
    assert losses[1] == 0
    losses.sum().backward()
    assert (scores.grad[0, :, 0, 0] == 0).all() and (scores.grad[0, :, 0, 1] != 0).all()
    assert (scores.grad[1] == 0).all()


def test_a_cell_has_the_part_in_its_middle():
    parts = torch.arange(64, dtype=torch.uint8).reshape(1, 8, 8)
    assert cell_parts(parts, (2, 2)).tolist() == [[[18, 22], [50, 54]]]
    assert torch.equal(cell_parts(parts, (8, 8)), parts)
    with pytest.raises(ValueError, match=r'\(3, 3\) does not divide the part map \(8, 8\)'):
        cell_parts(parts, (3, 3))
