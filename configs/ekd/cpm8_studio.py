"""EKD on PI's small CPM in 3D: its twin is configs/pi/cpm8_rgb_studio.py."""

_base_ = ['../pi/cpm8_rgb_studio.py', '../_base_/knowledge/ekd_cpm8.py']

model = dict(_delete_=True, type='DistilledEstimator', student=_base_.model, distillers=_base_.ekd_distillers)
test_evaluator = [_base_.test_evaluator, _base_.angle_metric]
