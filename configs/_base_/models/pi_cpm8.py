"""PI in 3D small enough for a CPU: an eighth of the width, at 96x96.

Eq. 1 and 3 sum over the features, of which there are 6 x 6 x 16 here and 16 x 16 x 128 in the paper's network. lambda
is smaller by as much, so that Eq. 2 weighs them as the paper does.
"""


def network(modality, channels, loss_weight):
    return dict(
        type='HandPoseEstimator',
        modality=modality,
        backbone=dict(type='CPMFeatures', variant='yuan14c4p', in_channels=channels, base_channels=8),
        head=dict(
            type='FCHead',
            in_channels=16,
            in_size=6,
            hidden=(256,),
            # Origin: joint 0, on RHD and STB the palm's centre as in Zimmermann and Brox; their unit is the bone.
            codec=dict(type='RootRelativeXYZ', root='wrist', scale_bone=('middle_mcp', 'middle_pip')),
            loss=dict(type='PoseSquaredLoss', loss_weight=loss_weight),
        ),
        # Mid-grey is 0, and so, nearly, is the area outside the image (Zimmermann and Brox).
        data_preprocessor=dict(type='HandDataPreprocessor', rgb=dict(mean=(127.5,) * 3, std=(255.0,) * 3)),
    )


model = dict(
    type='DistilledEstimator',
    # lambda (Eq. 2) is set from the beginning, so that the baseline differs only in the teacher.
    student=network('rgb', 3, loss_weight=100.0 * (6 * 6 * 16) / (16 * 16 * 128)),
    teachers=dict(depth=dict(model=network('depth', 1, loss_weight=1.0))),
    distillers=dict(  # k = 18 in Eq. 1 to 3: the last convolution
        inter=dict(type='FeatureMimic', layer='backbone.conv5_2', norm='l2'),
        mask=dict(type='BackgroundSuppression', layer='backbone.conv5_2'),
    ),
)
