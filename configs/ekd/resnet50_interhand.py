"""EKD on InterHand2.6M (Moon et al. 2020): single and interacting hands, each hand a sample."""

_base_ = [
    '../_base_/runtime.py',
    '../_base_/models/ekd_resnet50.py',
    '../_base_/schedules/ekd.py',
    '../_base_/stages/ekd.py',
]

input_size = 128

crop = dict(type='HandCrop', rule='square', factor=1.25)
noise = dict(type='RandomCropNoise', scale=(0.9, 1.2), shift=0.08)
warp = dict(type='WarpCrop', size=input_size)
pack = dict(type='PackHandInputs', modalities=['rgb'])

# Hands without the root or the scale bone of the 2.5D pose are left out.
source = dict(
    type='InterHand26MDataset',
    data_root='data/InterHand2.6M_5fps_batch1',
    need_joints=['wrist', 'index_mcp'],
    modalities=['rgb'],
)
loader = dict(num_workers=4, persistent_workers=True)
train_dataloader = dict(
    batch_size=32,
    drop_last=True,
    sampler=dict(type='ReproducibleSampler'),
    dataset=dict(split='train', pipeline=[crop, noise, warp, pack], **source),
    **loader,
)
evaluation = dict(batch_size=64, drop_last=False, sampler=dict(type='DefaultSampler', shuffle=False), **loader)
# Every 20th frame: the whole set has 380,125 images.
val_dataloader = dict(evaluation, dataset=dict(split='val', every_nth_frame=20, pipeline=[crop, warp, pack], **source))
test_dataloader = dict(evaluation, dataset=dict(split='test', pipeline=[crop, warp, pack], **source))

# Some joints were triangulated badly: outliers do not widen the bounds.
angle_limits = dict(file='work_dirs/angle_limits/interhand_{labels}.json', percentile=0.5)
# First the paper's protocol: the error in the camera's frame, given the true depth of the root and the true scale
# (section 4.1). Then the same joints relative to the root, V.F., and the error with depth and size as estimated.
val_evaluator = [
    dict(type='HandKeypointMetric', root=None, scale='gt', prefix='gt-depth'),
    dict(type='HandKeypointMetric', root='wrist', scale_bone=('wrist', 'index_mcp'), prefix='gt-depth'),
    dict(type='HandAngleMetric'),
    dict(type='HandKeypointMetric', root='wrist', scale='pred', prefix='estimated-depth'),
]
test_evaluator = val_evaluator
