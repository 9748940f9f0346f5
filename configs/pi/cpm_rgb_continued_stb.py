"""The twin of PI-training: RGB_Net trained for as many steps more, without privileged information."""

_base_ = './cpm_rgb_stb.py'

load_from = 'work_dirs/cpm_rgb_stb/iter_20000.pth'
param_scheduler = _base_.continued.param_scheduler
train_cfg = _base_.continued.train_cfg
