"""EKD: the angle regulariser and the offset teacher (Eq. 2 to 4)."""

_base_ = ['./resnet50_rgb_stb.py', '../_base_/knowledge/ekd_resnet50.py', '../_base_/stages/ekd.py']

model = dict(_delete_=True, type='DistilledEstimator', student=_base_.model, distillers=_base_.ekd)
stages = dict(names=dict(net='resnet50', data='stb'))
