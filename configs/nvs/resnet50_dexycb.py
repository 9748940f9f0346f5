"""The "semi-supervised" network: views and poses at once. And all stages, for `handkd stages`."""

_base_ = [
    '../_base_/runtime.py',
    '../_base_/models/nvs.py',
    '../_base_/datasets/nvs_dexycb.py',
    '../_base_/stages/nvs.py',
]

model = _base_.semi_model
train_dataloader = dict(
    _base_.groups_and_singles,
    dataset=dict(type='LabelBudget', pool=_base_.pool, dataset=dict(_base_.train_set, pipeline=_base_.view_train)),
)
val_dataloader = dict(dataset=dict(_base_.val_set, pipeline=_base_.pose_test))
test_dataloader = dict(dataset=dict(_base_.test_set, pipeline=_base_.pose_test))

views_aug_row = dict(
    _base_.views_row,
    name='views_aug',
    label='views, augmented',
    options={'train_dataloader.dataset.pipeline': _base_.view_train_turned},
)
pretrained_row = dict(_base_.pretrained_row, options=_base_.frozen)
stages = dict(
    names=dict(net='resnet50', data='dexycb'),
    annotations=[6512, 3248, 640, 320, 64],
    runs=[
        _base_.views_row,
        views_aug_row,
        _base_.supervised_row,
        pretrained_row,
        dict(
            pretrained_row,
            name='pretrained_aug',
            label='pre-trained aug',
            checkpoints={'model.backbone.checkpoint': 'views_aug'},
        ),
        _base_.semi_row,
    ],
)
