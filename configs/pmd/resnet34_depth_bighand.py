"""Stage I of PMD-Net on a large set of depth images without colour, in the schedule for RHD."""

_base_ = [
    '../_base_/runtime.py',
    '../_base_/models/pmd.py',
    '../_base_/datasets/bighand.py',
    '../_base_/schedules/pmd_rhd.py',
]

model = _base_.depth_model
