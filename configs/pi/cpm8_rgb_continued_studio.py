"""The twin of PI-training: RGB_Net trained for as many steps more, without privileged information."""

_base_ = './cpm8_rgb_studio.py'

load_from = 'work_dirs/cpm8_rgb_studio/iter_500.pth'
param_scheduler = _base_.continued.param_scheduler
train_cfg = _base_.continued.train_cfg
