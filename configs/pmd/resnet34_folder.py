"""Stage II of PMD-Net: the RGB network distils the frozen depth network (Eq. 3 to 5)."""

_base_ = ['./resnet34_rgb_folder.py', '../_base_/stages/pmd.py']

model = dict(
    _delete_=True,
    type='DistilledEstimator',
    student=_base_.model,
    teachers=dict(depth=dict(model=_base_.depth_model, checkpoint='work_dirs/resnet34_depth_folder/iter_90000.pth')),
    distillers=_base_.distillers,
)
train_dataloader = dict(dataset=dict(modalities=['rgb', 'depth'], pipeline=_base_.paired_train))
stages = dict(names=dict(net='resnet34', data='folder', teacher='depth'))
