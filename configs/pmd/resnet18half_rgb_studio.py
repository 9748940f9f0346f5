"""The RGB baseline of PMD-Net: the same student, data and steps, without distillation ('RGB Baseline Network')."""

_base_ = [
    '../_base_/runtime.py',
    '../_base_/models/pmd_resnet18half.py',
    '../_base_/datasets/studio.py',
    '../_base_/schedules/pmd_studio.py',
]
