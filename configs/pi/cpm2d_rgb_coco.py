"""PI's RGB network in 2D on hands labelled in COCO's JSON, here OneHand10K; others differ in ``data_root`` and split.

Crops are around the labelled boxes, since hands may lack the joint that Zimmermann and Brox's crop is centred on.
"""

_base_ = ['../_base_/runtime.py', '../_base_/models/pi_cpm2d.py', '../_base_/schedules/pi.py']

model = dict(_base_.model.student, _delete_=True)

crop = dict(type='HandCrop', rule='box', factor=1.5)
noise = dict(type='RandomCropNoise', scale=(0.8, 1.2), shift=0.1, rotation=30.0)
warp = dict(type='WarpCrop', size=256)
pack = dict(type='PackHandInputs', modalities=['rgb'])

hands = dict(type='CocoHandDataset', data_root='data/onehand10k')
train_dataloader = dict(
    batch_size=8,
    num_workers=4,
    persistent_workers=True,
    drop_last=True,
    sampler=dict(type='ReproducibleSampler'),
    dataset=dict(hands, split='onehand10k_train', pipeline=[crop, noise, warp, pack]),
)
val_dataloader = dict(
    batch_size=8,
    num_workers=4,
    persistent_workers=True,
    drop_last=False,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(hands, split='onehand10k_test', pipeline=[crop, warp, pack]),
)
test_dataloader = val_dataloader
val_evaluator = dict(type='HandPixelMetric')
test_evaluator = val_evaluator
