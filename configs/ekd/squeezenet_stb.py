"""EKD: the angle regulariser and the offset teacher (Eq. 2 to 4)."""

_base_ = ['./squeezenet_rgb_stb.py', '../_base_/stages/ekd.py']

model = dict(
    _delete_=True,
    type='DistilledEstimator',
    student=_base_.model,
    distillers=dict(
        angles=dict(_base_.angles, limits=_base_.angle_limits.file),
        offset=dict(_base_.offset, limits=_base_.angle_limits.file),
    ),
)
stages = dict(names=dict(net='squeezenet', data='stb'))
