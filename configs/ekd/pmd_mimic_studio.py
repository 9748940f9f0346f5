"""PMD-Net, whose joint angles are watched: depth mimicry without EKD."""

_base_ = ['../pmd/resnet18half_studio.py', '../_base_/knowledge/ekd_pmd.py']

test_evaluator = [_base_.test_evaluator, dict(type='HandAngleMetric')]

depth = dict(name='depth', label='Depth', role='pretraining', config='../pmd/resnet18half_depth_studio.py')
rgb = dict(name='rgb', label='RGB alone', role='twin', config='pmd_rgb_studio.py')
mimic = dict(
    name='mimic',
    label='depth mimicry',
    role='student',
    config='pmd_mimic_studio.py',
    teachers=dict(depth='depth'),
)
stages = dict(_delete_=True, runs=[depth, rgb, mimic])
