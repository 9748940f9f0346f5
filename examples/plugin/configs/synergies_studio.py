"""A student with a prior of hand shapes, in one file: it needs the installed handkd, but none of its configs."""

default_scope = 'handkd'
custom_imports = dict(imports=['hand_plugin'], allow_failed_imports=False)

# Gathered from the labels of the training set before the first training; a set with other labels has another file.
synergies = dict(file='work_dirs/synergies/studio_{labels}.npz', components=8)

codec = dict(type='RootRelativeXYZ', root='middle_mcp', scale_bone=('wrist', 'middle_mcp'))
model = dict(
    type='DistilledEstimator',
    student=dict(
        type='HandPoseEstimator',
        backbone=dict(type='SeparableNet', channels=(64, 128, 256)),
        neck=dict(type='GlobalAveragePooling'),
        head=dict(type='PMDHead', in_channels=256, codec=codec, loss=dict(type='PoseNormLoss', loss_weight=100.0)),
    ),
    distillers=dict(synergies=dict(type='SynergyPrior', weight=0.1)),  # its file is that of `synergies`
)

pipeline = [dict(type='PackHandInputs', modalities=['rgb'])]
hands = dict(type='StudioDataset', resolution=64, modalities=['rgb'], pipeline=pipeline)
in_order = dict(type='DefaultSampler', shuffle=False)
train_dataloader = dict(
    batch_size=64,
    num_workers=2,
    persistent_workers=True,
    drop_last=True,
    sampler=dict(type='ReproducibleSampler'),
    dataset=dict(hands, split='train', length=41258),
)
val_dataloader = dict(batch_size=64, num_workers=2, sampler=in_order, dataset=dict(hands, split='val', length=1000))
test_dataloader = dict(batch_size=64, num_workers=2, sampler=in_order, dataset=dict(hands, split='test', length=2728))
val_evaluator = test_evaluator = dict(type='HandKeypointMetric', root='middle_mcp', scale='gt')

optim_wrapper = dict(type='AutocastOptimWrapper', optimizer=dict(type='Adam', lr=1e-3, weight_decay=5e-4, fused=True))
train_cfg = dict(by_epoch=False, max_iters=3000, val_interval=1000)
val_cfg = dict()
test_cfg = dict()
param_scheduler = [dict(type='CosineAnnealingLR', by_epoch=False, begin=0, end=3000)]
randomness = dict(seed=0)
default_hooks = dict(
    checkpoint=dict(type='CheckpointHook', by_epoch=False, interval=1000, max_keep_ckpts=2),
    logger=dict(type='LoggerHook', interval=50, log_metric_by_epoch=False),
)
log_processor = dict(type='LogProcessor', by_epoch=False, window_size=50)
