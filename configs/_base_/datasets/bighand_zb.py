"""BigHand2.2M (Yuan et al. 2017), depth only, in crops of 256x256; one person is left out for testing."""

_base_ = './zb_crops.py'

train_set = dict(
    type='BigHandDataset',
    data_root='data/BigHand2.2M',
    split='train',
    modalities=['depth'],
    pipeline=_base_.depth_train,
)
test_set = dict(
    type='BigHandDataset', data_root='data/BigHand2.2M', split='test', modalities=['depth'], pipeline=_base_.depth_test
)
train_dataloader = dict(dataset=train_set)
val_dataloader = dict(dataset=test_set)
test_dataloader = dict(dataset=test_set)
