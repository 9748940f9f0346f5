"""The RGB baseline of PMD-Net: the same student, data and steps, without distillation ('RGB Baseline Network')."""

_base_ = [
    '../_base_/runtime.py',
    '../_base_/models/pmd.py',
    '../_base_/datasets/rhd.py',
    '../_base_/schedules/pmd_rhd.py',
]
