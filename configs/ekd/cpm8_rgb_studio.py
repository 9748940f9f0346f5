"""PI's small CPM in 3D alone, whose joint angles are watched: the twin of the one beside it."""

_base_ = ['../pi/cpm8_rgb_studio.py', '../_base_/knowledge/ekd_cpm8.py']

test_evaluator = [_base_.test_evaluator, dict(type='HandAngleMetric')]
