"""DWPose's second stage: a new head on the frozen backbone learns from the first stage's student, itself."""

_base_ = 'rtmpose_t.py'

first = 'work_dirs/dwpose/first/epoch_24.pth'
pretrained = dict(type='Pretrained', prefix='backbone.', checkpoint=first)
student = dict(_base_.model, backbone=dict(_base_.model.backbone, init_cfg=pretrained))

model = dict(
    _delete_=True,
    type='DistilledEstimator',
    student=student,
    frozen=['backbone'],
    student_weight=0.0,  # no labels: the distiller alone
    teachers=dict(first=dict(model=_base_.model, checkpoint=first)),
    distillers=dict(logit=dict(type='SimCCResponse', teacher='first', weight=1.0)),
)

# DWPose: a fifth of the first stage's epochs.
max_epochs = 5
train_cfg = dict(max_epochs=max_epochs)
param_scheduler = [
    dict(type='LinearLR', start_factor=1e-3, by_epoch=False, begin=0, end=10),
    dict(
        type='CosineAnnealingLR',
        eta_min=1e-4,
        begin=max_epochs // 2,
        end=max_epochs,
        T_max=max_epochs - max_epochs // 2,
        by_epoch=True,
        convert_to_iter_based=True,
    ),
]
