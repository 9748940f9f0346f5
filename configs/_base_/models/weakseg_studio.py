"""The networks of weakseg, narrower, for a CPU: a sixth of f_s's multiplications, a twelfth of f_r's weights."""

segmentation = dict(
    type='HandPoseEstimator',
    modality='depth',
    backbone=dict(type='DensePatchNet', channels=(16, 32, 64), hidden=(128, 128)),
    head=dict(type='PartSegmentationHead', in_channels=128),
)
codec = dict(type='MetricCube', input_size=48)
# Section 5: "the subtracted depth is then added back to the network output": with contrast=9 that is the local mean.
# Variants: added='hand', the hand's mean; added='cube', nothing; contrast=None, no normalisation.
depth = dict(contrast=9)
direct = dict(  # baseline (a): depth alone
    type='HandPoseEstimator',
    modality='depth',
    backbone=dict(type='SegmentedDepth', **depth),
    head=dict(type='JointInceptionHead', codec=codec, hidden=100),
)
fused = dict(  # (c) and (d): depth and parts
    type='HandPoseEstimator',
    modality='depth',
    backbone=dict(type='SegmentedDepth', segmentation=segmentation, **depth),
    head=dict(type='JointInceptionHead', codec=codec, hidden=100),
)
cascade = dict(  # baseline (b): (a), then each joint once more, twice as large
    type='HandPoseEstimator',
    modality='depth',
    backbone=dict(type='CoarseJoints', estimator=direct, contrast=9),
    head=dict(type='JointCascadeHead', codec=codec, hidden=100),
)
