"""The hand studio for EKD: right hands, upright within 40 degrees, with noise on all labels, in the test set too.

And a short schedule on a CPU, of our choice: the rate rises from 0 and falls to 0 along a cosine.
"""

input_size = 64

hands = dict(
    type='StudioDataset',
    resolution=input_size,
    sides=['right'],
    randomisation=dict(view=40.0),
    label_noise_mm=1.0,
    modalities=['rgb'],
    pipeline=[dict(type='PackHandInputs', modalities=['rgb'])],
)
train_dataloader = dict(
    batch_size=16,
    num_workers=2,
    persistent_workers=True,
    drop_last=True,
    sampler=dict(type='ReproducibleSampler'),
    dataset=dict(split='train', length=1500, **hands),
)
evaluation = dict(
    batch_size=64,
    num_workers=2,
    persistent_workers=True,
    drop_last=False,
    sampler=dict(type='DefaultSampler', shuffle=False),
)
val_dataloader = dict(dataset=dict(split='val', length=200, **hands), **evaluation)
test_dataloader = dict(dataset=dict(split='test', length=1000, **hands), **evaluation)

angle_limits = dict(file='work_dirs/angle_limits/studio_ekd_{labels}.json', percentile=0.0)
# First the paper's protocol: the error in the camera's frame, given the true depth of the root and the true scale
# (section 4.1). Then the same joints relative to the root, V.F., and the error with depth and size as estimated.
val_evaluator = [
    dict(type='HandKeypointMetric', root=None, scale='gt', prefix='gt-depth'),
    dict(type='HandKeypointMetric', root='wrist', scale_bone=('wrist', 'index_mcp'), prefix='gt-depth'),
    dict(type='HandAngleMetric'),
    dict(type='HandKeypointMetric', root='wrist', scale='pred', prefix='estimated-depth'),
]
test_evaluator = val_evaluator

optim_wrapper = dict(type='AutocastOptimWrapper', optimizer=dict(type='Adam', lr=2e-3, fused=True))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, by_epoch=False, begin=0, end=100),
    dict(type='CosineAnnealingLR', eta_min=0.0, by_epoch=False, begin=100, end=1500),
]
train_cfg = dict(by_epoch=False, max_iters=1500, val_interval=500)
