"""PMD-Net's RGB student alone, whose joint angles are watched: the twin of the two beside it."""

_base_ = ['../pmd/resnet18half_rgb_studio.py', '../_base_/knowledge/ekd_pmd.py']

test_evaluator = [_base_.test_evaluator, dict(type='HandAngleMetric')]
