"""What `make demo` runs: depth teacher, RGB twin and PMD-Net student in minutes on two CPU cores."""

_base_ = './resnet18half_studio.py'

stages = dict(options={'train_cfg.max_iters': 800})
