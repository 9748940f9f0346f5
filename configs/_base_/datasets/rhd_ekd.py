"""RHD (Zimmermann and Brox 2017) as EKD uses it."""

_base_ = ['./rhd.py', './ekd_crops.py', './ekd_metrics_wrist.py']

input_size = 128
train_dataloader = dict(batch_size=32, dataset=dict(pipeline=_base_.rgb128_train))
val_dataloader = dict(dataset=dict(pipeline=_base_.rgb128_test))
test_dataloader = val_dataloader

angle_limits = dict(file='work_dirs/angle_limits/rhd_{labels}.json', percentile=0.0)
val_evaluator = _base_.ekd_metrics
test_evaluator = val_evaluator
