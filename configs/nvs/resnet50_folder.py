"""The "semi-supervised" network on a rig of your own: views and poses at once. And all stages, for `handkd stages`."""

_base_ = [
    '../_base_/runtime.py',
    '../_base_/models/nvs.py',
    '../_base_/datasets/nvs_folder.py',
    '../_base_/stages/nvs.py',
]

model = _base_.semi_model
train_dataloader = dict(
    _base_.groups_and_singles,
    dataset=dict(type='LabelBudget', dataset=dict(_base_.train_set, pipeline=_base_.view_train)),
)
val_dataloader = dict(dataset=dict(_base_.test_set, pipeline=_base_.pose_test))
test_dataloader = val_dataloader

stages = dict(
    names=dict(net='resnet50', data='folder'),
    annotations=[320, 64],  # numbers of labelled images; choose yours
    runs=[
        _base_.views_row,
        _base_.supervised_row,
        dict(_base_.pretrained_row, options=_base_.frozen),
        _base_.semi_row,
    ],
)
