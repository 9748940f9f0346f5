import copy

import pytest
import torch
from mmengine.optim import build_optim_wrapper

from handkd.hints import ConfigError
from handkd.models.estimators.frozen_parts import freeze_parts
from handkd.registry import MODELS


@pytest.mark.parametrize('own', [{}, dict(paramwise_cfg=dict(norm_decay_mult=0.0))])
def test_frozen_parts_neither_learn_nor_decay_nor_count(distilled_cfg, batch, own):
    distilled_cfg.update(frozen=['backbone', 'head.refine'], distillers=dict(z=distilled_cfg['distillers']['z']))
    model = MODELS.build(distilled_cfg).train()
    optimizer = dict(type='AdamW', lr=0.1, weight_decay=0.5)
    wrapper = build_optim_wrapper(model, dict(optimizer=optimizer, clip_grad=dict(max_norm=1.0), **own))
    before = copy.deepcopy(model.state_dict())
    for _ in range(2):
        model.train().train_step(copy.deepcopy(batch), wrapper)
    changed = {key for key, value in model.state_dict().items() if not torch.equal(value, before[key])}
    assert changed and not [key for key in changed if key.startswith(('backbone.', 'head.refine.'))]
    frozen = {id(p) for name in ('backbone', 'head.refine') for p in model.student.get_submodule(name).parameters()}
    moved = {id(parameter) for parameter in wrapper.optimizer.state}
    assert moved == {id(parameter) for parameter in model.parameters()} - frozen  # DDP waits for no others
    assert not model.student.backbone.training and model.student.head.branches.training


def test_wrong_parts_are_named(distilled_cfg):
    network = torch.nn.ModuleDict(dict(backbone=torch.nn.Linear(1, 1), neck=torch.nn.Linear(1, 1)))
    with pytest.raises(ConfigError, match="frozen: the student has no part 'backbon'; did you mean 'backbone'"):
        freeze_parts(network, ['backbon'])
    with pytest.raises(ConfigError, match="must be a list of parts of the student such as .* found 'backbone'"):
        freeze_parts(network, 'backbone')
    with pytest.raises(ConfigError, match='must be a list of parts of the student such as .* found None'):
        freeze_parts(network, None)
    with pytest.raises(ConfigError, match=r"frozen=\['backbone', 'neck'\] leaves nothing of the student that learns"):
        freeze_parts(network, ['backbone', 'neck'])


def test_a_distiller_reads_a_layer_on_which_something_that_learns_has_an_effect(distilled_cfg, batch):
    for frozen in (['backbone', 'neck'], ['backbone']):  # the neck has no weights of its own
        model = MODELS.build(dict(distilled_cfg, frozen=frozen)).train()
        with pytest.raises(ConfigError, match=r"distillers\.feat reads \['neck'\] of the student, on .*feat=None"):
            model(**model.data_preprocessor(copy.deepcopy(batch), True), mode='loss')
    model = MODELS.build(dict(distilled_cfg, frozen=['head', 'backbone.layer4'])).train()
    sum(model(**model.data_preprocessor(copy.deepcopy(batch), True), mode='loss').values()).backward()
    assert model.student.backbone.layer3[0].conv1.weight.grad.abs().sum() > 0
