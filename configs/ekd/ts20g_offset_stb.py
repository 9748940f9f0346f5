"""The offset teacher alone (Eq. 3): the paper's 'w/ Loss_op'."""

_base_ = './ts20g_stb.py'

model = dict(distillers=dict(_delete_=True, offset=_base_.ekd.offset))
