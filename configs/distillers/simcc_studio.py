"""Every distiller on one student and one data set: two networks of MMPose with SimCC on the hand studio.

Student and teacher are MMPose's `TopdownPoseEstimator`: a ResNet-18 for small crops and RTMPose's head, in a quarter
and three quarters of the usual width. The config itself is DWPose's first stage; `handkd stages` runs all distillers
and prints a table of them.
"""

_base_ = ['../_base_/runtime.py', '../_base_/datasets/studio.py']

steps = 600
size = (64, 64)
statistics = dict(mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375])
codec = dict(type='SimCCLabel', input_size=size, sigma=2.83, simcc_split_ratio=2.0, normalize=False)
gau = dict(hidden_dims=128, s=128, expansion_factor=2, dropout_rate=0.0, drop_path=0.0, act_fn='SiLU')


def network(width):
    return dict(
        type='TopdownPoseEstimator',
        data_preprocessor=dict(type='PoseDataPreprocessor', bgr_to_rgb=True, **statistics),
        backbone=dict(type='HandResNet', depth=18, stem='imagenet', base_channels=width),
        head=dict(
            type='RTMCCHead',
            in_channels=8 * width,
            out_channels=21,
            input_size=size,
            in_featuremap_size=(8, 8),
            simcc_split_ratio=codec['simcc_split_ratio'],
            final_layer_kernel_size=3,
            gau_cfg=dict(gau, use_rel_bias=False, pos_enc=False),
            loss=dict(type='KLDiscretLoss', use_target_weight=True, beta=10.0, label_softmax=True),
            decoder=codec,
        ),
    )


channels = dict(in_channels=128, out_channels=384)
adapter = dict(type='FeatureAdapter', **channels)
both = dict(layer='backbone', teacher='big')
levels = ['backbone.layer1', 'backbone.layer2', 'backbone.layer3', 'backbone.layer4']
feature = dict(both, type='FeatureMimic', norm='l2', weight=1.1e-4, adapter=adapter)
logit = dict(type='SimCCResponse', teacher='big', weight=0.2)
student, teacher = network(16), network(48)
model = dict(
    type='DistilledEstimator',
    data_preprocessor=dict(type='HandDataPreprocessor', rgb=statistics),
    student=student,
    teachers=dict(big=dict(model=teacher, checkpoint='work_dirs/simcc_studio/teacher/iter_1200.pth')),
    distillers=dict(
        feature=dict(feature, schedule=dict(type='linear', by_epoch=False)),
        logit=dict(logit, schedule=dict(type='linear', by_epoch=False)),
    ),
)

pack = dict(type='PackHandInputs', mmpose=True)
hands = dict(modalities=['rgb'], crop_noise=None, randomisation=dict(view=20.0))
loader = dict(num_workers=0, persistent_workers=False)
train_dataloader = dict(
    batch_size=32,
    dataset=dict(length=4000, pipeline=[dict(type='HandTargets', encoder=codec), pack], **hands),
    **loader,
)
val_dataloader = dict(dataset=dict(length=200, pipeline=[pack], **hands), **loader)
test_dataloader = dict(dataset=dict(length=1000, pipeline=[pack], **hands), **loader)
val_evaluator = dict(_delete_=True, type='HandPixelMetric', visible_only=False)
test_evaluator = val_evaluator

optim_wrapper = dict(type='OptimWrapper', optimizer=dict(type='AdamW', lr=2e-3, weight_decay=0.05))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, by_epoch=False, begin=0, end=100),
    dict(type='CosineAnnealingLR', eta_min=0.0, by_epoch=False, begin=100, end=steps),
]
train_cfg = dict(by_epoch=False, max_iters=steps, val_interval=steps)

# Rows of the table: one distiller at a time, on a layer that both networks have; 'big' is the teacher. By its weight
# each has half the norm of the pose loss's gradient at the backbone's last map, in steps 220 to 300 of the baseline.
longer = {'train_cfg.max_iters': 3 * steps // 2, 'param_scheduler.1.end': 3 * steps // 2}
twice = {'train_cfg.max_iters': 2 * steps, 'param_scheduler.1.end': 2 * steps}
off = {'model.distillers.feature': None, 'model.distillers.logit': None}


def row(name, label, options, **own):
    return dict(name=name, label=label, role='variant', options=options, **(own or dict(teachers=dict(big='teacher'))))


def only(name, label, settings):
    return row(name, label, {**off, f'model.distillers.{name}': settings})


average = {
    **off,
    'model.teachers': dict(average=dict(ema=0.99), _delete_=True),
    'model.distillers.ema': dict(type='SimCCResponse', teacher='average', weight=0.14),
}
stages = dict(
    runs=[
        dict(name='teacher', label='Teacher', role='teacher', teacher='big', options=twice),
        dict(name='baseline', label='Baseline', role='baseline', baseline=True),
        dict(name='longer', label='Baseline, 1.5 times the steps', role='variant', baseline=True, options=longer),
        row('fitnets', 'FeatureMimic', {'model.distillers.feature.schedule': None, 'model.distillers.logit': None}),
        row('logit', 'SimCCResponse', {'model.distillers.feature': None, 'model.distillers.logit.schedule': None}),
        row('dwpose', 'DWPose, first stage', {}),
        only('channel', 'ChannelWise', dict(both, type='ChannelWise', weight=7.5, adapter=adapter)),
        only('masked', 'MaskedGeneration', dict(both, type='MaskedGeneration', weight=5e-5, **channels)),
        only('attention', 'AttentionTransfer', dict(type='AttentionTransfer', layer=levels, teacher='big', weight=0.6)),
        only('relational', 'Relational', dict(both, type='Relational', weight=0.04)),
        only('similarity', 'SimilarityPreserving', dict(both, type='SimilarityPreserving', weight=290.0)),
        dict(name='ema', label='EMA of the student', role='variant', options=average),
        # DWPose's second stage: a new head on the first stage's frozen backbone, which its student alone teaches.
        row(
            'dwpose_head',
            'DWPose, both stages',
            {
                'model.distillers.feature': None,
                'model.distillers.logit': dict(type='SimCCResponse', teacher='first', _delete_=True),
                'model.teachers': dict(first=dict(model=student, checkpoint='of the stage dwpose'), _delete_=True),
                'model.student.backbone.init_cfg': dict(type='Pretrained', prefix='backbone.', checkpoint=''),
                'model.frozen': ['backbone'],
                'model.student_weight': 0.0,
                'train_cfg.max_iters': steps // 2,
                'param_scheduler.1.end': steps // 2,
            },
            teachers=dict(first='dwpose'),
            checkpoints={'model.student.backbone.init_cfg.checkpoint': 'dwpose'},
        ),
    ],
)
