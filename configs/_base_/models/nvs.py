"""NVS: encoder, decoder and pose network (Mueller et al. 2020), with the layers of Rhodin et al. 2018.

The feature loss uses an ImageNet ResNet-18, as in the paper.
"""

encoder = dict(type='GeometryEncoder', depth=50, input_size=128, num_points=200, appearance=128)
pose_network = dict(
    type='LatentPoseHead',
    codec=dict(type='RootRelativeXYZ', root='wrist', scale_bone=('wrist', 'middle_mcp')),
    in_channels=600,
    hidden=(2048, 2048),
    dropout=0.5,
)
# Path or URL of its weights; None for a random network: --cfg-options feature_network.checkpoint=None
feature_network = dict(checkpoint='torchvision://resnet18')

# Supervised, views alone, and both at once (section 3.2). Views first: the first one with backbone.frozen='all'.
pose_model = dict(type='HandPoseEstimator', modality='rgb', backbone=encoder, head=pose_network)
views_model = dict(
    type='ViewSynthesizer',
    backbone=encoder,
    decoder=dict(type='ViewDecoder', input_size=128, num_points=200, appearance=128, base_channels=32),
    feature_loss=dict(
        type='FeatureL1Loss', network=dict(type='HandResNet', depth=18, stem='imagenet'), loss_weight=2.0
    ),
    p_swap=0.5,
)
semi_model = dict(views_model, head=pose_network)
