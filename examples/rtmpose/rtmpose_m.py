"""The teacher: an RTMPose of m's form, small enough for a CPU. A plain config of MMPose."""

_base_ = 'freihand.py'

codec = _base_.codec

# RTMPose-m: deepen_factor=0.67, widen_factor=0.75, hidden_dims=256, s=128; four stages, for out_indices=(4,), and
# cells of 32 px. A crop of 96 px would leave 3 x 3 of these, too few to learn from in minutes: here the last stage is
# left out, cells have 16 px, and the last map has 512 channels, in place of 1024, times widen_factor.
model = dict(
    type='TopdownPoseEstimator',
    data_preprocessor=dict(
        type='PoseDataPreprocessor', mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375], bgr_to_rgb=True
    ),
    backbone=dict(
        type='CSPNeXt',
        arch='P5',
        expand_ratio=0.5,
        deepen_factor=0.33,
        widen_factor=0.25,
        arch_ovewrite=[[64, 128, 3, True, False], [128, 256, 6, True, False], [256, 512, 6, False, True]],
        out_indices=(3,),
        channel_attention=True,
        norm_cfg=dict(type='BN'),
        act_cfg=dict(type='SiLU'),
    ),
    head=dict(
        type='RTMCCHead',
        in_channels=128,
        out_channels=21,
        input_size=codec['input_size'],
        in_featuremap_size=tuple(side // 16 for side in codec['input_size']),
        simcc_split_ratio=codec['simcc_split_ratio'],
        final_layer_kernel_size=7,
        gau_cfg=dict(
            hidden_dims=128,
            s=64,
            expansion_factor=2,
            dropout_rate=0.0,
            drop_path=0.0,
            act_fn='SiLU',
            use_rel_bias=False,
            pos_enc=False,
        ),
        loss=dict(type='KLDiscretLoss', use_target_weight=True, beta=10.0, label_softmax=True),
        decoder=codec,
    ),
    test_cfg=dict(flip_test=True),
)
