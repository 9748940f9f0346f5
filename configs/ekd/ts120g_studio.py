"""EKD: the angle regulariser and the offset teacher (Eq. 2 to 4)."""

_base_ = [
    '../_base_/runtime.py',
    '../_base_/models/ekd_ts120g.py',
    '../_base_/datasets/studio_ekd.py',
    '../_base_/stages/ekd.py',
]

model = dict(student=dict(head=dict(codec=dict(input_size=_base_.input_size))))
