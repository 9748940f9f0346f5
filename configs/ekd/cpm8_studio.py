"""EKD on PI's small CPM in 3D, without depth."""

_base_ = '../pi/cpm8_rgb_studio.py'

angle_limits = dict(file='work_dirs/angle_limits/studio_pi_{labels}.json')
model = dict(
    _delete_=True,
    type='DistilledEstimator',
    student=_base_.model,
    distillers=dict(
        angles=dict(type='AngleRegularizer', weight=1.0, warmup=1000),
        offset=dict(type='OffsetTeacher', layers=['backbone'], in_channels=16, offset_weight=0.1, modified_weight=1.0),
    ),
)
test_evaluator = [_base_.test_evaluator, dict(type='HandAngleMetric')]
stages = dict(
    runs=[
        dict(name='rgb', label="PI's student alone", role='baseline', baseline=True),
        dict(name='ekd', label='with EKD', role='student'),
    ],
)
