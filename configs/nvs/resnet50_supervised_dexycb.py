"""The "supervised" network: encoder and pose network, trained from scratch on the labelled images alone."""

_base_ = [
    '../_base_/runtime.py',
    '../_base_/models/nvs.py',
    '../_base_/datasets/nvs_dexycb.py',
]

model = _base_.pose_model
train_dataloader = dict(
    _base_.singles,
    dataset=dict(type='LabelBudget', pool=_base_.pool, dataset=dict(_base_.train_set, pipeline=_base_.pose_train)),
)
val_dataloader = dict(dataset=dict(_base_.val_set, pipeline=_base_.pose_test))
test_dataloader = dict(dataset=dict(_base_.test_set, pipeline=_base_.pose_test))
