"""STB (Zhang et al. 2016), the colour camera of its SK sensor with depth in its pixels, in crops of 256x256.

The crops are those of Zimmermann and Brox, as Yuan et al. 2018 (section 4) cut them. Photograph and depth, with masks
of the hand, in training.
"""

input_size = 256

crop = dict(type='HandCrop', rule='zb')
# Their crop noise for 3D joints enlarges the hand by 1 to 1.2 and shifts the crop by a Gaussian of 10 px of the
# photograph. The shift here is uniform, with that standard deviation where the crop is 256 px wide, and serves 2D
# joints too, for which they do not enlarge, and shift by 20 px.
noise = dict(type='RandomCropNoise', scale=(1 / 1.2, 1.0), shift=0.068)
warp = dict(type='WarpCrop', size=input_size, border=128)
# Masks from depth, as in the paper (section 4.2), on sets that label the palm's centre instead of the wrist.
mask = dict(type='HandMaskFromDepth', joint0='palm')
cube = dict(type='DepthToCube', cube=300.0, root='middle_mcp')
pack_rgb = dict(type='PackHandInputs', modalities=['rgb'])
pack_all = dict(type='PackHandInputs', modalities=['rgb', 'depth'], fields=['hand_mask'])

source = dict(type='STBDataset', data_root='data/STB')
train_dataloader = dict(
    batch_size=8,
    num_workers=4,
    persistent_workers=True,
    drop_last=True,
    sampler=dict(type='ReproducibleSampler'),
    dataset=dict(
        source, split='train', modalities=['rgb', 'depth'], pipeline=[crop, noise, warp, mask, cube, pack_all]
    ),
)
val_dataloader = dict(
    batch_size=32,
    num_workers=4,
    persistent_workers=True,
    drop_last=False,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(source, split='test', modalities=['rgb'], pipeline=[crop, warp, pack_rgb]),
)
test_dataloader = val_dataloader
