"""PI in 3D: the RGB network, the depth network, and the losses between them (Yuan et al. 2018, sections 3 and 4.1)."""


def network(modality, channels, loss_weight):
    return dict(
        type='HandPoseEstimator',
        modality=modality,
        backbone=dict(type='CPMFeatures', variant='yuan14c4p', in_channels=channels),
        head=dict(
            type='FCHead',
            in_channels=128,
            in_size=16,
            # Origin: joint 0, on RHD and STB the palm's centre as in Zimmermann and Brox; their unit is the bone.
            codec=dict(type='RootRelativeXYZ', root='wrist', scale_bone=('middle_mcp', 'middle_pip')),
            loss=dict(type='PoseSquaredLoss', loss_weight=loss_weight),
        ),
        # Mid-grey is 0, and so, nearly, is the area outside the image (Zimmermann and Brox).
        data_preprocessor=dict(type='HandDataPreprocessor', rgb=dict(mean=(127.5,) * 3, std=(255.0,) * 3)),
    )


model = dict(
    type='DistilledEstimator',
    # lambda = 100 (Eq. 2) is set from the beginning, so that the baseline differs only in the teacher.
    student=network('rgb', 3, loss_weight=100.0),
    teachers=dict(depth=dict(model=network('depth', 1, loss_weight=1.0))),
    distillers=dict(  # k = 18 in Eq. 1 to 3: the last convolution
        inter=dict(type='FeatureMimic', layer='backbone.conv5_2', norm='l2'),
        mask=dict(type='BackgroundSuppression', layer='backbone.conv5_2'),
    ),
)
