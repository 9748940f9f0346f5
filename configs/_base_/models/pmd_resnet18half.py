"""PMD-Net small enough for a CPU: a ResNet-18 of half width after the ImageNet stem, its depth teacher and losses."""


def network(modality, channels, loss_weight):
    return dict(
        type='HandPoseEstimator',
        modality=modality,
        backbone=dict(type='HandResNet', depth=18, stem='imagenet', base_channels=32, in_channels=channels),
        neck=dict(type='GlobalAveragePooling'),
        head=dict(
            type='PMDHead',
            in_channels=256,
            codec=dict(type='RootRelativeXYZ', root='middle_mcp', scale_bone=('wrist', 'middle_mcp')),
            loss=dict(type='PoseNormLoss', loss_weight=loss_weight),
        ),
    )


model = dict(
    type='DistilledEstimator',
    # alpha = 100 (Eq. 5) with and without distillation, so nothing else differs in the baseline: Adam's weight decay is
    # added to the gradient, and another scale of the loss would change its strength.
    student=network('rgb', 3, loss_weight=100.0),
    teachers=dict(depth=dict(model=network('depth', 1, loss_weight=1.0))),  # Eq. 2
    # Eq. 3 with lambda = 1/16 and 5/16: the 256-d feature, and the layer before the last of each sub-network.
    distillers=dict(
        feat=dict(type='FeatureMimic', layer='neck', weight=1 / 16),
        x=dict(type='FeatureMimic', layer='head.branches.x.relu2', weight=5 / 16),
        y=dict(type='FeatureMimic', layer='head.branches.y.relu2', weight=5 / 16),
        z=dict(type='FeatureMimic', layer='head.branches.z.relu2', weight=5 / 16),
    ),
)
