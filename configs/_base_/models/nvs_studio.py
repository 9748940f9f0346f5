"""NVS small enough for a CPU: 64x64, a quarter of the width, and a random network in the place of ImageNet's.

The decoder drops nothing: a short training fits too little, not too much. The pose network has no batch
normalisation, behind which it fits a handful of labels too well. lambda_F of Eq. 4 is small, or the encoder of a
semi-supervised network has learnt a handful of labels by heart before it has learnt to see from the views.
"""

_base_ = './nvs.py'

backbone = dict(depth=18, input_size=64, base_channels=16, appearance=32)
feature_network = dict(checkpoint=None)
pose_loss = dict(type='PoseSquaredLoss', reduction='mean', loss_weight=0.01)
narrow_head = dict(hidden=(512, 512), norm=False, loss=pose_loss)
pose_model = dict(backbone=backbone, head=narrow_head)
frozen_model = pose_model
views_model = dict(
    backbone=backbone,
    decoder=dict(input_size=64, base_channels=8, appearance=32, dropout=0.0),
    feature_loss=dict(network=dict(base_channels=16), loss_weight=1.0),
)
semi_model = dict(views_model, head=narrow_head)
