"""EKD: the angle regulariser and the offset teacher (Eq. 2 to 4)."""

_base_ = ['./ts500m_rgb_stb.py', '../_base_/knowledge/ekd_ts500m.py', '../_base_/stages/ekd.py']

model = dict(_delete_=True, type='DistilledEstimator', student=_base_.model, distillers=_base_.ekd)
stages = dict(names=dict(net='ts500m', data='stb'))
