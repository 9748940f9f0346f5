"""The "semi-supervised" network on a rig of your own: views and poses at once. And all stages, for tools/stages.py."""

_base_ = [
    '../_base_/runtime.py',
    '../_base_/models/nvs.py',
    '../_base_/datasets/nvs_folder.py',
]

model = _base_.semi_model
train_dataloader = dict(
    _base_.groups_and_singles,
    dataset=dict(type='LabelBudget', dataset=dict(_base_.train_set, pipeline=_base_.view_train)),
)
val_dataloader = dict(dataset=dict(_base_.test_set, pipeline=_base_.pose_test))
test_dataloader = val_dataloader

labels = dict(budget='train_dataloader.dataset.number', seeds=['train_dataloader.dataset.seed'])
supervised = dict(config='{net}_supervised_{data}.py', **labels)
stages = dict(
    names=dict(net='resnet50', data='folder'),
    annotations=[320, 64],  # numbers of labelled images; choose yours
    runs=[
        dict(name='views', label='views', role='pretraining', config='{net}_views_{data}.py'),
        dict(name='supervised', label='supervised', role='baseline', **supervised),
        dict(
            name='pretrained',
            label='pre-trained',
            role='variant',
            checkpoints={'model.backbone.checkpoint': 'views'},
            options=_base_.frozen,
            **supervised,
        ),
        dict(name='semi', label='semi-supervised', role='student', config=None, **labels),
    ],
)
