"""PMD-Net's RGB student on the encoder of the views: trained from scratch, or from weights learnt from the views."""

_base_ = ['../pmd/resnet18half_rgb_studio.py', '../_base_/models/nvs_studio.py']

model = dict(
    _delete_=True,
    type='HandPoseEstimator',
    modality='rgb',
    backbone=_base_.pose_model.backbone,
    head=dict(_base_.model.head, in_channels=600),
)
