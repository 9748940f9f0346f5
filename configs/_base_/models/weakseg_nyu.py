"""The networks of Neverova et al. 2017 (Table 1): f_s for segmentation, and f_r, one per joint, for regression.

f_r has the 14 of NYU's joints that published figures use.
"""

segmentation = dict(
    type='HandPoseEstimator',
    modality='depth',
    backbone=dict(type='DensePatchNet'),
    head=dict(type='PartSegmentationHead'),
)
codec = dict(type='MetricCube', input_size=48)
# Section 5: "the subtracted depth is then added back to the network output": with contrast=9 that is the local mean.
# Variants: added='hand', the hand's mean; added='cube', nothing; contrast=None, no normalisation.
depth = dict(contrast=9)
direct = dict(  # baseline (a): depth alone
    type='HandPoseEstimator',
    modality='depth',
    backbone=dict(type='SegmentedDepth', **depth),
    head=dict(type='JointInceptionHead', codec=codec, joints='nyu'),
)
fused = dict(  # (c) and (d): depth and parts
    type='HandPoseEstimator',
    modality='depth',
    backbone=dict(type='SegmentedDepth', segmentation=segmentation, **depth),
    head=dict(type='JointInceptionHead', codec=codec, joints='nyu'),
)
cascade = dict(  # baseline (b): (a), then each joint once more, twice as large
    type='HandPoseEstimator',
    modality='depth',
    backbone=dict(type='CoarseJoints', estimator=direct, contrast=9),
    head=dict(type='JointCascadeHead', codec=codec, joints='nyu'),
)
