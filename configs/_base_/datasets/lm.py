"""LM, the Large-scale Multiview 3D Hand Pose Dataset (Gomez-Donoso et al. 2017), split by sequence."""

_base_ = './crops.py'

train_set = dict(
    type='LMDataset',
    data_root='data/multiview_hand_pose_dataset',
    split='train',
    modalities=['rgb'],
    pipeline=_base_.rgb_train,
)
test_set = dict(
    type='LMDataset',
    data_root='data/multiview_hand_pose_dataset',
    split='test',
    modalities=['rgb'],
    pipeline=_base_.rgb_test,
)
train_dataloader = dict(dataset=train_set)
val_dataloader = dict(dataset=test_set)
test_dataloader = dict(dataset=test_set)
