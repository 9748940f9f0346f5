"""EKD: the angle regulariser and the offset teacher (Eq. 2 to 4)."""

_base_ = [
    '../_base_/runtime.py',
    '../_base_/models/ekd_resnet50.py',
    '../_base_/datasets/freihand_ekd.py',
    '../_base_/schedules/ekd.py',
    '../_base_/stages/ekd.py',
]
