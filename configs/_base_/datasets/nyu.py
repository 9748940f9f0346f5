"""NYU Hand Pose (Tompson et al. 2014), the front Kinect; depth and the photograph warped into it."""

_base_ = './crops.py'

train_set = dict(
    type='NYUDataset',
    data_root='data/nyu_hand_dataset_v2/dataset',
    split='train',
    modalities=['rgb'],
    pipeline=_base_.rgb_train,
)
test_set = dict(
    type='NYUDataset',
    data_root='data/nyu_hand_dataset_v2/dataset',
    split='test',
    modalities=['rgb'],
    pipeline=_base_.rgb_test,
)
train_dataloader = dict(dataset=train_set)
val_dataloader = dict(dataset=test_set)
test_dataloader = dict(dataset=test_set)
