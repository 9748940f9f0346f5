"""Runtime, data and schedule of all stages: MMPose's own pipeline, metrics and visualiser on FreiHAND in its form."""

_base_ = 'mmpose::_base_/default_runtime.py'

# RTMPose's hands have input_size=(256, 256) and sigma=(5.66, 5.66); sigma goes with the root of the size.
codec = dict(
    type='SimCCLabel',
    input_size=(96, 96),
    sigma=(3.47, 3.47),
    simcc_split_ratio=2.0,
    normalize=False,
    use_dark=False,
)

train_pipeline = [
    dict(type='LoadImage'),
    dict(type='GetBBoxCenterScale', padding=0.8),  # the box is the whole image, as in MMPose's own config
    dict(type='RandomBBoxTransform', shift_factor=0.1, scale_factor=[0.75, 1.25], rotate_factor=15),
    dict(type='RandomFlip', direction='horizontal'),
    dict(type='TopdownAffine', input_size=codec['input_size']),
    dict(type='GenerateTarget', encoder=codec),
    dict(type='PackPoseInputs'),
]
test_pipeline = [
    dict(type='LoadImage'),
    dict(type='GetBBoxCenterScale', padding=0.8),  # the box is the whole image, as in MMPose's own config
    dict(type='TopdownAffine', input_size=codec['input_size']),
    dict(type='PackPoseInputs'),
]

freihand = dict(type='FreiHandDataset', data_root='data/freihand', data_mode='topdown', data_prefix=dict(img=''))
train_dataloader = dict(
    batch_size=64,
    num_workers=1,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(freihand, ann_file='annotations/freihand_train.json', pipeline=train_pipeline),
)
val_dataloader = None
val_cfg = None
val_evaluator = None
test_dataloader = dict(
    batch_size=64,
    num_workers=1,
    sampler=dict(type='DefaultSampler', shuffle=False, round_up=False),
    dataset=dict(freihand, ann_file='annotations/freihand_test.json', test_mode=True, pipeline=test_pipeline),
)
test_evaluator = [dict(type='PCKAccuracy', thr=0.2), dict(type='AUC'), dict(type='EPE')]

# RTMPose: 210 epochs, lr 4e-3 for batches of 256.
max_epochs = 24
train_cfg = dict(by_epoch=True, max_epochs=max_epochs)
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='AdamW', lr=4e-3, weight_decay=0.05),
    paramwise_cfg=dict(norm_decay_mult=0, bias_decay_mult=0, bypass_duplicate=True),
)
param_scheduler = [
    dict(type='LinearLR', start_factor=1e-3, by_epoch=False, begin=0, end=40),
    dict(
        type='CosineAnnealingLR',
        eta_min=2e-4,
        begin=max_epochs // 2,
        end=max_epochs,
        T_max=max_epochs // 2,
        by_epoch=True,
        convert_to_iter_based=True,
    ),
]
default_hooks = dict(checkpoint=dict(interval=2, max_keep_ckpts=2), logger=dict(interval=10))
