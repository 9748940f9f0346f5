from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from handkd.engine import DivergenceError, DivergenceHook

RUNNER = SimpleNamespace(
    iter=6, work_dir='run', optim_wrapper=SimpleNamespace(), message_hub=SimpleNamespace(log_scalars={})
)


def test_losses_that_are_numbers_pass_and_other_logs_may_be_anything():
    outputs = dict(loss=torch.tensor(1e30), loss_reg=2.0, **{'gradient_mask/neck': torch.tensor(float('inf'))})
    DivergenceHook().after_train_iter(RUNNER, 6, None, outputs)
    DivergenceHook().after_train_iter(RUNNER, 6)


def test_the_step_the_terms_and_the_images_are_named():
    samples = [dict(img_path=f'hands/{i}.png') for i in range(9)] + [dict(img_id=4)]
    outputs = dict(loss=torch.tensor(float('nan')), loss_reg=torch.tensor(1.0), loss_mask=float('inf'))
    with pytest.raises(DivergenceError, match=r'in step 7 loss is nan, loss_mask is inf; .*hands/0.png, .* and 2 more'):
        DivergenceHook().after_train_iter(RUNNER, 6, dict(data_samples=samples), outputs)


def test_a_gradient_may_be_infinite_where_a_scaler_leaves_the_step_out():
    norms = SimpleNamespace(log_scalars={'train/grad_norm': SimpleNamespace(current=lambda: float('inf'))})
    wrapper = SimpleNamespace(grad_name='grad_norm', loss_scaler=SimpleNamespace(is_enabled=lambda: True))
    runner = SimpleNamespace(iter=6, work_dir='run', optim_wrapper=wrapper, message_hub=norms)
    DivergenceHook().after_train_iter(runner, 6, None, dict(loss=1.0))
    del wrapper.loss_scaler
    with pytest.raises(DivergenceError, match='in step 7 grad_norm is inf, while loss is 1; the images'):
        DivergenceHook().after_train_iter(runner, 6, None, dict(loss=1.0))


def test_weights_that_are_not_finite_are_not_saved():
    state = {'a.weight': torch.ones(2), 'n': torch.tensor(3), 'b.weight': torch.tensor([1.0, float('nan')])}
    with pytest.raises(DivergenceError, match=r'after step 6 b\.weight is not finite, and nothing was .*clip_grad'):
        DivergenceHook().before_save_checkpoint(RUNNER, dict(state_dict=state, meta=dict(iter=6)))
    del state['b.weight']
    DivergenceHook().before_save_checkpoint(RUNNER, dict(state_dict=state, meta=dict(iter=6)))
    assert not Path('run').exists()


@pytest.mark.parametrize('saved', [False, True])
def test_earlier_checkpoints_are_mentioned_only_if_there_are_some(tmp_path, saved):
    if saved:
        (tmp_path / 'iter_5.pth').touch()
    runner = SimpleNamespace(**vars(RUNNER) | dict(work_dir=str(tmp_path)))
    with pytest.raises(DivergenceError) as caught:
        DivergenceHook().after_train_iter(runner, 6, None, dict(loss=float('nan')))
    assert ('Earlier checkpoints in' in str(caught.value)) == saved and 'ower the learning rate' in str(caught.value)
