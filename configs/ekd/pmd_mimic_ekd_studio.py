"""EKD together with PMD-Net's depth mimicry, which is in neither paper; the stages train each alone, too.

The weights are for PMD-Net's location loss, which is alpha = 100 times a norm (Eq. 5 of PMD-Net).
"""

_base_ = [
    '../_base_/runtime.py',
    '../_base_/models/pmd_resnet18half.py',
    '../_base_/datasets/studio.py',
    '../_base_/schedules/pmd_studio.py',
]

angle_limits = dict(file='work_dirs/angle_limits/studio_{labels}.json')
ekd = dict(
    angles=dict(type='AngleRegularizer', weight=10.0, warmup=1000),
    offset=dict(type='OffsetTeacher', layers=['neck'], in_channels=256, offset_weight=1.0, modified_weight=1.0),
)
model = dict(
    teachers=dict(depth=dict(checkpoint='work_dirs/resnet18half_studio_depth/iter_3000.pth')),
    distillers=ekd,
)
test_evaluator = [_base_.test_evaluator, dict(type='HandAngleMetric')]

without_mimicry = {f'model.distillers.{name}': None for name in ('feat', 'x', 'y', 'z')} | {
    'model.teachers.depth': None
}
without_ekd = {f'model.distillers.{name}': None for name in ekd}
teachers = dict(depth='depth')
stages = dict(
    runs=[
        dict(name='depth', label='Depth', role='pretraining', config='../pmd/resnet18half_studio.py', teacher='depth'),
        dict(name='rgb', label='RGB alone', role='baseline', baseline=True),
        dict(name='ekd', label='EKD', role='variant', options=without_mimicry),
        dict(name='mimic', label='depth mimicry', role='variant', options=without_ekd, teachers=teachers),
        dict(name='both', label='EKD, depth mimicry', role='student', teachers=teachers),
    ],
)
