"""PMD-Net's student alone, on a set without depth, in the schedule for RHD."""

_base_ = [
    '../_base_/runtime.py',
    '../_base_/models/pmd.py',
    '../_base_/datasets/panoptic.py',
    '../_base_/schedules/pmd_rhd.py',
]
