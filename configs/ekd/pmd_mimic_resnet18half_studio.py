"""EKD together with depth mimicry: PMD-Net's distillers and the rules of the hand, in one student."""

_base_ = ['../pmd/resnet18half_studio.py', '../_base_/knowledge/ekd_pmd.py']

model = dict(distillers=_base_.ekd_distillers)
test_evaluator = [_base_.test_evaluator, _base_.angle_metric]
