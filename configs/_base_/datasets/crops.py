"""What the data sets in files have in common: 64x64 square crops around the joints' box, and how they are loaded."""

input_size = 64

crop = dict(type='HandCrop', rule='square', factor=1.25)
warp = dict(type='WarpCrop', size=input_size)
cube = dict(type='DepthToCube', cube=300.0, root='middle_mcp')
pack_rgb = dict(type='PackHandInputs', modalities=['rgb'])
pack_depth = dict(type='PackHandInputs', modalities=['depth'])
pack_paired = dict(type='PackHandInputs', modalities=['rgb', 'depth'])

# Without augmentation. A data set's own file changes *_train.
rgb_train = rgb_test = [crop, warp, pack_rgb]
depth_train = depth_test = [crop, warp, cube, pack_depth]
paired_train = [crop, warp, cube, pack_paired]

train_dataloader = dict(
    batch_size=64,
    num_workers=4,
    persistent_workers=True,
    drop_last=True,
    sampler=dict(type='ReproducibleSampler'),
)
val_dataloader = dict(
    batch_size=64,
    num_workers=4,
    persistent_workers=True,
    drop_last=False,
    sampler=dict(type='DefaultSampler', shuffle=False),
)
test_dataloader = val_dataloader
val_evaluator = dict(type='HandKeypointMetric', root='middle_mcp', scale='gt')
test_evaluator = val_evaluator
