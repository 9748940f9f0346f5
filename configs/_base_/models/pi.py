"""PI in 3D: the RGB network, the depth network, and the losses between them (Yuan et al. 2018, sections 3 and 4.1)."""

# Joint 0, the palm's centre on RHD and STB as in Zimmermann and Brox, is the origin; their unit is this bone.
codec = dict(type='RootRelativeXYZ', root='wrist', scale_bone=('middle_mcp', 'middle_pip'))


def network(modality, channels, loss_weight):
    return dict(
        type='HandPoseEstimator',
        modality=modality,
        backbone=dict(type='CPMFeatures', variant='yuan14c4p', in_channels=channels),
        head=dict(
            type='FCHead',
            in_channels=128,
            in_size=16,
            codec=codec,
            loss=dict(type='PoseSquaredLoss', loss_weight=loss_weight),
        ),
        # Mid-grey is 0, and so, nearly, is the area outside the image (Zimmermann and Brox).
        data_preprocessor=dict(type='HandDataPreprocessor', rgb=dict(mean=(127.5,) * 3, std=(255.0,) * 3)),
    )


# The RGB network carries lambda = 100 (Eq. 2) from the beginning, so that the baseline differs only in the teacher.
model = network('rgb', 3, loss_weight=100.0)
depth_model = network('depth', 1, loss_weight=1.0)

# k = 18 in Eq. 1 to 3: the last convolution.
mimic = dict(type='FeatureMimic', layer='backbone.conv5_2', norm='l2')
background = dict(type='BackgroundSuppression', layer='backbone.conv5_2')
