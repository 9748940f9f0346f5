"""The hand studio as a small set with mild noise on its labels, for training and testing alike."""

_base_ = './studio.py'

noisy = dict(label_noise_mm=1.0, randomisation=dict(view=50.0))
train_dataloader = dict(batch_size=32, dataset=dict(length=1500, **noisy))
val_dataloader = dict(dataset=dict(length=200, **noisy))
test_dataloader = dict(dataset=dict(length=1000, **noisy))

angle_limits = dict(file='work_dirs/angle_limits/studio_ekd.json', percentile=0.0)
val_evaluator = [
    dict(type='HandKeypointMetric', root='wrist', scale_bone=('wrist', 'index_mcp')),
    dict(type='HandAngleMetric', limits=angle_limits['file']),
]
test_evaluator = val_evaluator
