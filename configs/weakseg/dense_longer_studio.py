"""The control of step 2: the same network continues on rendered hands alone, as long and at the same rate."""

_base_ = './dense_synthetic_studio.py'

test_evaluator = [dict(type='HandSegmentationMetric')]
optim_wrapper = _base_.finetune.optim_wrapper
param_scheduler = _base_.finetune.param_scheduler
train_cfg = _base_.finetune.train_cfg
