"""CMU Panoptic (Joo et al.), hands in the HD cameras, split by sequence."""

_base_ = './crops.py'

train_set = dict(
    type='PanopticHandDataset', data_root='data/panoptic', split='train', modalities=['rgb'], pipeline=_base_.rgb_train
)
test_set = dict(
    type='PanopticHandDataset', data_root='data/panoptic', split='test', modalities=['rgb'], pipeline=_base_.rgb_test
)
train_dataloader = dict(dataset=train_set)
val_dataloader = dict(dataset=test_set)
test_dataloader = dict(dataset=test_set)
