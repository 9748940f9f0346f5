"""The "semi-supervised" network: views and poses at once. And all stages, for tools/stages.py."""

_base_ = ['./resnet18quarter_supervised_studio.py', '../_base_/stages/nvs.py']

model = dict(_base_.semi_model, _delete_=True)
train_dataloader = dict(_base_.groups_and_singles, dataset=dict(dataset=dict(pipeline=_base_.view_train)))
matte = [
    dict(name='views_matte', label='views, matte', role='pretraining', config='{net}_views_matte_{data}.py'),
    dict(
        name='pretrained_matte',
        label='pre-trained matte',
        role='variant',
        config='{net}_pretrained_{data}.py',
        checkpoints={_base_.checkpoint: 'views_matte'},
        **_base_.labels,
    ),
]
stages = dict(
    runs=[*_base_.stages.runs, *matte],
    names=dict(net='resnet18quarter', data='studio'),
    annotations=[9600, 3200, 640, 320, 64],
)
