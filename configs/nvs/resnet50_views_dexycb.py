"""Views alone, without a label: the encoder of the "pre-trained" networks."""

_base_ = [
    '../_base_/runtime.py',
    '../_base_/models/nvs.py',
    '../_base_/datasets/nvs_dexycb.py',
]

model = _base_.views_model
train_dataloader = dict(_base_.groups, dataset=dict(_base_.train_set, pipeline=_base_.view_train))
views = dict(_base_.views_dataloader, _delete_=True)
val_dataloader = dict(views, dataset=dict(_base_.val_set, pipeline=_base_.view_test))
test_dataloader = dict(views, dataset=dict(_base_.test_set, pipeline=_base_.view_test))
val_evaluator = dict(_base_.views_evaluator, _delete_=True)
test_evaluator = val_evaluator
