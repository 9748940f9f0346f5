"""RHD (Zimmermann and Brox 2017) as its authors use it: the palm's centre is joint 0, crops of 256x256."""

_base_ = './zb_crops.py'

train_set = dict(
    type='RHDDataset',
    data_root='data/RHD_published_v2',
    split='training',
    joint0='palm',
    modalities=['rgb'],
    pipeline=_base_.rgb_train,
)
test_set = dict(
    type='RHDDataset',
    data_root='data/RHD_published_v2',
    split='evaluation',
    joint0='palm',
    modalities=['rgb'],
    pipeline=_base_.rgb_test,
)
train_dataloader = dict(dataset=train_set)
val_dataloader = dict(dataset=test_set)
test_dataloader = dict(dataset=test_set)
