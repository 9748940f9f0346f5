"""All rows of PMD-Net's Table 2, for tools/stages.py."""

_base_ = ['../_base_/runtime.py', '../_base_/stages/pmd_ablation.py']

stages = dict(names=dict(net='resnet34', data='stb'))
