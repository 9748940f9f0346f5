"""PI in 2D small enough for a CPU: an eighth of the width, at 96x96, with targets of the maps' own size.

A cell is a twelfth of the image, not a thirty-second, so joints are decoded between the cells. Eq. 1 and 3 sum over the
features, of which there are 12 x 12 x 16 here and 32 x 32 x 128 in the paper's network. lambda is smaller by as much,
so that Eq. 2 weighs them as the paper does.
"""


def network(modality, channels, loss_weight):
    return dict(
        type='HandPoseEstimator',
        modality=modality,
        backbone=dict(type='CPMFeatures', variant='posenet', in_channels=channels, base_channels=8),
        head=dict(
            type='PoseMachineHead',
            in_channels=16,
            first_channels=64,
            channels=16,
            codec=dict(
                type='CPMHeatmap', input_size=96, heatmap_size=12, sigma=25.0 * 96 / 256, enlarge=False, decoder='dark'
            ),
            loss=dict(type='HeatmapRMSELoss', loss_weight=loss_weight),
        ),
        # Mid-grey is 0, and so, nearly, is the area outside the image (Zimmermann and Brox).
        data_preprocessor=dict(type='HandDataPreprocessor', rgb=dict(mean=(127.5,) * 3, std=(255.0,) * 3)),
    )


model = dict(
    type='DistilledEstimator',
    # lambda (Eq. 2) is set from the beginning, so that the baseline differs only in the teacher.
    student=network('rgb', 3, loss_weight=100.0 * (12 * 12 * 16) / (32 * 32 * 128)),
    teachers=dict(depth=dict(model=network('depth', 1, loss_weight=1.0))),
    # The last convolution, in Eq. 1 and 3, whose masks are those of four fifths of the images. Eq. 3 is a sum over its
    # 131,072 values, beside a mean RMSE for each map: with weight 1 it silences the layer. 0.01 is the largest power of
    # ten that kept the studio's validation error (README).
    distillers=dict(
        inter=dict(type='FeatureMimic', layer='backbone.conv4_7', norm='l2'),
        mask=dict(type='BackgroundSuppression', layer='backbone.conv4_7', weight=0.01, fraction=0.8),
    ),
)
