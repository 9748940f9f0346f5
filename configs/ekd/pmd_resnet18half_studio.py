"""EKD on PMD-Net's RGB student: its twin is configs/pmd/resnet18half_rgb_studio.py."""

_base_ = ['../pmd/resnet18half_rgb_studio.py', '../_base_/knowledge/ekd_pmd.py']

model = dict(_delete_=True, type='DistilledEstimator', student=_base_.model, distillers=_base_.ekd_distillers)
test_evaluator = [_base_.test_evaluator, _base_.angle_metric]
