"""PI-training by mimicry: RGB_Net goes on, and its last convolution follows the frozen depth network's (Eq. 1, 2)."""

_base_ = './cpm2d_rgb_continued_stb.py'

model = dict(
    _delete_=True,
    type='DistilledEstimator',
    student=_base_.model,
    teachers=dict(depth=dict(model=_base_.depth_model, checkpoint='work_dirs/cpm2d_depth_stb/iter_20000.pth')),
    distillers=dict(inter=_base_.mimic),
)
train_dataloader = dict(dataset=dict(modalities=['rgb', 'depth'], pipeline=_base_.paired_train))
