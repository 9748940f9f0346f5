"""STB (Zhang et al. 2016) for EKD: the colour camera of its SK sensor."""

input_size = 128

crop = dict(type='HandCrop', rule='square', factor=1.25)
noise = dict(type='RandomCropNoise', scale=(0.9, 1.2), shift=0.08)
warp = dict(type='WarpCrop', size=input_size)
pack = dict(type='PackHandInputs', modalities=['rgb'])

source = dict(type='STBDataset', data_root='data/STB', modalities=['rgb'])
loader = dict(num_workers=4, persistent_workers=True)
train_dataloader = dict(
    batch_size=32,
    drop_last=True,
    sampler=dict(type='ReproducibleSampler'),
    dataset=dict(split='train', pipeline=[crop, noise, warp, pack], **source),
    **loader,
)
val_dataloader = dict(
    batch_size=64,
    drop_last=False,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(split='test', pipeline=[crop, warp, pack], **source),
    **loader,
)
test_dataloader = val_dataloader

angle_limits = dict(file='work_dirs/angle_limits/stb_{labels}.json', percentile=0.0)
# First the paper's protocol: the error in the camera's frame, given the true depth of the root and the true scale
# (section 4.1). Then the same joints relative to the root, V.F., and the error with depth and size as estimated.
val_evaluator = [
    dict(type='HandKeypointMetric', root=None, scale='gt', prefix='gt-depth'),
    dict(type='HandKeypointMetric', root='palm', scale_bone=('wrist', 'index_mcp'), prefix='gt-depth'),
    dict(type='HandAngleMetric'),
    dict(type='HandKeypointMetric', root='palm', scale='pred', prefix='estimated-depth'),
]
test_evaluator = val_evaluator
