"""DWPose's first stage: the student learns the teacher's last feature map and its SimCC distributions."""

_base_ = 'rtmpose_t.py'

teacher = dict(_base_.model, backbone=dict(_base_.model.backbone, deepen_factor=0.33, widen_factor=0.25))
teacher['head'] = dict(_base_.model.head, in_channels=128)

model = dict(
    _delete_=True,
    type='DistilledEstimator',
    student=_base_.model,
    teachers=dict(m=dict(model=teacher, checkpoint='work_dirs/dwpose/teacher/epoch_24.pth')),
    distillers=dict(
        feature=dict(
            type='FeatureMimic',
            teacher='m',
            layer='backbone',
            norm='l2',
            weight=7e-5,
            adapter=dict(type='FeatureAdapter', in_channels=64, out_channels=128),
            schedule=dict(type='linear'),  # 1 - epoch / max_epochs
        ),
        logit=dict(type='SimCCResponse', teacher='m', weight=0.1, schedule=dict(type='linear')),
    ),
)
