"""First part of the training of the photo student: small crops of upright hands in an easy studio.

On the data of `photo/resnet18half_studio` the network stays near the mean pose for a long time; on these it leaves it
after some hundred steps (docs/photo-log.md), at half of the cost of a step.
"""

_base_ = [
    '../_base_/runtime.py',
    '../_base_/datasets/studio_photo.py',
    '../_base_/models/photo_resnet18half.py',
]

steps = 10_000
model = dict(student=dict(head=dict(codec=dict(input_size=64))))

easy = dict(
    type='StudioDataset',
    resolution=64,
    modalities=['rgb'],
    factor=1.5,
    crop_noise=dict(scale=(0.77, 1.23), shift=0.1),
    randomisation=dict(view=40.0, offset=0.1),
)
train_dataloader = dict(
    batch_size=32,
    dataset=dict(
        _delete_=True,
        split='train',
        length=10_000_000,
        pipeline=[_base_.jitter, dict(_base_.blocks, block=14), _base_.labelled],
        **easy,
    ),
)
val_dataloader = dict(dataset=dict(_delete_=True, split='val', length=500, pipeline=[_base_.pack], **easy))
test_dataloader = dict(dataset=dict(_delete_=True, split='test', length=2000, pipeline=[_base_.pack], **easy))

param_scheduler = [dict(type='LinearLR', start_factor=0.01, by_epoch=False, begin=0, end=100)]
train_cfg = dict(by_epoch=False, max_iters=steps, val_interval=5000)
default_hooks = dict(checkpoint=dict(interval=500, max_keep_ckpts=2))
custom_hooks = [_base_.average]
