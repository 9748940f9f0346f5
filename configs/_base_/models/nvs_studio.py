"""NVS small enough for a CPU: 64x64, a quarter of the width, and a random network instead of ImageNet's.

The decoder has no dropout: a short training underfits rather than overfits. The pose network has no batch
normalisation, with which it overfits a handful of labels. lambda_F of Eq. 4 is small, because the encoder of a
semi-supervised network otherwise overfits a handful of labels before it has learnt from the views.
"""

encoder = dict(type='GeometryEncoder', depth=18, input_size=64, num_points=200, appearance=32, base_channels=16)
pose_network = dict(
    type='LatentPoseHead',
    codec=dict(type='RootRelativeXYZ', root='wrist', scale_bone=('wrist', 'middle_mcp')),
    in_channels=600,
    hidden=(512, 512),
    dropout=0.5,
    norm=False,
    loss=dict(type='PoseSquaredLoss', reduction='mean', loss_weight=0.01),
)
feature_network = dict(checkpoint=None)

# Supervised, views alone, and both at once (section 3.2). Views first: the first one with backbone.frozen='all'.
pose_model = dict(type='HandPoseEstimator', modality='rgb', backbone=encoder, head=pose_network)
views_model = dict(
    type='ViewSynthesizer',
    backbone=encoder,
    decoder=dict(type='ViewDecoder', input_size=64, num_points=200, appearance=32, base_channels=8, dropout=0.0),
    feature_loss=dict(
        type='FeatureL1Loss',
        network=dict(type='HandResNet', depth=18, stem='imagenet', base_channels=16),
        loss_weight=1.0,
    ),
    p_swap=0.5,
)
semi_model = dict(views_model, head=pose_network)
