"""PI in 2D: Zimmermann and Brox's PoseNet on RGB and on depth (Yuan et al. 2018, section 4.2)."""


def network(modality, channels, loss_weight):
    return dict(
        type='HandPoseEstimator',
        modality=modality,
        backbone=dict(type='CPMFeatures', variant='posenet', in_channels=channels),
        head=dict(
            type='PoseMachineHead',
            in_channels=128,
            codec=dict(type='CPMHeatmap', input_size=256, heatmap_size=32, sigma=25.0),
            loss=dict(type='HeatmapRMSELoss', loss_weight=loss_weight),
        ),
        # Mid-grey is 0, and so, nearly, is the area outside the image (Zimmermann and Brox).
        data_preprocessor=dict(type='HandDataPreprocessor', rgb=dict(mean=(127.5,) * 3, std=(255.0,) * 3)),
    )


model = dict(
    type='DistilledEstimator',
    # lambda = 100 (Eq. 2) is set from the beginning, so that the baseline differs only in the teacher.
    student=network('rgb', 3, loss_weight=100.0),
    teachers=dict(depth=dict(model=network('depth', 1, loss_weight=1.0))),
    # The last convolution, in Eq. 1 and 3, whose masks are those of four fifths of the images. Eq. 3 is a sum over its
    # 131,072 values, beside a mean RMSE for each map: with weight 1 it silences the layer. 0.01 is the largest power of
    # ten that kept the studio's validation error (README).
    distillers=dict(
        inter=dict(type='FeatureMimic', layer='backbone.conv4_7', norm='l2'),
        mask=dict(type='BackgroundSuppression', layer='backbone.conv4_7', weight=0.01, fraction=0.8),
    ),
)
