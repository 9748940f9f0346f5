"""PI-training by mimicry and by masks of four fifths of the images at once (Eq. 1 to 3), after RGB_Net's training."""

_base_ = './cpm2d8_rgb_studio.py'

load_from = 'work_dirs/cpm2d8_rgb_studio/iter_500.pth'
param_scheduler = _base_.continued.param_scheduler
train_cfg = _base_.continued.train_cfg
model = dict(
    _delete_=True,
    type='DistilledEstimator',
    student=_base_.model,
    teachers=dict(depth=dict(model=_base_.depth_model, checkpoint='work_dirs/cpm2d8_depth_studio/iter_200.pth')),
    distillers=dict(inter=_base_.mimic, mask=dict(fraction=0.8, **_base_.background)),
)
train_dataloader = dict(dataset=dict(modalities=['rgb', 'depth'], pipeline=_base_.paired_masked_train))
