"""EKD: the angle regulariser and the offset teacher (Eq. 2 to 4)."""

_base_ = ['./ts120g_rgb_studio.py', '../_base_/knowledge/ekd_ts120g.py', '../_base_/stages/ekd.py']

model = dict(_delete_=True, type='DistilledEstimator', student=_base_.model, distillers=_base_.ekd)
stages = dict(names=dict(net='ts120g', data='studio'))
