"""The "semi-supervised" network: views and poses at once. And all stages, for tools/stages.py."""

_base_ = ['./resnet50_supervised_panoptic.py', '../_base_/stages/nvs.py']

model = dict(_base_.semi_model, _delete_=True)
train_dataloader = dict(_base_.groups_and_singles, dataset=dict(dataset=dict(pipeline=_base_.view_train)))
stages = dict(
    names=dict(net='resnet50', data='panoptic'),
    annotations=[28592, 18624, 13136, 9392, 6512, 3248, 640, 320, 64],
)
