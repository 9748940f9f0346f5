"""RHD (Zimmermann and Brox 2017); images and depth flipped both ways (PMD-Net, section 4.2)."""

_base_ = './crops.py'

flip = dict(type='RandomHandFlip', horizontal=0.5, vertical=0.5)
replace = dict(type='RandomBlockReplacement', block=5, prob=0.5)  # K = 5 on RHD

rgb_train = [_base_.crop, flip, _base_.warp, _base_.pack_rgb]
depth_train = [_base_.crop, flip, _base_.warp, _base_.cube, _base_.pack_depth]
paired_train = [_base_.crop, flip, _base_.warp, _base_.cube, _base_.pack_paired]
paired_replace_train = [_base_.crop, flip, _base_.warp, replace, _base_.cube, _base_.pack_paired]

train_set = dict(
    type='RHDDataset', data_root='data/RHD_published_v2', split='training', modalities=['rgb'], pipeline=rgb_train
)
test_set = dict(
    type='RHDDataset',
    data_root='data/RHD_published_v2',
    split='evaluation',
    modalities=['rgb'],
    pipeline=_base_.rgb_test,
)
train_dataloader = dict(dataset=train_set)
val_dataloader = dict(dataset=test_set)
test_dataloader = dict(dataset=test_set)
