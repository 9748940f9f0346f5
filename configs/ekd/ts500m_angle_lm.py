"""The angle regulariser alone (Eq. 2): the paper's 'w/ Loss_theta'."""

_base_ = './ts500m_lm.py'

model = dict(distillers=dict(_delete_=True, angles=_base_.ekd.angles))
