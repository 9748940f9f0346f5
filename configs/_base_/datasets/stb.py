"""STB (Zhang et al. 2016), the colour camera of its SK sensor, depth in its pixels; no flips (PMD-Net, section 4.2)."""

_base_ = './crops.py'

replace = dict(type='RandomBlockReplacement', block=14, prob=0.5)  # K = 14 on STB
paired_replace_train = [_base_.crop, _base_.warp, replace, _base_.cube, _base_.pack_paired]

train_set = dict(type='STBDataset', data_root='data/STB', split='train', modalities=['rgb'], pipeline=_base_.rgb_train)
test_set = dict(type='STBDataset', data_root='data/STB', split='test', modalities=['rgb'], pipeline=_base_.rgb_test)
train_dataloader = dict(dataset=train_set)
val_dataloader = dict(dataset=test_set)
test_dataloader = dict(dataset=test_set)
