"""MMPose's SimCC network on the hand studio learns from a depth network of handkd."""

_base_ = '../../configs/pmd/resnet18half_studio.py'

codec = dict(type='SimCCLabel', input_size=(64, 64), sigma=2.0, simcc_split_ratio=2.0)
statistics = dict(mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375])
targets = dict(type='HandTargets', encoder=codec)

model = dict(
    data_preprocessor=dict(type='HandDataPreprocessor', rgb=statistics),
    student=dict(
        _delete_=True,
        type='TopdownPoseEstimator',
        data_preprocessor=dict(type='PoseDataPreprocessor', bgr_to_rgb=True, **statistics),
        backbone=dict(type='ResNet', depth=18, base_channels=8),
        head=dict(
            type='SimCCHead',
            in_channels=64,
            out_channels=21,
            input_size=codec['input_size'],
            in_featuremap_size=(2, 2),
            simcc_split_ratio=codec['simcc_split_ratio'],
            deconv_out_channels=None,
            decoder=codec,
        ),
        test_cfg=dict(flip_test=True),
    ),
    distillers=dict(_delete_=True, feature=dict(type='PooledMimic')),
)
train_dataloader = dict(
    dataset=dict(pipeline=[_base_.cube, targets, dict(type='PackHandInputs', modalities=['rgb', 'depth'], mmpose=True)])
)
val_dataloader = dict(dataset=dict(pipeline=[dict(type='PackHandInputs', mmpose=True)]))
test_dataloader = val_dataloader
val_evaluator = [
    dict(type='HandPixelMetric'),
    dict(type='EPE'),
    dict(type='PCKAccuracy', thr=0.2),
    dict(type='AUC'),
]
test_evaluator = val_evaluator
stages = None
