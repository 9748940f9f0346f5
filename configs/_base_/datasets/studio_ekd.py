"""The hand studio as a small set of right hands, upright within 40 degrees, whose labels are a little noisy.

So are those of the test set, as on real sets.
"""

_base_ = ['./studio.py', './ekd_metrics_wrist.py']

hands = dict(sides=['right'], randomisation=dict(view=40.0), label_noise_mm=1.0)
train_dataloader = dict(batch_size=16, dataset=dict(length=1500, **hands))
val_dataloader = dict(dataset=dict(length=200, **hands))
test_dataloader = dict(dataset=dict(length=1000, **hands))

angle_limits = dict(file='work_dirs/angle_limits/studio_ekd_{labels}.json', percentile=0.0)
val_evaluator = _base_.ekd_metrics
test_evaluator = val_evaluator
