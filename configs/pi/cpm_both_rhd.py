"""PI-training by mimicry and by masks at once (Eq. 1 to 3), after RGB_Net's own training."""

_base_ = './cpm_rgb_rhd.py'

load_from = 'work_dirs/cpm_rgb_rhd/iter_20000.pth'
param_scheduler = _base_.continued.param_scheduler
train_cfg = _base_.continued.train_cfg
model = dict(
    _delete_=True,
    type='DistilledEstimator',
    student=_base_.model,
    teachers=dict(depth=dict(model=_base_.depth_model, checkpoint='work_dirs/cpm_depth_rhd/iter_20000.pth')),
    distillers=dict(inter=_base_.mimic, mask=_base_.background),
)
train_dataloader = dict(dataset=dict(modalities=['rgb', 'depth'], pipeline=_base_.paired_masked_train))
