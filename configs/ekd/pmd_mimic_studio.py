"""PMD-Net, whose joint angles are watched: depth mimicry without EKD."""

_base_ = ['../pmd/resnet18half_studio.py', '../_base_/knowledge/ekd_pmd.py']

test_evaluator = [_base_.test_evaluator, dict(type='HandAngleMetric')]
