"""Step 3: joints from depth and its parts, (c) and (d) of Table 4; and all stages, for `handkd stages`."""

_base_ = [
    '../_base_/runtime.py',
    '../_base_/models/weakseg_nyu.py',
    '../_base_/datasets/weakseg_nyu.py',
    '../_base_/stages/weakseg.py',
]

model = _base_.fused
train_dataloader = dict(batch_size=_base_.regression_batch, dataset=_base_.joint_train_set)
val_dataloader = dict(dataset=_base_.real_val_set)
test_dataloader = dict(dataset=_base_.real_test_set)
val_evaluator = _base_.joint_metric
test_evaluator = val_evaluator
optim_wrapper = _base_.regress.optim_wrapper
param_scheduler = _base_.regress.param_scheduler
train_cfg = _base_.regress.train_cfg

stages = dict(
    names=dict(data='nyu'),
    runs=[
        _base_.synthetic_row,
        dict(_base_.longer_row, options=_base_.longer),
        _base_.weak_row,
        *_base_.joint_rows,
    ],
)
