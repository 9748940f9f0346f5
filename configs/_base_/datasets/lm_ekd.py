"""LM (Gomez-Donoso et al. 2017) as EKD uses it: the first fifth of all frames is the test set."""

_base_ = ['./lm.py', './ekd_crops.py', './ekd_metrics_palm.py']

input_size = 128
train_dataloader = dict(batch_size=32, dataset=dict(pipeline=_base_.rgb128_train, split_by='frames', test_part='first'))
val_dataloader = dict(dataset=dict(pipeline=_base_.rgb128_test, split_by='frames', test_part='first'))
test_dataloader = val_dataloader

angle_limits = dict(file='work_dirs/angle_limits/lm_{labels}.json', percentile=0.0)
val_evaluator = _base_.ekd_metrics
test_evaluator = val_evaluator
