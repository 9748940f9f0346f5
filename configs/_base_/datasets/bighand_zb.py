"""BigHand2.2M (Yuan et al. 2017), depth only, in crops of 256x256; one person is left out for testing.

The crops are those of Zimmermann and Brox, as Yuan et al. 2018 (section 4) cut them.
"""

input_size = 256

crop = dict(type='HandCrop', rule='zb')
# Their crop noise for 3D joints enlarges the hand by 1 to 1.2 and shifts the crop by a Gaussian of 10 px of the
# photograph. The shift here is uniform, with that standard deviation where the crop is 256 px wide, and serves 2D
# joints too, for which they do not enlarge, and shift by 20 px.
noise = dict(type='RandomCropNoise', scale=(1 / 1.2, 1.0), shift=0.068)
warp = dict(type='WarpCrop', size=input_size, border=128)
cube = dict(type='DepthToCube', cube=300.0, root='middle_mcp')
pack_depth = dict(type='PackHandInputs', modalities=['depth'])

source = dict(type='BigHandDataset', data_root='data/BigHand2.2M', modalities=['depth'])
train_dataloader = dict(
    batch_size=8,
    num_workers=4,
    persistent_workers=True,
    drop_last=True,
    sampler=dict(type='ReproducibleSampler'),
    dataset=dict(source, split='train', pipeline=[crop, noise, warp, cube, pack_depth]),
)
val_dataloader = dict(
    batch_size=32,
    num_workers=4,
    persistent_workers=True,
    drop_last=False,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(source, split='test', pipeline=[crop, warp, cube, pack_depth]),
)
test_dataloader = val_dataloader
