"""The student alone, the twin of EKD's: the paper's 'wo/EKD'."""

_base_ = [
    '../_base_/runtime.py',
    '../_base_/models/ekd_resnet50.py',
    '../_base_/datasets/studio_ekd.py',
    '../_base_/schedules/ekd_studio.py',
]

model = dict(head=dict(codec=dict(input_size=_base_.input_size)))
optim_wrapper = dict(optimizer=dict(lr=4e-4))
