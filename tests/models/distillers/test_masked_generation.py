import numpy as np
import pytest
import torch
from mmengine.logging import MessageHub
from torch.nn import functional as F

from handkd.models.distillers import DistillContext, MaskedGeneration, draw_masks, masked_generation


@pytest.fixture
def step():
    """Sets the step of the run."""
    info = MessageHub.get_current_instance().runtime_info
    before = info.get('iter')
    torch.manual_seed(3)
    yield lambda value: info.update(iter=value)
    info.pop('iter', None) if before is None else info.update(iter=before)


def test_masks_depend_on_seed_step_rank_and_distiller_only(step, monkeypatch):
    step(0)
    first, state = draw_masks((2, 16, 16), 0.5), torch.get_rng_state()
    torch.rand(7)
    assert torch.equal(draw_masks((2, 16, 16), 0.5), first)
    others = [draw_masks((2, 16, 16), 0.5, seed=1)]
    step(1)
    others.append(draw_masks((2, 16, 16), 0.5))
    step(0)
    monkeypatch.setattr(masked_generation, 'get_rank', lambda: 1)
    others.append(draw_masks((2, 16, 16), 0.5))
    monkeypatch.undo()
    torch.manual_seed(4)
    others.append(draw_masks((2, 16, 16), 0.5))
    for masks in others:
        assert 0.3 < (masks != first).float().mean() < 0.7
    torch.set_rng_state(state)
    before = torch.rand(3)
    torch.set_rng_state(state)
    draw_masks((2, 16, 16), 0.5)
    assert torch.equal(torch.rand(3), before)


def test_the_share_of_masked_cells():
    masks = draw_masks((10, 40, 40), 0.65)
    assert masks.shape == (10, 1, 40, 40) and set(masks.unique().tolist()) == {0.0, 1.0}
    assert (1 - masks).mean().item() == pytest.approx(0.65, abs=0.02)


def test_the_loss_is_the_papers(step):
    """Adapter, mask, two convolutions and a sum of squares, in functions and in numpy."""
    step(5)
    torch.manual_seed(0)
    student, teacher = torch.randn(2, 3, 5, 4, requires_grad=True), torch.randn(2, 6, 5, 4)
    distiller = MaskedGeneration('big', 'neck', 3, 6, mask_ratio=0.4, weight=0.1)
    got = distiller(DistillContext({'neck': student}, {'big': {'neck': teacher}}, {}, []))['generated']
    weights = [p.detach() for p in distiller.parameters()]
    kept = draw_masks((2, 5, 4), 0.4) * F.conv2d(student, *weights[:2])
    made = F.conv2d(F.conv2d(kept, *weights[2:4], padding=1).relu(), *weights[4:], padding=1)
    expected = 0.1 * np.square(made.detach().numpy() - teacher.numpy()).sum() / 2
    assert got.item() == pytest.approx(expected, rel=1e-5)
    got.backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in distiller.parameters())
    masked = draw_masks((2, 5, 4), 0.4) == 0
    assert student.grad.abs().sum(1, keepdim=True)[masked].sum() == 0 < student.grad.abs().sum()


def test_wrong_settings_are_named():
    with pytest.raises(ValueError, match=r'mask_ratio must be in \[0, 1\), found 1.5'):
        MaskedGeneration('big', 'neck', 3, 6, mask_ratio=1.5)
    vectors = DistillContext({'neck': torch.zeros(2, 3)}, {'big': {'neck': torch.zeros(2, 6)}}, {}, [])
    with pytest.raises(ValueError, match=r"the student's 'neck' gives \(2, 3\), expected a feature map"):
        MaskedGeneration('big', 'neck', 3, 6)(vectors)
