"""Step 2: the same network goes on with rendered and real hands, 9:1, these with their restored maps (Table 3)."""

_base_ = './dense_synthetic_studio.py'

train_dataloader = dict(
    dataset=dict(
        _delete_=True,
        type='MixedDataset',
        datasets=[_base_.rendered_train_set, _base_.real_train_set],
        shares=[9, 1],
    )
)
test_evaluator = [dict(type='HandSegmentationMetric')]
custom_hooks = [*_base_.custom_hooks, dict(type='PartRestorationHook', interval=250)]
optim_wrapper = _base_.finetune.optim_wrapper
param_scheduler = _base_.finetune.param_scheduler
train_cfg = _base_.finetune.train_cfg
