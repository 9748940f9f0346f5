"""EKD: the angle regulariser and the offset teacher (Eq. 2 to 4)."""

_base_ = ['./resnet50_rgb_studio.py', '../_base_/stages/ekd.py']

model = dict(
    _delete_=True,
    type='DistilledEstimator',
    student=_base_.model,
    distillers=dict(
        angles=dict(_base_.angles, limits=_base_.angle_limits.file, warmup=100),
        offset=dict(_base_.offset, limits=_base_.angle_limits.file),
    ),
)
stages = dict(names=dict(net='resnet50', data='studio'))
