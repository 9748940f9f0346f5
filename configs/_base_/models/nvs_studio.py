"""NVS small enough for a CPU: 64x64, a quarter of the width, and a random network instead of ImageNet's.

The decoder has no dropout: a short training underfits rather than overfits. The pose network has no batch
normalisation, with which it overfits a handful of labels. lambda_F of Eq. 4 is small, because the encoder of a
semi-supervised network otherwise overfits a handful of labels before it has learnt from the views.
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
