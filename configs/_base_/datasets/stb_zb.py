"""STB (Zhang et al. 2016), the colour camera of its SK sensor with depth in its pixels, in crops of 256x256."""

_base_ = './zb_crops.py'

train_set = dict(type='STBDataset', data_root='data/STB', split='train', modalities=['rgb'], pipeline=_base_.rgb_train)
test_set = dict(type='STBDataset', data_root='data/STB', split='test', modalities=['rgb'], pipeline=_base_.rgb_test)
train_dataloader = dict(dataset=train_set)
val_dataloader = dict(dataset=test_set)
test_dataloader = dict(dataset=test_set)
