"""TS500M, one U-net stage, 40 wide, with EKD (Zhang et al. 2020, sections 3.2 and 4.2).

Its encoder halves the resolution by strided convolutions.

alpha = 20 for depths against pixels of a 128x128 input is, to our knowledge, that of Iqbal et al. 2018, whose poses
these are; here x and y run from -1 to 1, so that a pixel is 2 / 128. Where joint 0 is the palm's centre (LM, STB), the
bone from there is about half as long, and depths in units of it weigh twice as much.

Eq. 4 has lambda = (1, 0.1, 1): the paper gives none of them. Losses are sums over a hand. Loss_off has a small weight,
since its gradient reaches the student too; the offset network itself learns as fast with Adam. The warm-up of lambda_1
over the first 1000 steps is ours: at full weight from the first step it cost accuracy on the studio.
"""

model = dict(
    type='DistilledEstimator',
    student=dict(
        type='HandPoseEstimator',
        backbone=dict(type='HandUNet', channels=40, num_convs=1, strided=True),
        head=dict(
            type='Heatmap25DHead',
            codec=dict(type='Latent25D', input_size=128, root='wrist', scale_bone=('wrist', 'index_mcp')),
            loss=dict(type='PoseL1Loss', depth_weight=20 * 2 / 128),
        ),
    ),
    distillers=dict(
        angles=dict(type='AngleRegularizer', weight=1.0, warmup=1000),
        offset=dict(
            type='OffsetTeacher',
            offset_weight=0.1,
            modified_weight=1.0,
            layers=['backbone.stages.0', 'backbone.outputs.0'],
            in_channels=40 + 42,
            conv_channels=(64, 128, 128),
            hidden=(256,),
        ),
    ),
)
