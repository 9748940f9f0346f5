"""The student alone, the twin of EKD's: the paper's 'wo/EKD'."""

_base_ = [
    '../_base_/runtime.py',
    '../_base_/models/ekd_resnet50.py',
    '../_base_/datasets/rhd_ekd.py',
    '../_base_/schedules/ekd.py',
]
