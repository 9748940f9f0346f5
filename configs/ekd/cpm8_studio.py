"""EKD on PI's small CPM in 3D, without depth."""

_base_ = [
    '../_base_/runtime.py',
    '../_base_/models/pi_cpm8.py',
    '../_base_/datasets/studio_pi.py',
    '../_base_/schedules/pi_studio.py',
]

angle_limits = dict(file='work_dirs/angle_limits/studio_pi_{labels}.json')
model = dict(
    _delete_=True,
    type='DistilledEstimator',
    student=_base_.model.student,
    distillers=dict(
        angles=dict(type='AngleRegularizer', weight=1.0, warmup=1000),
        offset=dict(type='OffsetTeacher', layers=['backbone'], in_channels=16, offset_weight=0.1, modified_weight=1.0),
    ),
)
train_dataloader = dict(dataset=dict(modalities=['rgb'], pipeline=[_base_.pack_rgb]))
val_evaluator = dict(_base_.val_evaluator, root='wrist', scale_bone=('middle_mcp', 'middle_pip'))
test_evaluator = [val_evaluator, dict(type='HandAngleMetric')]
stages = dict(
    runs=[
        dict(name='rgb', label="PI's student alone", role='baseline', baseline=True),
        dict(name='ekd', label='with EKD', role='student'),
    ],
)
