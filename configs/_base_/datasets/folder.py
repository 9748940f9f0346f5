"""Your own data, in the plain form of docs/datasets.md."""

_base_ = './crops.py'

train_set = dict(
    type='HandFolderDataset', data_root='data/my_set', split='train', modalities=['rgb'], pipeline=_base_.rgb_train
)
test_set = dict(
    type='HandFolderDataset', data_root='data/my_set', split='test', modalities=['rgb'], pipeline=_base_.rgb_test
)
train_dataloader = dict(dataset=train_set)
val_dataloader = dict(dataset=test_set)
test_dataloader = dict(dataset=test_set)
